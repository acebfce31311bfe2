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
    """(label, numbers or pairs of numbers) of a remark that is a series; None if it is none.

    "spectrum" and "importance": numbers with spaces between them; "error-curve": x:y pairs. All may begin with a word, which
    names what the numbers count.
    """
    if row.kind != "Analysis" or row.what not in SERIES:
        return None
    words = row.text.split()
    label = words.pop(0) if words and words[0].isalpha() else ""
    try:
        if row.what == "error-curve":
            points = [tuple(map(float, PAIR.fullmatch(word).groups())) for word in words]
            return (label, points) if points else None
        return (label, list(map(float, words))) if words else None
    except (ValueError, AttributeError):
        return None
