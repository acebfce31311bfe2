"""The part of scripts/demo that needs the package: compile, encode, compare.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import functools
import hashlib
import os
import pathlib
import sys
import time

import numpy as np

import transformer_mlir as tm
from transformer_mlir import _bench, _native

SENTENCES = ["A cat sleeps on the warm windowsill.", "The kitten is napping in the sun.",
             "Compilers translate programs into machine code.", "MLIR is a framework for building compilers.",
             "The bakery opens at seven in the morning."]
SHAPES = [(1, 8), (1, 32), (1, 128), (32, 32)]
ROUNDS = 5
PRESETS = ("exact", tm.DEFAULT_PRESET)  # the first is the one that differs by rounding errors only


def say(text):
    print(f"== {text}", flush=True)


def newest(paths):
    return max(os.path.getmtime(p) for p in paths)


def compile_model(checkpoint, folder, preset):
    """Compiles, unless an artifact of this compiler and checkpoint is there."""
    key = hashlib.sha256(os.path.realpath(checkpoint).encode()).hexdigest()[:8]
    name = os.path.basename(os.path.realpath(checkpoint))
    out = folder / f"{name}-{key}-{preset}"
    report = out / "report.json"
    inputs = [_native.find("transformer-compile"), *pathlib.Path(checkpoint).glob("*.*")]
    if report.exists() and report.stat().st_mtime > newest(inputs):
        say(f"already compiled: {out}")
        return out
    say(f"compiling {checkpoint} with preset {preset}")
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    tm.compress(checkpoint, out, preset, progress=lambda line: print("   " + line, flush=True))
    say(f"compiled to {out} in {time.perf_counter() - start:.1f} s")
    return out


def batch_of(model):
    """Token ids of the sentences, and whether they are: without a tokenizer they are made up."""
    try:
        return model._load_tokenizer().encode(SENTENCES)[0], True
    except FileNotFoundError:
        generator = np.random.default_rng(0)
        lengths = [min(n, model.max_length) for n in (5, 9, 13, 8, 21)]
        return [generator.integers(0, model.vocabulary, n).tolist() for n in lengths], False


def images_of(model, count):
    shape = model._image_shape(model._inputs["pixel_values"][2])
    if shape is None:
        raise RuntimeError("config.json does not say what the images of this model are like")
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def vectors(model, batch):
    """A vector per sentence: the embedding, or the mean of what the model gives per token."""
    name = _bench.main_output(model)
    out = model.run(batch, outputs=[name])
    rows = out[name]
    if "offsets" in out:
        rows = np.stack([rows[a:b].mean(0) for a, b in zip(out["offsets"], out["offsets"][1:])])
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def show_similarity(model, batch):
    rows = vectors(model, batch)
    print("\nSimilarity (cosine):")
    for i, sentence in enumerate(SENTENCES):
        print(f"  {i + 1}  " + " ".join(f"{v:6.3f}" for v in rows @ rows[i]) + f"   {sentence}")
    print(flush=True)


def agreement(ours, theirs):
    """Smallest cosine of a row with PyTorch's, and the largest difference."""
    theirs = theirs.reshape(-1, ours.shape[1])
    length = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    cosine = (ours * theirs).sum(-1) / np.maximum(length, 1e-30)
    return f"cosine {cosine.min():.7f}, error {np.abs(ours - theirs).max():.1e}"


def fastest(call, count=5):
    return min(_bench.seconds(call) for _ in range(count))


class Sentences:
    """What is compared of a model of texts."""

    def __init__(self, models, name):
        self.models, self.name = models, name
        model = models[PRESETS[0]]
        self.longest, self.vocabulary = model.max_length, model.vocabulary
        self.batch, is_text = batch_of(model)
        if is_text:
            show_similarity(model, self.batch)
        else:
            say("no tokenizer.json: made-up tokens instead of sentences")

    def calls(self, reference):
        """What to time: its name, how many tokens, and both systems' calls."""
        generator = np.random.default_rng(0)
        for size, length in SHAPES:
            if length <= self.longest:
                ids = generator.integers(0, self.vocabulary, (size, length))
                mask = np.ones_like(ids)
                yield (f"{size}x{length}", "tokens", lambda model: model.run(ids, outputs=[self.name]),
                       lambda: reference(self.name, ids, mask))

    def agreement(self, model, reference):
        # PyTorch gets one sequence at a time, without padding.
        rows = [np.array([row], np.int64) for row in self.batch]
        ours = model.run(self.batch, outputs=[self.name])[self.name]
        theirs = [reference(self.name, row, np.ones_like(row)).reshape(-1, ours.shape[1]) for row in rows]
        return agreement(ours, np.concatenate(theirs))


