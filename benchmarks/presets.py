#!/usr/bin/env python3
"""Size, speed and quality of every preset on one checkpoint, against `exact`.

    benchmarks/presets.py CHECKPOINT [--calibration FILE] [--text FILE] [--pairs FILE.tsv] [--json FILE] [--rounds 15]
                          [--only NAMES] [--artifact NAME=DIRECTORY]

Presets that round by a profile are calibrated on the lines of --calibration, such
as calibration.txt of benchmarks/text.py (default: on synthetic sequences).
Speed: one thread, medians of interleaved calls with 1 and 32 sequences of 128
tokens. Quality: as 'transformer-mlir quality' measures it (docs/quality.md), on the
lines of --text, such as heldout.txt of benchmarks/text.py (default: sentences of
this repository's documentation), and on the queries and answers of --pairs. --json writes what the command 'transformer-mlir
presets' shows: python/transformer_mlir/presets.json. The naive ways to the same
sizes (controls.py) stand in the same table. --only measures some rows and keeps the
others of that file, with --rounds 0 the speeds too. --artifact gives a row to one that
was compiled before: 'static' and those that are tuned are made from text of their own.
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
from controls import controls, write_checkpoint  # noqa: E402
from transformer_mlir._compress import UNFITTED  # noqa: E402
from transformer_mlir._files import read_report  # noqa: E402
from transformer_mlir._metrics import embedding_quality  # noqa: E402
from transformer_mlir._quality import read_pairs  # noqa: E402
from transformer_mlir._retrieval import answer_ranks, pair_quality  # noqa: E402


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


class Judge:
    """Quality by embeddings of sentences, and where the right answers of queries come."""

    def __init__(self, exact, sentences, pairs):
        self.sentences, self.pairs = sentences, pairs
        self.reference, self.ranks = self.embeddings(exact)

    def embeddings(self, model):
        """(embeddings of the sentences, ranks of the right answers)."""
        ranks = None
        if self.pairs:
            ranks = answer_ranks(model.encode(self.pairs.queries), model.encode(self.pairs.answers), self.pairs.right)
        return model.encode(self.sentences), ranks

    def quality(self, model):
        found, ranks = self.embeddings(model)
        result = embedding_quality(self.reference, found, intervals=False)
        if ranks is not None:
            result["mrr_ratio"] = pair_quality(self.ranks, ranks)["mrr_ratio"]
        return result


def row_of(report, checkpoint_bytes):
    return {"smaller": checkpoint_bytes / report["bytes"]["weights"],
            "bytes": report["bytes"]["weights"], "library_bytes": report["bytes"]["library"],
            "compile_seconds": sum(report["milliseconds"].values()) / 1000}


def measure(options, sentences, pairs, folder, names):
    """Rows of presets and of --artifact, and of the naive controls if they are among `names`."""
    profile = None
    if options.calibration:
        profile = f"{folder}/profile.safetensors"
        tm.profile(options.checkpoint, [options.calibration], profile, progress=False)
    wanted = ["exact"] + [name for name in names if name not in ("exact", "controls")]
    if "controls" in names and "turbo" not in wanted:
        wanted.append("turbo")  # whose size they get
    artifacts = {name: f"{folder}/{name}" for name in wanted}
    reports = {name: tm.compress(options.checkpoint, out, name, progress=False, profile=None if name in UNFITTED else profile)
               for name, out in artifacts.items()}
    given = dict(text.split("=", 1) for text in options.artifact)
    artifacts |= given
    reports |= {name: read_report(out) for name, out in given.items()}
    models = {name: tm.load(out, threads=1) for name, out in artifacts.items()}
    judge, original = Judge(models["exact"], sentences, pairs), reports["exact"]["bytes"]["checkpoint"]
    rows = {}
    for name in [*(name for name in wanted if name in names), *given]:
        rows[name] = {**row_of(reports[name], original), **judge.quality(models[name])}
        print(f"{name}: Spearman {rows[name]['spearman']:.5f}", flush=True)
    if options.rounds:
        timed = {name: models[name] for name in dict.fromkeys(["exact", *rows])}
        single, many = speeds(timed, 1, 128, options.rounds), speeds(timed, 32, 128, max(3, options.rounds // 4))
        for name, row in rows.items():
            row.update(faster_1x128=single["exact"] / single[name], faster_32x128=many["exact"] / many[name])
    target = models["exact"].target
    del models
    naive = {}
    for name, preset, weights, compiled, size in controls(options.checkpoint, artifacts) if "controls" in names else ():
        with tempfile.TemporaryDirectory() as own:
            source = write_checkpoint(options.checkpoint, f"{own}/checkpoint", weights)
            tm.compress(source, f"{own}/out", compiled, progress=False)
            naive[name] = {"control_of": preset, "bytes": int(size), "smaller": original / size,
                           **judge.quality(tm.load(f"{own}/out"))}
        print(f"{name}: Spearman {naive[name]['spearman']:.5f}", flush=True)
    return target, rows, naive


def show(result):
    print(f"{result['sentences']} sentences, {result['target']}, one thread")
    print(f"{'preset':31} {'smaller':>8} {'1x128':>7} {'32x128':>7} {'cosine':>8} {'p1':>8} {'min':>8} {'Spearman':>9} {'top 10':>7} {'MRR':>7}")
    for name, r in {**result["presets"], **result.get("controls", {})}.items():
        speed = [f"{r[key]:6.2f}x" if key in r else f"{'-':>7}" for key in ("faster_1x128", "faster_32x128")]
        print(f"{name:31} {r['smaller']:7.2f}x {' '.join(speed)} {r['cosine_mean']:8.5f} "
              f"{r['cosine_p1']:8.5f} {r['cosine_min']:8.5f} {r['spearman']:9.5f} {r['top10_overlap']:7.4f} "
              + (f"{r['mrr_ratio']:7.1%}" if r.get("mrr_ratio") else f"{'-':>7}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--calibration", type=pathlib.Path)
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--pairs", type=pathlib.Path, help="a query, a tab, and its answer in each line")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", help="names of presets with commas between, and 'controls'")
    parser.add_argument("--artifact", action="append", default=[], metavar="NAME=DIRECTORY")
    options = parser.parse_args()
    if not all("=" in text for text in options.artifact):
        parser.error("--artifact takes NAME=DIRECTORY")
    lines = options.text.read_text(encoding="utf-8").splitlines() if options.text else documentation()
    sentences = list(dict.fromkeys(line for line in lines if line.strip()))
    every = [name for name in tm.PRESETS if name != "static"] + ["controls"]  # static needs text of its own
    names = options.only.split(",") if options.only else every
    pairs = options.pairs and read_pairs(options.pairs)
    if set(names) - set(every):
        parser.error(f"--only: there are {', '.join(every)}")
    with tempfile.TemporaryDirectory() as folder:
        target, rows, naive = measure(options, sentences, pairs, folder, names)
    result = {"checkpoint": pathlib.Path(options.checkpoint).resolve().parent.name, "sentences": len(sentences),
              "text": options.text.name if options.text else "documentation",
              "pairs": options.pairs.name if options.pairs else None,
              "calibration": options.calibration.name if options.calibration else "synthetic",
              "target": target, "presets": rows, "controls": naive}
    if options.only and options.json and options.json.exists():
        old = json.loads(options.json.read_text(encoding="utf-8"))
        if any(old.get(key) != result[key] for key in ("checkpoint", "sentences", "text", "pairs", "calibration", "target")):
            sys.exit(f"error: {options.json} was measured otherwise, so that these rows do not go with its")
        # What was not measured now stays as it was.
        result["presets"] = {name: {**old["presets"].get(name, {}), **rows.get(name, {})} for name in {**old["presets"], **rows}}
        result["controls"] = naive or old.get("controls", {})
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
