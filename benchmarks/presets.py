#!/usr/bin/env python3
"""Size, speed and quality of every preset on one checkpoint, against `exact`.

    benchmarks/presets.py CHECKPOINT [--text FILE] [--json FILE] [--rounds 15]

Speed: one thread, medians of interleaved calls with 1 and 32 sequences of 128
tokens. Quality: cosines of the sentence embeddings with those of `exact` on the
lines of --text (default: sentences of this repository's documentation), and the
rank correlation of the scores of random pairs. --json writes what the command
'transformer-mlir presets' shows: python/transformer_mlir/presets.json.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "benchmarks")]
import transformer_mlir as tm  # noqa: E402
from quality import cosines  # noqa: E402


def documentation():
    """Sentences of the repository's pages, without code and tables."""
    found = []
    for page in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        for block in text.split("\n\n"):
            lines = [line for line in block.splitlines() if not line.lstrip().startswith(("|", "#", "<"))]
            found += re.split(r"(?<=[.!?])\s+", re.sub(r"[`*\[\]]|\(\S+\)", "", " ".join(lines)))
    return [" ".join(s.split()) for s in found if 5 <= len(s.split()) <= 60]


def ranks(values):
    order = np.empty(len(values))
    order[np.argsort(values, kind="stable")] = np.arange(len(values))
    return order


def quality(exact, other, seed=0):
    """Both: embeddings of the same sentences, rows of length 1."""
    pairs = np.random.default_rng(seed).integers(0, len(exact), (20000, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    scores = [(e[pairs[:, 0]] * e[pairs[:, 1]]).sum(1) for e in (exact, other)]
    rho = np.corrcoef(ranks(scores[0]), ranks(scores[1]))[0, 1]
    return {**cosines(exact, other), "pair_spearman": float(rho)}


def speeds(models, batch, length, rounds):
    """Milliseconds per call of each model, interleaved."""
    ids = np.random.default_rng(batch).integers(1000, 20000, (batch, length))
    rows = list(ids)
    times = {name: [] for name in models}
    for _ in range(rounds):
        for name, model in models.items():
            model.run(rows, outputs=["sentence_embedding"])
            start = time.perf_counter()
            model.run(rows, outputs=["sentence_embedding"])
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(t) for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    sentences = options.text.read_text(encoding="utf-8").splitlines() if options.text else documentation()
    with tempfile.TemporaryDirectory() as folder:
        reports = {name: tm.compress(options.checkpoint, f"{folder}/{name}", name, progress=False)
                   for name in tm.PRESETS if name != "static"}  # that one needs text of its own: benchmarks/static.py
        models = {name: tm.load(f"{folder}/{name}", threads=1) for name in reports}
        embeddings = {name: model.encode(sentences) for name, model in models.items()}
        single, many = speeds(models, 1, 128, options.rounds), speeds(models, 32, 128, max(3, options.rounds // 4))
    rows = {}
    for name, report in reports.items():
        rows[name] = {"smaller": report["bytes"]["checkpoint"] / report["bytes"]["weights"],
                      "bytes": report["bytes"]["weights"], "library_bytes": report["bytes"]["library"],
                      "compile_seconds": sum(report["milliseconds"].values()) / 1000,
                      "faster_1x128": single["exact"] / single[name], "faster_32x128": many["exact"] / many[name],
                      **quality(embeddings["exact"], embeddings[name])}
    result = {"checkpoint": pathlib.Path(options.checkpoint).resolve().parent.name, "sentences": len(sentences),
              "target": models["exact"].target, "presets": rows}
    print(f"{len(sentences)} sentences, {result['target']}, one thread")
    print(f"{'preset':8} {'smaller':>8} {'1x128':>7} {'32x128':>7} {'cosine':>8} {'p1':>8} {'min':>8} {'Spearman':>9}")
    for name, r in rows.items():
        print(f"{name:8} {r['smaller']:7.2f}x {r['faster_1x128']:6.2f}x {r['faster_32x128']:6.2f}x {r['cosine_mean']:8.5f} "
              f"{r['cosine_p1']:8.5f} {r['cosine_min']:8.5f} {r['pair_spearman']:9.5f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
