#!/usr/bin/env python3
"""Size, speed and quality of every preset on one checkpoint, against `exact`.

    benchmarks/presets.py CHECKPOINT [--calibration FILE] [--text FILE] [--json FILE] [--rounds 15]

Presets that round by a profile are calibrated on the lines of --calibration, such
as calibration.txt of benchmarks/text.py (default: on synthetic sequences).
Speed: one thread, medians of interleaved calls with 1 and 32 sequences of 128
tokens. Quality: as 'transformer-mlir quality' measures it (docs/quality.md), on the
lines of --text, such as heldout.txt of benchmarks/text.py (default: sentences of
this repository's documentation). --json writes what the command 'transformer-mlir
presets' shows: python/transformer_mlir/presets.json.
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
sys.path.insert(0, str(ROOT / "python"))
import transformer_mlir as tm  # noqa: E402
from transformer_mlir._compress import UNFITTED  # noqa: E402
from transformer_mlir._metrics import embedding_quality  # noqa: E402


def documentation():
    """Sentences of the repository's pages, without code and tables."""
    found = []
    for page in sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        for block in text.split("\n\n"):
            lines = [line for line in block.splitlines() if not line.lstrip().startswith(("|", "#", "<"))]
            found += re.split(r"(?<=[.!?])\s+", re.sub(r"[`*\[\]]|\(\S+\)", "", " ".join(lines)))
    return [" ".join(s.split()) for s in found if 5 <= len(s.split()) <= 60]


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
    parser.add_argument("--calibration", type=pathlib.Path)
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    lines = options.text.read_text(encoding="utf-8").splitlines() if options.text else documentation()
    sentences = list(dict.fromkeys(line for line in lines if line.strip()))
    with tempfile.TemporaryDirectory() as folder:
        profile = None
        if options.calibration:
            profile = f"{folder}/profile.safetensors"
            tm.profile(options.checkpoint, [options.calibration], profile, progress=False)
        reports = {name: tm.compress(options.checkpoint, f"{folder}/{name}", name, progress=False,
                                     profile=None if name in UNFITTED else profile)
                   for name in tm.PRESETS if name != "static"}  # which needs text of its own
        models = {name: tm.load(f"{folder}/{name}", threads=1) for name in reports}
        embeddings = {name: model.encode(sentences) for name, model in models.items()}
        single, many = speeds(models, 1, 128, options.rounds), speeds(models, 32, 128, max(3, options.rounds // 4))
    rows = {}
    for name, report in reports.items():
        rows[name] = {"smaller": report["bytes"]["checkpoint"] / report["bytes"]["weights"],
                      "bytes": report["bytes"]["weights"], "library_bytes": report["bytes"]["library"],
                      "compile_seconds": sum(report["milliseconds"].values()) / 1000,
                      "faster_1x128": single["exact"] / single[name], "faster_32x128": many["exact"] / many[name],
                      **embedding_quality(embeddings["exact"], embeddings[name], intervals=False)}
    result = {"checkpoint": pathlib.Path(options.checkpoint).resolve().parent.name, "sentences": len(sentences),
              "text": options.text.name if options.text else "documentation",
              "calibration": options.calibration.name if options.calibration else "synthetic",
              "target": models["exact"].target, "presets": rows}
    print(f"{len(sentences)} sentences, {result['target']}, one thread")
    print(f"{'preset':8} {'smaller':>8} {'1x128':>7} {'32x128':>7} {'cosine':>8} {'p1':>8} {'min':>8} {'Spearman':>9} {'top 10':>7}")
    for name, r in rows.items():
        print(f"{name:8} {r['smaller']:7.2f}x {r['faster_1x128']:6.2f}x {r['faster_32x128']:6.2f}x {r['cosine_mean']:8.5f} "
              f"{r['cosine_p1']:8.5f} {r['cosine_min']:8.5f} {r['spearman']:9.5f} {r['top10_overlap']:7.4f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
