"""Agreement of two models' logits, a batch at a time. NumPy only.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

from . import _metrics

ROWS = 1 << 20  # logits in double precision at once
KINDS = {"classes": "one of several classes", "labels": "labels that are each on or off",
         "spans": "the first and last token of an answer", "value": "one number"}


def kind_of(config, width):
    """What a row of logits means, by the checkpoint's config.json."""
    architecture = str((config.get("architectures") or [""])[0])
    if "ForQuestionAnswering" in architecture:
        return "spans"
    if width == 1:
        return "value"
    return "labels" if config.get("problem_type") == "multi_label_classification" else "classes"


def log_softmax(rows):
    rows = rows.astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))


def divergence(reference, other):
    """KL(reference || other) of the softmax of each row."""
    theirs, ours = log_softmax(reference), log_softmax(other)
    return np.maximum(0, (np.exp(theirs) * (theirs - ours)).sum(axis=1))


def label_divergence(reference, other):
    """Sum over the labels of the KL of being on, by the sigmoid."""
    a, b = reference.astype(np.float64), other.astype(np.float64)
    on = np.exp(-np.logaddexp(0, -a))
    gain = np.logaddexp(0, -b) - np.logaddexp(0, -a)  # log of on, theirs minus ours
    return np.maximum(0, (on * gain + (1 - on) * (gain + b - a)).sum(axis=1))


class Agreement:
    """Takes blocks of rows of both sides; `result` is the summary."""

    def __init__(self, kind):
        self.kind, self.same, self.kl, self.values, self.difference = kind, [], [], [], 0.0

    def add(self, reference, other, offsets):
        """`offsets`: the first row of each sequence, and the number of rows."""
        self.difference = max(self.difference, float(np.abs(reference - other).max(initial=0)))
        if self.kind == "value":
            self.values.append(np.stack([reference[:, 0], other[:, 0]]))
        elif self.kind == "spans":
            for begin, end in zip(offsets[:-1], offsets[1:]):
                if end > begin:  # a row for the start and one for the end, over the tokens
                    self.add_rows(reference[begin:end].T, other[begin:end].T)
        else:
            step = max(1, ROWS // reference.shape[1])
            for begin in range(0, len(reference), step):
                self.add_rows(reference[begin:begin + step], other[begin:begin + step])

    def add_rows(self, reference, other):
        if self.kind == "labels":
            self.same.append(((reference > 0) == (other > 0)).mean(axis=1))
            self.kl.append(label_divergence(reference, other))
        else:
            self.same.append(reference.argmax(axis=1) == other.argmax(axis=1))
            self.kl.append(divergence(reference, other))

    def result(self, seed):
        result = {"logits": self.kind, "logit_difference": self.difference}
        if self.kind == "value":
            theirs, ours = np.concatenate(self.values, axis=1)
            return {**result, "rows": len(ours), "spearman": _metrics.spearman(theirs, ours),
                    "pearson": _metrics.correlation(theirs, ours)}
        same, kl = np.concatenate(self.same).astype(np.float64), np.concatenate(self.kl)
        intervals = _metrics.mean_intervals({"agreement": same, "kl_mean": kl}, seed)
        return {**result, "rows": len(same), "agreement": float(same.mean()), "kl_mean": float(kl.mean()),
                "kl_p99": float(np.percentile(kl, 99)), "intervals": intervals}
