"""Which sizes and bits a budget asks for: one Lagrangian over measured curves.

Errors are parts of the variance of the model's output; those of different
changes add up where they are small. A layer's error at a size is its own error
times its gain (transformer-compile --emit=curves); rounding to b bits loses
A 4^-b. Sizes minimize error + alpha time + beta numbers, each layer by itself;
alpha and beta are swept, bits follow, and the best of all plans is taken.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import math
import re
from typing import NamedTuple

import numpy as np

LINEAR_BITS, TABLE_BITS = (2.0, 7.0), (1.0, 6.0)
FLAGS = {"ffn": "--ffn-widths", "scores": "--qk-ranks", "heads": "--head-counts"}


class Goal(NamedTuple):
    """What is given is not None: bytes of the weights file, milliseconds of a call, loss."""
    bytes: float | None = None
    ms: float | None = None
    loss: float | None = None


class Plan(NamedTuple):
    sizes: tuple  # of each site of the curves; its own size: it stays
    bits: float  # of linears; 0: plain i8
    table_bits: float
    bytes: float
    ms: float
    loss: float

    def misses(self, goal):
        """How far each goal that is given is missed, as a part of it."""
        return {name: max(0.0, getattr(self, name) / limit - 1) for name, limit in goal._asdict().items() if limit is not None}


class Corrections(NamedTuple):
    """What runs told: measured by predicted. Loss is what users judge by, per error of the output."""
    loss: float = 0.15
    ms: float = 1.0
    other_bytes: float = 0.0


class Model:
    """What curves and times predict."""

    def __init__(self, curves, latency, corrections=Corrections()):
        self.sites, self.fix = curves["sites"], corrections
        self.linears, self.tables = curves["linear_numbers"], curves["table_numbers"]
        (b1, e1), (b2, e2) = curves["linear_bits"]
        self.rounding = max(0.0, (e2 - e1) / (4 ** -b2 - 4 ** -b1))
        self.base = max(0.0, e1 - self.rounding * 4 ** -b1)  # of inputs in i8
        self.table_rounding = curves["table_bits"][0][1] * 4 ** curves["table_bits"][0][0] if curves["table_bits"] else 0.0
        self.base_ms = latency["base_ms"]
        # [site][choice] of size, error, change of time, numbers saved; the first: as it is
        self.choices = [self.choices_of(site, latency) for site in self.sites]
        heads = {site["path"]: i for i, site in enumerate(self.sites) if site["kind"] == "heads"}
        self.heads_of = [heads.get(site["path"]) if site["kind"] == "scores" else None for site in self.sites]

    @staticmethod
    def choices_of(site, latency):
        rows = [(site["size"], 0.0, 0.0, 0.0)]
        for size, error in site["errors"]:
            saved = (site["size"] - size) * site["numbers"]
            ms = change_of(latency["times"][site["kind"]], site["size"], size)
            rows.append((size, max(0.0, error) * site["gain"], ms, saved))
        return np.array(rows, float)

    def picks(self, sizes):
        """The choices that have these sizes."""
        return [int(np.argmax(choices[:, 0] == size)) for choices, size in zip(self.choices, sizes)]

    def bytes_of(self, linears, bits, table_bits):
        return (linears * (bits or 8) + self.tables * (table_bits or 8)) / 8

    def error_of(self, bits, table_bits):
        return self.base + (self.rounding * 4 ** -bits if bits else 0) + (self.table_rounding * 4 ** -table_bits if table_bits else 0)

    def bits_for_bytes(self, linears, limit):
        """The bits that lose least in so many bytes; None if none fit."""
        if self.bytes_of(linears, 0, 0) <= limit:
            return 0.0, 0.0
        room = 8 * limit
        tables = np.arange(TABLE_BITS[0], TABLE_BITS[1] + 1e-9, 0.02) if self.table_rounding else np.array([0.0])
        bits = np.minimum((room - self.tables * np.where(tables > 0, tables, 8)) / linears, LINEAR_BITS[1])
        fits = bits >= LINEAR_BITS[0]
        errors = np.where(fits, self.rounding * 4 ** -np.where(fits, bits, 0) + self.table_rounding * 4 ** -tables * (tables > 0), np.inf)
        best = int(np.argmin(errors))
        # Down, so that rounding for the command line does not exceed the room.
        return (math.floor(bits[best] * 100) / 100, round(float(tables[best]), 2)) if np.isfinite(errors[best]) else None

    def bits_for_error(self, linears, limit):
        """The bits that take the fewest bytes at such an error; None if none reach it."""
        left = limit - self.base
        if left <= 0:
            return None
        tables = np.arange(TABLE_BITS[0], TABLE_BITS[1] + 1e-9, 0.02) if self.table_rounding else np.array([0.0])
        rest = left - self.table_rounding * 4 ** -tables * (tables > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            bits = np.where(rest > 0, np.log(self.rounding / rest) / math.log(4), np.inf)
        bits = np.maximum(bits, LINEAR_BITS[0])
        sizes = np.where(bits <= LINEAR_BITS[1], linears * bits + self.tables * np.where(tables > 0, tables, 8), np.inf)
        best = int(np.argmin(sizes))
        if not np.isfinite(sizes[best]):
            return 0.0, 0.0
        return math.ceil(bits[best] * 100) / 100, round(float(tables[best]), 2)

    def predict(self, picks, bits, table_bits):
        """(error of the output, milliseconds, bytes) before corrections."""
        error, ms, saved = self.changes(picks)
        return error + self.error_of(bits, table_bits), self.base_ms + ms, self.bytes_of(self.linears - saved, bits, table_bits)

    def changes(self, picks):
        """(error, milliseconds, numbers saved) by these choices. Heads that are gone have no scores to narrow."""
        rows = [choices[pick] for choices, pick in zip(self.choices, picks)]
        total = np.zeros(3)
        for row, heads in zip(rows, self.heads_of):
            left = 1.0 if heads is None else rows[heads][0] / self.sites[heads]["size"]
            total += row[1:] * left
        return total

    def plan(self, picks, goal):
        """The plan of these choices, with the bits that the goal leaves it, or the fewest."""
        error, _, saved = self.changes(picks)
        linears = self.linears - saved
        fewest = LINEAR_BITS[0], TABLE_BITS[0] if self.table_rounding else 0.0
        found = 0.0, 0.0
        if goal.bytes is not None:
            found = self.bits_for_bytes(linears, goal.bytes - self.fix.other_bytes) or fewest
        elif goal.loss is not None:
            found = self.bits_for_error(linears, goal.loss / self.fix.loss - error) or found
        error, ms, size = self.predict(picks, *found)
        return Plan(tuple(int(choices[pick][0]) for choices, pick in zip(self.choices, picks)), *found,
                    size + self.fix.other_bytes, ms * self.fix.ms, error * self.fix.loss)

    def candidates(self, goal):
        """Plans of all prices of time and numbers, without repeats."""
        seen = set()
        scale_ms = max((-choices[:, 2].min() for choices in self.choices), default=0) or 1
        scale_numbers = max((choices[:, 3].max() for choices in self.choices), default=0) or 1
        largest = max((choices[:, 1].max() for choices in self.choices), default=0) or 1
        prices = [0.0, *np.geomspace(1e-4, 1e3, 120) * largest]
        for beta in [0.0, *np.geomspace(1e-4, 1e2, 12) * largest]:
            for alpha in prices:
                picks = tuple(int(np.argmin(c[:, 1] + alpha / scale_ms * c[:, 2] - beta / scale_numbers * c[:, 3]))
                              for c in self.choices)
                if picks not in seen:
                    seen.add(picks)
                    yield self.plan(picks, goal)


def change_of(points, full, size):
    """Milliseconds that a layer takes more at `size` than at `full`, between measured sizes."""
    sizes, times = zip(*sorted(points))
    return float(np.interp(size, sizes, times) - np.interp(full, sizes, times))


def free_part(goal):
    """What a plan is to be best in, once it meets the goal: what the goal leaves open, loss last."""
    if goal.loss is None or (goal.bytes is not None and goal.ms is not None):
        return "loss"
    return "bytes" if goal.bytes is None else "ms"


def best(model, goal):
    """The plan that meets what is given and is best in the rest, or misses it by least."""
    free = free_part(goal)

    def rank(plan):
        missed = sum(plan.misses(goal).values())
        return (missed > 0, missed, getattr(plan, free))

    return min(model.candidates(goal), key=rank)


def size_arguments(sizes, curves):
    """What transformer-compile is told for these sizes, by the number of the site."""
    result = []
    for kind, flag in FLAGS.items():
        parts = [f"^{escape(curves['sites'][i]['path'])}$:{size}" for i, size in sizes.items()
                 if curves["sites"][i]["kind"] == kind]
        result += [f"{flag}={','.join(parts)}"] if parts else []
    return result


def arguments(plan, curves):
    """The same for a plan."""
    result = size_arguments({i: size for i, size in enumerate(plan.sizes) if size < curves["sites"][i]["size"]}, curves)
    if plan.bits:
        result.append(f"--bits={plan.bits:g}")
    if plan.table_bits:
        result.append(f"--table-bits={plan.table_bits:g}")
    return result


def words(found):
    """The same for people."""
    return "; ".join(re.sub(r"[\^$\\]", "", one.removeprefix("--")).replace("=", " ").replace(",", ", ") for one in found) or "plain int8"


def escape(path):
    """A POSIX expression for the path itself."""
    return "".join("\\" + c if c in r".[]()*+?{}|^$\\" else c for c in path)
