"""Queries with known answers: where each of two models puts them. NumPy only.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

from . import _metrics


def number(texts):
    """Distinct texts in order, and the number of each text among them."""
    places = {}
    found = [places.setdefault(text, len(places)) for text in texts]
    return list(places), np.array(found)


class Pairs:
    """Distinct queries and answers; a query that comes with several answers has several right ones."""

    def __init__(self, pairs):
        pairs = list(dict.fromkeys(pairs))
        self.queries, query = number([q for q, _ in pairs])
        self.answers, answer = number([a for _, a in pairs])
        order = np.argsort(query, kind="stable")
        self.right = np.split(answer[order], np.searchsorted(query[order], np.arange(1, len(self.queries))))


def answer_ranks(queries, answers, right):
    """The place of each query's best right answer among all answers by cosine, 1 is the first.

    Wrong answers with the same score count half, so that a model that finds everything alike gains nothing.
    """
    queries, answers = _metrics.unit(queries), _metrics.unit(answers)
    found, step = np.empty(len(queries)), max(1, _metrics.BLOCK // len(answers))
    for begin in range(0, len(queries), step):
        scores = queries[begin:begin + step] @ answers.T
        for i, row in enumerate(scores):
            own = right[begin + i]
            best = row[own].max()
            above = np.count_nonzero(row > best)
            level = np.count_nonzero(row == best) - np.count_nonzero(row[own] == best)
            found[begin + i] = 1 + above + level / 2
    return found


def ratio(a, b):
    return float(a / b) if b > 0 else None


def pair_quality(reference, other, seed=0):
    """Agreement with given answers. Both: the ranks of `answer_ranks`, of the same queries.

    The bootstrap takes the same queries for both sides.
    """
    columns = {"mrr": lambda r: 1 / r, "answer_recall_at_1": lambda r: r <= 1, "answer_recall_at_10": lambda r: r <= 10}
    result, intervals = {"pair_queries": len(other)}, {}
    ours = np.stack([f(other) for f in columns.values()], axis=1).astype(np.float64)
    theirs = np.stack([f(reference) for f in columns.values()], axis=1).astype(np.float64)
    samples = [(counts @ ours, counts @ theirs) for counts in _metrics.resamples(len(ours), seed)]
    for i, name in enumerate(columns):
        result[name], result[f"{name}_against"] = float(ours[:, i].mean()), float(theirs[:, i].mean())
        result[f"{name}_ratio"] = ratio(result[name], result[f"{name}_against"])
        intervals[name] = _metrics.interval([a[i] / len(ours) for a, _ in samples])
        ratios = [a[i] / b[i] for a, b in samples if b[i] > 0]
        if ratios and result[f"{name}_ratio"] is not None:
            intervals[f"{name}_ratio"] = _metrics.interval(ratios)
    return {**result, "intervals": intervals}
