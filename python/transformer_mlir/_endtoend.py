"""From lines of text to embeddings: the whole way, and where its time goes.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import time

import numpy as np

from ._tokenizer import Tokenizer

NAME = "text to embedding"
BATCH = 32  # of PyTorch, in the order of the lines
ROUNDS = 5


def one_thread(threads):
    """The tokenizers library takes all CPUs otherwise."""
    if threads == 1:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"


def their_call(reference, model, lines):
    """PyTorch as people use it: batches as they come, padded to their longest."""
    tokenizer = Tokenizer(model.directory, model.max_length)

    def call():
        for begin in range(0, len(lines), BATCH):
            rows = tokenizer.encode(lines[begin:begin + BATCH])[0]
            ids = np.zeros((len(rows), max(1, max(map(len, rows)))), np.int64)
            mask = np.zeros_like(ids)
            for i, row in enumerate(rows):
                ids[i, :len(row)], mask[i, :len(row)] = row, 1
            reference("sentence_embedding", ids, mask)

    return call


def calls(model, reference, lines):
    found = {"transformer-mlir": lambda: model.encode(lines)}
    if reference:
        found["pytorch"] = their_call(reference, model, lines)
    return found


class Clock:
    """Adds up the time of the calls of a function."""

    def __init__(self, function):
        self.function, self.seconds = function, 0.0

    def __call__(self, *arguments):
        begun = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - begun


def breakdown(model, lines):
    """Microseconds a sentence of each part of `encode`: the tokenizer, the compiled code, and the rest (packing)."""
    tokenizer, handle, found = model._load_tokenizer(), model._handle, []
    own = tokenizer.packed, handle.run
    try:
        for _ in range(ROUNDS):
            tokenizer.packed, handle.run = map(Clock, own)
            total = Clock(model.encode)
            total(lines)
            parts = tokenizer.packed.seconds, total.seconds - tokenizer.packed.seconds - handle.run.seconds, handle.run.seconds
            found.append((total.seconds, parts))
    finally:
        del tokenizer.packed, handle.run
    return {name: part / len(lines) * 1e6 for name, part in zip(("tokenizer", "packing", "model"), min(found)[1])}
