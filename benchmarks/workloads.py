"""What is computed: rectangles, and real sentences. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import gzip
import json
import pathlib
import random
import re

import numpy as np

SHAPES = ("1x8", "1x32", "1x128", "32x32", "32x128", "32x256")
TEXT = ("given", "sorted", "single")
BATCH, SENTENCES = 32, 256
FOLDOC = pathlib.Path("/usr/share/dictd/foldoc.dict.dz")


def sentences(path, count=SENTENCES, seed=3):
    """Lines of a file, or definitions of the FOLDOC dictionary (Debian: dict-foldoc), one or two sentences each."""
    if path:
        found = [line for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n") if line.strip()]
    elif FOLDOC.exists():
        text = gzip.open(FOLDOC, "rt", errors="replace").read()
        found = re.findall(r"\n\n\s+(?:<[^>]*>\s*)?([A-Z][^\n{}]{20,}(?:\n[^\n{}]+){0,3}?\.)(?=\s)", text)
        found = [t for t in (" ".join(t.split()) for t in found) if 6 <= len(t.split()) <= 40]
    else:
        raise SystemExit("no text: give --text FILE with a sentence per line, or install dict-foldoc")
    return random.Random(seed).sample(found, min(count, len(found)))


def token_ids(checkpoint, texts):
    from tokenizers import Tokenizer
    path = pathlib.Path(checkpoint) / "tokenizer.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing, which sentences need; there are also: {', '.join(SHAPES)}")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return [e.ids for e in tokenizer.encode_batch(texts)]


def make(names, checkpoint, text=None, count=SENTENCES):
    """Name to batches, each a list of lists of ids."""
    result, rows = {}, None
    vocabulary = json.loads((pathlib.Path(checkpoint) / "config.json").read_text())["vocab_size"]
    for name in names:
        if name in TEXT:
            rows = rows or token_ids(checkpoint, sentences(text, count))
            ordered = sorted(rows, key=len) if name == "sorted" else rows
            size = 1 if name == "single" else BATCH
            result[name] = [ordered[i:i + size] for i in range(0, len(ordered), size)]
        else:
            batch, length = map(int, name.split("x"))
            generator = np.random.default_rng(0)
            result[name] = [generator.integers(vocabulary // 30, vocabulary, (batch, length)).tolist()]
    return result


def tokens(batches):
    return sum(len(row) for batch in batches for row in batch)


def padded_tokens(batches):
    return sum(len(batch) * max(map(len, batch)) for batch in batches)


def pad(batch):
    """(ids, mask) as systems take them that know rectangles only."""
    ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(batch):
        ids[i, :len(row)], mask[i, :len(row)] = row, 1
    return ids, mask
