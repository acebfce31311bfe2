"""Text to a profile: what a checkpoint's activations look like on it.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import os
import pathlib
import tempfile

import numpy as np

from . import _files
from ._tokenizer import Tokenizer, length_of, read_json

LONGEST = 256  # tokens of a sentence that is profiled
FEW = 1000  # sentences, fewer than which are worth a word


def read_sentences(checkpoint, text):
    """Distinct sentences, their name for the report, and what makes ids of such: a list for each that has any."""
    sentences, counts = _files.read_texts(text)
    name = ", ".join(map(os.path.basename, counts["files"])) or "text"
    if not sentences:
        raise ValueError(f"{name}: has no line that is not empty")
    config = read_json(pathlib.Path(checkpoint) / "config.json")
    if "image_size" in config and "vocab_size" not in config:
        raise ValueError(f"{os.fspath(checkpoint)}: takes images, and no text; without text its profile is made of synthetic images")
    positions = length_of(config.get("max_position_embeddings"), config.get("n_positions"))
    # Two fewer, because RoBERTa counts its positions from two on.
    tokenizer = Tokenizer(checkpoint, min(LONGEST, (positions or LONGEST + 2) - 2))
    return sentences, name, lambda some: [one for one in tokenizer.encode(some)[0] if one] if some else []


def tokenize(checkpoint, text):
    """Token ids of each distinct sentence, and what they are for the report."""
    sentences, name, encode = read_sentences(checkpoint, text)
    ids = encode(sentences)
    if not ids:
        raise ValueError(f"{name}: has no tokens")
    return ids, f"{len(ids)} sentences of {name}"


@contextlib.contextmanager
def sequences_of(checkpoint, text, show=None):
    """The arguments by which transformer-compile makes a profile of `text`; none for None."""
    if text is None:
        yield []
        return
    ids, source = tokenize(checkpoint, text)
    if show and len(ids) < FEW:
        show(f"warning: {source}: few for a profile; a few thousand are enough")
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        path = os.path.join(folder, "sequences.safetensors")
        lengths = np.array([len(one) for one in ids], "<i4")
        _files.write_tensors(path, {"ids": ("I32", np.concatenate(ids, dtype="<i4", casting="unsafe")), "lengths": ("I32", lengths)},
                             {"source": source})
        yield [f"--sequences={path}"]


def profile(checkpoint, text, out, *, add=(), attention=None, progress=None):
    """Measures the activations of a checkpoint on sentences, for `compress(profile=...)`.

    `text`: sentences, or files with one a line as pathlib.Path; a few thousand
    are enough. `out`: the profile.safetensors to write. `add`: profiles of the
    same checkpoint, on other text, that are added up with it. Runs on all
    cores. The file holds sums in float64, per input of a linear: count, sum,
    squares and largest size of each channel, and the Gram matrix, in which
    tokens weigh by one over the variance behind them where a norm follows.
    `attention`: as in `compress`, whose profiles then need sums for it.
    """
    from ._compress import check_source, reporter, run_compiler
    source = check_source(checkpoint)
    show = reporter(progress)
    with sequences_of(source, text, show) as arguments:
        others = [f"--profile={os.fspath(path)}" for path in ([add] if isinstance(add, (str, os.PathLike)) else add)]
        if attention is not None:
            others.append(f"--attention={attention}")
        run_compiler([source, "--emit=profile", "-o", os.fspath(out), *arguments, *others], show)
