"""Every bad checkpoint is refused with sentences that name what is wrong, and leaves nothing.

RUN: %python %s transformer-compile %t

The numbers are those of the catalogue in docs; for each case: exit code 1, nothing on stdout, no
output file, no stack dump, within 10 seconds and 1 GB, and within 96 MB more than a good
checkpoint needs unless the file itself is large.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
import checkpoint
import hostile_config
import hostile_weights

SANITIZED = "ASAN_OPTIONS" in os.environ


def run(tool, directory, out):
    """Exit code, stdout, stderr, seconds and kilobytes of one import."""
    start = time.monotonic()
    with open(out + ".stdout", "wb") as stdout, open(out + ".stderr", "wb") as stderr:
        process = subprocess.Popen([tool, "--emit=transformer", directory, "-o", out],
                                   stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    texts = []
    for name in (".stdout", ".stderr"):
        with open(out + name, encoding="utf-8", errors="surrogateescape") as file:
            texts.append(file.read())
    return process.returncode, *texts, seconds, usage.ru_maxrss


def complaints(result, out, expected, baseline, large):
    code, stdout, stderr, seconds, kilobytes = result
    if code != 1:
        yield f"exit code {code}"
    if stdout:
        yield f"stdout: {stdout[:200]!r}"
    if os.path.exists(out):
        yield "an output file was left"
    for wanted in expected:
        found = wanted.search(stderr) if isinstance(wanted, re.Pattern) else wanted in stderr
        if not found:
            yield f"{wanted!r} is not in the message"
    if "Stack dump" in stderr or "PLEASE submit" in stderr or "Sanitizer" in stderr:
        yield "it crashed"
    lines = stderr.splitlines()
    if not all("error: " in line or "note: " in line for line in lines):
        yield "a line is neither an error nor a note"
    if any(len(line) > 1000 or not line.isprintable() for line in lines):
        yield "a line is too long, or has control characters"
    if seconds > 10:
        yield f"{seconds:.1f} s"
    if not SANITIZED and kilobytes > (1_000_000 if large else baseline + 96_000):
        yield f"{kilobytes} kB, {baseline} kB for a good checkpoint"


def main(tool, root):
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    out = os.path.join(root, "out.mlir")
    failures, total, baseline = [], 0, 0
    for name, spoil in {"good": lambda directory: None, **hostile_weights.ACCEPTED}.items():
        directory = os.path.join(root, "accepted")
        checkpoint.make("bert", directory)
        spoil(directory)
        code, _, stderr, _, kilobytes = run(tool, directory, out)
        total += 1
        baseline = baseline or kilobytes
        if code or not os.path.exists(out):
            failures.append(f"{name}: refused: {stderr}")
        else:
            os.remove(out)
        shutil.rmtree(directory)
    suites = [("bert", hostile_weights.CASES), ("bert", hostile_config.CASES),
              ("roberta", hostile_config.ROBERTA), ("vit", hostile_config.VIT),
              ("gpt2", hostile_config.GPT2)]
    for family, cases in suites:
        for name, (spoil, *expected) in cases.items():
            directory = os.path.join(root, "case")
            checkpoint.make(family, directory)
            spoil(directory)
            size = sum(os.path.getsize(os.path.join(directory, f)) for f in os.listdir(directory)
                       if os.path.isfile(os.path.join(directory, f)))
            result = run(tool, directory, out)
            bad = list(complaints(result, out, expected, baseline, size > 4_000_000))
            total += 1
            if bad:
                failures.append(f"{name}: {'; '.join(bad)}\n{result[2][:500]}")
            if os.path.exists(out):
                os.remove(out)
            shutil.rmtree(directory)
    # The directory itself.
    for name, path in (("no directory", os.path.join(root, "nothing")), ("empty", root)):
        result = run(tool, path, out)
        total += 1
        failures += [f"{name}: {text}" for text in complaints(result, out, [], baseline, False)]
    print(f"{total - len(failures)} of {total} cases as expected")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main(sys.argv[1], sys.argv[2]))
