"""A table on a uniform grid, for a file of entropy-coded integers.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

LARGEST = 127
ABOVE_ENTROPY = 1.01  # what the coder takes


def bfloat16(value):
    """A number of 8 significant bits that is near."""
    return np.uint32((int(np.float32(value).view(np.uint32)) + 0x8000) & 0xFFFF0000).view(np.float32)


def integers(table, step):
    return np.clip(np.rint(table / step), -LARGEST, LARGEST).astype(np.int8)


def entropy_bytes(columns):
    """Of integers, each column with counts of its own."""
    bits = 0.0
    for column in columns.T:
        counts = np.bincount(column.astype(np.int64) + LARGEST)
        counts = counts[counts > 0]
        bits -= (counts * np.log2(counts / len(column))).sum()
    return bits / 8 * ABOVE_ENTROPY


def step_for(table, limit):
    """The finest step with which the coded table takes at most `limit` bytes; a number of 8 significant bits."""
    sample = table[np.random.default_rng(0).permutation(len(table))[:8192]]  # enough for the counts of a column
    low, high = float(np.abs(table).max()) / LARGEST, float(np.abs(table).max())
    limit = limit / len(table) * len(sample)
    if entropy_bytes(integers(sample, low)) <= limit:
        return bfloat16(low)
    for _ in range(20):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if entropy_bytes(integers(sample, middle)) > limit else (low, middle)
    return bfloat16(high)
