"""Conditions that make a command fail: --fail-if 'spearman<0.99'.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import math
import re
from typing import NamedTuple

EMBEDDING_METRICS = ("cosine_mean", "cosine_p1", "cosine_min", "spearman", "pearson", "top10_overlap", "recall_at_1",
                     "recall_at_10")
TOKEN_METRICS = ("token_cosine_mean", "token_cosine_p1", "token_cosine_min")
PAIR_METRICS = tuple(f"{name}{suffix}" for name in ("mrr", "answer_recall_at_1", "answer_recall_at_10")
                     for suffix in ("", "_against", "_ratio"))
LOGIT_METRICS = ("agreement", "kl_mean", "kl_p99", "logit_difference")
VALUE_METRICS = ("spearman", "pearson", "logit_difference")
SIZE_METRICS = ("smaller", "weights_bytes", "library_bytes")
SPEED_METRICS = ("faster", "p50_ms", "p95_ms")
COMMON = SIZE_METRICS + SPEED_METRICS
KINDS = {"sentence": EMBEDDING_METRICS + COMMON, "hidden": EMBEDDING_METRICS + TOKEN_METRICS + COMMON,
         "logits": LOGIT_METRICS + COMMON, "value": VALUE_METRICS + COMMON}
KNOWN = tuple(dict.fromkeys(EMBEDDING_METRICS + TOKEN_METRICS + PAIR_METRICS + LOGIT_METRICS + COMMON))
CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\Z", re.ASCII)
HOLDS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
WORDS = {"<": "below", "<=": "not above", ">": "above", ">=": "not below"}


class GateFailure(Exception):
    """What was measured fails a condition; its lines name both numbers."""


class BudgetMissed(Exception):
    """No plan of a search reached the goal; the best one is there."""


class Gate(NamedTuple):
    name: str
    operator: str
    threshold: float
    text: str

    def failure(self, measured):
        """A sentence if the condition holds, or None."""
        if self.name not in measured:
            raise ValueError(f"--fail-if {self.text!r}: {self.name} was not measured")
        value = measured[self.name]
        if value is None or not math.isfinite(value):
            return f"{self.name} is undefined (--fail-if {self.text!r})"
        if HOLDS[self.operator](value, self.threshold):
            return f"{self.name} is {value:.6g}, {WORDS[self.operator]} {self.threshold:.6g} (--fail-if {self.text!r})"
        return None


def parse(conditions):
    """Gates of texts such as 'spearman<0.99'."""
    gates = []
    for text in conditions or ():
        found = CONDITION.match(text)
        if not found:
            raise ValueError(f"--fail-if {text!r}: is not a metric, one of < <= > >=, and a number; "
                             f"metrics: {', '.join(KNOWN)}")
        if found[1] not in KNOWN:
            raise ValueError(f"--fail-if {text!r}: there is no metric {found[1]!r}; there are: {', '.join(KNOWN)}")
        gates.append(Gate(found[1], found[2], float(found[3]), text))
    return gates


def names(gates):
    return [gate.name for gate in gates]


def check(gates, measured):
    """Raises GateFailure with a sentence for each condition that holds."""
    failures = [failure for failure in (gate.failure(measured) for gate in gates) if failure]
    if failures:
        raise GateFailure("\n".join(failures))
