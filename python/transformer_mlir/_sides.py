"""Two compiled models that compute the same texts or images, part by part.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import hashlib
import os
import pathlib
import tempfile

import numpy as np

from ._bench import interleave, main_output, summary
from ._compress import compress
from ._model import load

BATCH = 256  # texts that are tokenized at a time
IMAGES = 16
NUMBERS = 1 << 23  # of one side's outputs at a time
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "sentence_bert_config.json",
                   "config_sentence_transformers.json")


@contextlib.contextmanager
def reference_of(against, threads, show):
    """The loaded model to compare with: an artifact, or a checkpoint that is compiled exactly."""
    if os.path.exists(os.path.join(against, "model.so")):
        yield load(against, threads)
        return
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        if show:
            show(f"compiling {against} with preset exact")
        out = os.path.join(folder, "exact")
        compress(against, out, "exact", progress=False)
        yield load(out, threads)


def fingerprint(model):
    digest = hashlib.sha256(str(model.max_length).encode())
    for name in TOKENIZER_FILES:
        path = pathlib.Path(model.directory) / name
        digest.update(b"\0" + name.encode() + b"\0" + (path.read_bytes() if path.exists() else b""))
    return digest.digest()


def sequence_means(rows, offsets):
    """A row per sequence: the mean of its tokens, in their order; of none it is zero."""
    return np.stack([rows[begin:end].sum(0) / max(1, end - begin) for begin, end in zip(offsets[:-1], offsets[1:])])


class Sides:
    """`reference` and `other`; `kind` is what they are judged by: sentence, logits or hidden (rows of tokens)."""

    def __init__(self, reference, other, names, show):
        self.models, self.names, self.show = (reference, other), names, show
        self.output = main_output(other)
        theirs, mine = (model._outputs.get(self.output) for model in self.models)
        if theirs is None:
            raise ValueError(f"{names[0]}: gives {', '.join(reference.outputs)}, and no {self.output}, "
                             f"which {names[1]} is judged by")
        if theirs[1:3] != mine[1:3] or reference.input_names[0] != other.input_names[0]:
            raise ValueError(f"{names[0]} and {names[1]} are not of one model: {self.output} has {theirs[2]} and "
                             f"{mine[2]} numbers a row, of {reference.input_names[0]} and {other.input_names[0]}")
        self.width, self.per_token = mine[2], mine[1] == 0
        self.kind = {"sentence_embedding": "sentence", "logits": "logits"}.get(self.output, "hidden")
        self.same_tokenizer = None

    def encode(self, texts):
        """Ids and types; an error where the two tokenizers disagree."""
        theirs, mine = (model._load_tokenizer() for model in self.models)
        if self.same_tokenizer is None:
            self.same_tokenizer = fingerprint(self.models[0]) == fingerprint(self.models[1])
        ids, types = mine.encode(texts)
        if not self.same_tokenizer:
            for text, left, right in zip(texts, theirs.encode(texts)[0], ids):
                if list(left) != list(right):
                    raise ValueError(f"the tokenizers disagree: {self.names[0]} makes {len(left)} tokens of "
                                     f"{text[:60]!r}, and {self.names[1]} {len(right)}, which are others")
        return ids, types

    def texts(self, texts):
        """The output of both sides for parts of the texts: (reference, other, offsets)."""
        limit = max(1, NUMBERS // self.width)
        for begin in range(0, len(texts), BATCH):
            if self.show and begin and begin % (BATCH * 16) == 0:
                self.show(f"{begin} of {len(texts)} texts")
            ids, types = self.encode(texts[begin:begin + BATCH])
            for first, last in parts([len(row) for row in ids], limit):
                batch = {"input_ids": ids[first:last]}
                if "token_type_ids" in self.models[1].input_names:
                    batch["token_type_ids"] = types[first:last]
                yield self.run(batch, f"a text from {texts[begin + first][:40]!r} on")

    def sequences(self, ids):
        """The same for token ids."""
        for begin in range(0, len(ids), BATCH):
            for first, last in parts([len(row) for row in ids[begin:begin + BATCH]], max(1, NUMBERS // self.width)):
                yield self.run({"input_ids": ids[begin + first:begin + last]}, f"a sequence from number {begin + first} on")

    def images(self, pixels):
        for begin in range(0, len(pixels), IMAGES):
            yield self.run({"pixel_values": pixels[begin:begin + IMAGES]}, f"an image from number {begin} on")

    def run(self, batch, where):
        results = [model.run(outputs=[self.output], **batch) for model in self.models]
        arrays = [result[self.output] for result in results]
        for name, array in zip(self.names, arrays):
            if not np.isfinite(array).all():
                raise RuntimeError(f"{name}: {self.output} has numbers that are not finite, for {where}")
        return (*arrays, results[0].get("offsets", np.arange(len(arrays[0]) + 1)))

    def vectors(self, blocks):
        """A row per text or image, of each side."""
        sides = [], []
        for *arrays, offsets in blocks:
            for rows, side in zip(arrays, sides):
                side.append(sequence_means(rows, offsets) if self.per_token else rows)
        return [np.concatenate(side) for side in sides]

    def speed(self, rounds=9):
        """One thread, one sequence of 128 tokens (or an image), calls of both sides in turn."""
        calls, length = {}, min(128, *(model.max_length for model in self.models))
        for name, model in zip(("against", "out"), self.models):
            one = load(model.directory, 1)
            if "pixel_values" in one.input_names:
                shape = one._image_shape(one._inputs["pixel_values"][2])
                if shape is None:
                    raise ValueError(f"{self.names[1]}: config.json does not tell the size of an image, "
                                     "so its speed cannot be measured")
                batch = {"pixel_values": np.zeros((1, *shape), np.float32)}
            else:
                batch = {"input_ids": [np.random.default_rng(0).integers(0, one.vocabulary, length)]}
            calls[name] = lambda one=one, batch=batch: one.run(outputs=[self.output], **batch)
        times = {name: summary(found, 1) for name, found in interleave(calls, rounds).items()}
        return {"p50_ms": times["out"]["median_ms"], "p95_ms": times["out"]["p95_ms"],
                "faster": times["against"]["median_ms"] / times["out"]["median_ms"]}


def parts(lengths, limit):
    """Runs of sequences, (first, last), with at most `limit` tokens together or one sequence."""
    first, tokens = 0, 0
    for index, length in enumerate(lengths):
        if index > first and tokens + length > limit:
            yield first, index
            first, tokens = index, 0
        tokens += length
    yield first, len(lengths)
