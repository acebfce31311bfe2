"""What the passes said, from the lines of report.json. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import re
from typing import NamedTuple

REMARK = re.compile(r"\[(\w+)\] (?:(.*?): )?((?:transformer|convert)-[\w-]+): (?:([\w-]+): )?(.*)", re.S)
LOST = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?) of ((?:its|the|that of the)\b[\w' ]*?)(?: energy| variance)? lost")


SERIES = ("error-curve", "spectrum", "importance")  # remarks that are numbers, for a chart
PAIR = re.compile(r"([\d.eE+-]+):([\d.eE+-]+)")


class Remark(NamedTuple):
    kind: str  # Passed, Missed, Failure or Analysis
    path: str  # of the module
    what: str
    text: str


def passes_of(report):
    """Pass to its remarks, in order, and lines that are no remarks."""
    groups, other = {}, []
    for line in report.get("remarks", []):
        found = REMARK.fullmatch(line)
        if found:
            groups.setdefault(found[3], []).append(Remark(found[1], found[2] or "", found[4] or "", found[5]))
        else:
            other.append(line)
    return groups, other


def errors_of(report):
    """(pass, "weight" or "output") to module to the part of its energy or variance that the pass says was lost."""
    found = {}
    for name, rows in passes_of(report)[0].items():
        for row in rows:
            lost = LOST.search(row.text)
            if lost and row.path:
                kind = "output" if "output" in lost[2] else "weight"
                found.setdefault((name, kind), {})[row.path] = float(lost[1])
    return found


def series_of(row):
    """(label, pairs, or numbers of an "importance") of a remark that is a series; None if it is none.

    Numbers with spaces between them, or x:y pairs; x of a number is its place, from 1. All may begin with a word, which names
    what the numbers count.
    """
    if row.kind != "Analysis" or row.what not in SERIES:
        return None
    words = row.text.split()
    label = words.pop(0) if words and words[0].isalpha() else ""
    try:
        if row.what == "importance":
            return (label, list(map(float, words))) if words else None
        pairs = [(float(i), float(word)) if ":" not in word else tuple(map(float, PAIR.fullmatch(word).groups()))
                 for i, word in enumerate(words, 1)]
        return (label, pairs) if pairs else None
    except (ValueError, AttributeError):
        return None


LOAD = re.compile(r'(%[\w.$-]+) = ml_program\.global_load(?:_const)? @"?([\w.$-]+)')
MADE = re.compile(r"^\s*(%[\w.$-]+) = (.*)$")


def by_module(remarks, path):
    """Remarks on a model that was read from text at `path`, with the module path in place of line and column.

    An op is of the module of its first weight; one without weights is of the module around what made its first operand.
    """
    weights, made, names = {}, {}, {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            load, found = LOAD.search(line), MADE.match(line)
            if load:
                weights[load[1]] = load[2].rsplit(".", 1)[0]
            elif found:
                used = re.findall(r"%[\w.$-]+", found[2])
                name = next((weights[value] for value in used if value in weights), None)
                name = name or next((made[value].rsplit(".", 1)[0] for value in used if value in made), None)
                if name:
                    made[found[1]] = names[str(number)] = name
    place = re.compile(r"\] " + re.escape(path) + r":(\d+):\d+: ")
    return [place.sub(lambda m: f"] {names[m[1]]}: " if m[1] in names else m[0], line, count=1) for line in remarks]