class Images:
    """The same of a model of images."""

    def __init__(self, models, name):
        self.name, self.images = name, images_of(models[PRESETS[0]], 8)

    def calls(self, reference):
        for count in 1, 8:
            pixels = self.images[:count]
            yield (f"{count}", "image" if count == 1 else "images",
                   lambda model: model.run(pixel_values=pixels, outputs=[self.name]),
                   lambda: reference.of_images(self.name, pixels))

    def agreement(self, model, reference):
        ours = model.run(pixel_values=self.images, outputs=[self.name])[self.name]
        return agreement(ours, reference.of_images(self.name, self.images))


def compare(checkpoint, outs, with_torch):
    """The table. All systems use one thread and take turns within this run."""
    models = {preset: tm.load(out, threads=1) for preset, out in outs.items()}
    model = models[PRESETS[0]]
    name = _bench.main_output(model)
    task = (Sentences if "input_ids" in model.input_names else Images)(models, name)
    weights = sum(p.stat().st_size for p in pathlib.Path(checkpoint).glob("*.safetensors"))

    def row(label, cell, last):
        return [label, *(cell(preset) for preset in PRESETS), last]

    def megabytes(size):
        return f"{size / 1e6:.2f} MB"

    reference = None
    if with_torch:
        say("loading PyTorch")
        reference = _bench.Reference(checkpoint, 1)
    loading = f"{fastest(lambda: _bench.Reference(checkpoint, 1), 2) * 1e3:.1f} ms" if reference else "-"
    rows = [row("weights", lambda p: megabytes((outs[p] / "weights.safetensors").stat().st_size), megabytes(weights)),
            row("code", lambda p: megabytes((outs[p] / "model.so").stat().st_size), "-"),
            row("load time", lambda p: f"{fastest(lambda: tm.load(outs[p], threads=1)) * 1e3:.1f} ms", loading)]
    for label, unit, ours, theirs in task.calls(reference):
        say(f"timing {label} {unit}")
        calls = {preset: functools.partial(ours, one) for preset, one in models.items()}
        if reference:
            calls["torch"] = theirs
        times = {k: _bench.summary(v, 1)["median_ms"] for k, v in _bench.interleave(calls, ROUNDS).items()}
        last = f"{times['torch']:.2f} ms" if reference else "-"
        rows.append(row(f"latency {label} {unit}", lambda p: f"{times[p]:.2f} ms", last))
        if reference:
            rows[-1].append(" and ".join(f"{times[p] / times['torch']:.2f}" for p in PRESETS) + " of the time")
    if reference:
        rows.append(row("agreement", lambda p: task.agreement(models[p], reference), "1 by definition"))
    head = row("", str, "PyTorch f32" if reference else "checkpoint")
    widths = [max(len(one[i]) for one in [head, *rows]) for i in range(len(head))]
    print(f"\nOne thread, compiled for {model.target}, output {name}:")
    for one in [head, *rows]:
        cells = [cell.rjust(width) for cell, width in zip(one[1:], widths[1:])]
        print("  " + one[0].ljust(widths[0]), *cells, *one[len(head):], sep="  ")


def main(arguments):
    checkpoint, folder = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    outs = {preset: compile_model(checkpoint, folder, preset) for preset in PRESETS}
    compare(checkpoint, outs, "--torch" in arguments)
    out = outs[tm.DEFAULT_PRESET]
    print(f"\nThe artifacts are {' and '.join(map(str, outs.values()))}; see also\n  .venv/bin/transformer-mlir inspect {out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError, RuntimeError) as problem:
        sys.exit(f"error: {problem}")
