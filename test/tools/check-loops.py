"""Reads the innermost loops of assembly that `transformer-compile --emit=asm` wrote.

  check-loops.py FILE [--function=REGEX] [--loop-with=REGEX] [--min=N] [--list]

Looks at the innermost loops, of functions whose name matches, that have a vector
instruction which matches --loop-with (default: any); LLVM's notes in the file say
what is a loop. Fails if vector registers move between one of them and the stack, if
there are fewer than --min, or if anything in the file calls a function that
is not in it, but for those that move memory. --list prints the loops' vector
instructions, each kind once.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import collections
import re
import sys

REGISTER = re.compile(r"%[xyz]mm\d+|\b[vqd]\d+\b")
# A slot of its own. What has an index as well is an array.
SLOT = re.compile(r"(?:^|\W)-?\d*\((%rsp|%rbp)\)|\[(sp|x29)(?:, #-?\d+)?\]")
# These read one element, which is no register that was put away.
ELEMENT = re.compile(r"v?p?broadcast|v?mov(ss|sd|d|q)$|v?p?insr?|ld1")
CALL = re.compile(r"\s(?:call\w*|jmp|bl|b)\s+([A-Za-z_][\w.]*)")
MEMORY = {"memcpy", "memmove", "memset"}
BEGIN = re.compile(r"-- Begin function (\S+)")
# An instruction or a label, and a comment behind it.
LINE = re.compile(r"^((?:[^#/]|#(?=-?\d)|/(?!/))*)(?:#|//)?(.*)$")
BLOCK = re.compile(r"^\.LBB(\d+_\d+):|^\s*(?:#|//) %bb\.(\d+):")


class Loop:
    def __init__(self, function):
        self.function, self.code, self.inner = function, [], False

    def vectors(self):
        return [line for line in self.code if REGISTER.search(line)]


def innermost(lines):
    """The innermost loops, by LLVM's notes on blocks."""
    loops, function, block, loop, head = {}, "", "", None, False
    for line in lines:
        begin, label = BEGIN.search(line), BLOCK.match(line)
        if begin or label:
            function = begin.group(1) if begin else function
            block, loop, head = label and label.group(1), None, bool(label)
        code, note = LINE.match(line).groups()
        header = re.search(r"in Loop: Header=BB(\d+_\d+)", note)
        if head and (header or "Inner Loop Header" in note):
            loop = loops.setdefault(header.group(1) if header else block, Loop(function))
            loop.inner |= not header
        code = " ".join(code.split()).removeprefix("{vex} ")
        if code and not code.endswith(":") and not code.startswith("."):
            head = False
            if loop:
                moved = re.search(r"\d+-byte (Folded )?(Spill|Reload)", note)
                loop.code.append(code + (f" # {moved.group(0)}" if moved else ""))
    return [loop for loop in loops.values() if loop.inner]


def stack_moves(loop, frame):
    """Instructions that move a vector register to the stack or back."""
    for line in loop.vectors():
        slot = SLOT.search(line.split(" # ")[0])
        register = slot and (slot.group(1) or slot.group(2))
        if slot and not ELEMENT.match(line) and (register in ("%rsp", "sp") or loop.function in frame):
            yield line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--function", default="")
    parser.add_argument("--loop-with", default="", help="a regular expression, of mnemonic and operands")
    parser.add_argument("--min", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    lines = open(options.file, encoding="utf-8").read().splitlines()
    frame, function = set(), ""
    for line in lines:
        found = BEGIN.search(line)
        function = found.group(1) if found else function
        if re.search(r"movq\s+%rsp, %rbp|\bmov\s+x29, sp|\badd\s+x29, sp", line):
            frame.add(function)
    kinds, problems = collections.Counter(), []
    for loop in innermost(lines):
        if not re.search(options.function, loop.function):
            continue
        if not any(re.search(options.loop_with, line) for line in loop.vectors()):
            continue
        counts = collections.Counter(line.split()[0] for line in loop.vectors())
        kinds[" ".join(f"{m}:{n}" for m, n in sorted(counts.items()))] += 1
        moves = list(stack_moves(loop, frame))
        if moves:
            problems.append(f"error: {loop.function}: a loop has vector registers on the stack: {'; '.join(moves)}")
    own = {match.group(1) for line in lines if (match := re.match(r"([\w.]+):", line))}
    called = {match.group(1) for line in lines if (match := CALL.match(line))}
    for name in sorted(called - own - MEMORY):
        problems.append(f"error: calls {name}, which is elsewhere")
    if options.list:
        print("\n".join(f"{count} x {kind}" for kind, count in kinds.most_common()))
    number = sum(kinds.values())
    print("\n".join(problems + [f"{number} innermost loops"]))
    if number < options.min:
        print(f"error: expected {options.min} or more with '{options.loop_with}'")
    sys.exit(bool(problems) or number < options.min)


main()
