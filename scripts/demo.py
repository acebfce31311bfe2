"""The part of scripts/demo that needs the package: compile, encode, compare.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
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


def say(text):
    print(f"== {text}", flush=True)


def newest(paths):
    return max(os.path.getmtime(p) for p in paths)


def compile_model(checkpoint, folder):
    """Compiles, unless an artifact of this compiler and checkpoint is there."""
    key = hashlib.sha256(os.path.realpath(checkpoint).encode()).hexdigest()[:8]
    name = os.path.basename(os.path.realpath(checkpoint))
    out = folder / f"{name}-{key}"
    report = out / "report.json"
    inputs = [_native.find("transformer-compile"), *pathlib.Path(checkpoint).glob("*.*")]
    if report.exists() and report.stat().st_mtime > newest(inputs):
        say(f"already compiled: {out}")
        return out
    say(f"compiling {checkpoint}")
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    tm.compress(checkpoint, out, progress=lambda line: print("   " + line, flush=True))
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

    def __init__(self, model, name):
        self.model, self.name = model, name
        self.batch, is_text = batch_of(model)
        if is_text:
            show_similarity(model, self.batch)
        else:
            say("no tokenizer.json: made-up tokens instead of sentences")

    def calls(self, reference):
        """What to time: its name, how many tokens, and both systems' calls."""
        generator = np.random.default_rng(0)
        for size, length in SHAPES:
            if length <= self.model.max_length:
                ids = generator.integers(0, self.model.vocabulary, (size, length))
                mask = np.ones_like(ids)
                yield (f"{size}x{length}", "tokens", lambda: self.model.run(ids, outputs=[self.name]),
                       lambda: reference(self.name, ids, mask))

    def agreement(self, reference):
        # PyTorch gets one sequence at a time, without padding.
        rows = [np.array([row], np.int64) for row in self.batch]
        ours = self.model.run(self.batch, outputs=[self.name])[self.name]
        theirs = [reference(self.name, row, np.ones_like(row)).reshape(-1, ours.shape[1]) for row in rows]
        return agreement(ours, np.concatenate(theirs))


class Images:
    """The same of a model of images."""

    def __init__(self, model, name):
        self.model, self.name, self.images = model, name, images_of(model, 8)

    def calls(self, reference):
        for count in 1, 8:
            pixels = self.images[:count]
            yield (f"{count}", "image" if count == 1 else "images",
                   lambda: self.model.run(pixel_values=pixels, outputs=[self.name]),
                   lambda: reference.of_images(self.name, pixels))

    def agreement(self, reference):
        ours = self.model.run(pixel_values=self.images, outputs=[self.name])[self.name]
        return agreement(ours, reference.of_images(self.name, self.images))


def compare(checkpoint, out, with_torch):
    """The table. Both systems use one thread and take turns within this run."""
    model = tm.load(out, threads=1)
    name = _bench.main_output(model)
    task = (Sentences if "input_ids" in model.input_names else Images)(model, name)
    weights = sum(p.stat().st_size for p in pathlib.Path(checkpoint).glob("*.safetensors"))
    rows = [["weights", f"{(out / 'weights.safetensors').stat().st_size / 1e6:.2f} MB", f"{weights / 1e6:.2f} MB"],
            ["code", f"{(out / 'model.so').stat().st_size / 1e6:.2f} MB", "-"],
            ["load time", f"{fastest(lambda: tm.load(out, threads=1)) * 1e3:.1f} ms", "-"]]
    reference = None
    if with_torch:
        say("loading PyTorch")
        reference = _bench.Reference(checkpoint, 1)
        rows[2][2] = f"{fastest(lambda: _bench.Reference(checkpoint, 1), 2) * 1e3:.1f} ms"
    for label, unit, ours, theirs in task.calls(reference):
        say(f"timing {label} {unit}")
        calls = {"ours": ours, "torch": theirs} if reference else {"ours": ours}
        times = {k: _bench.summary(v, 1) for k, v in _bench.interleave(calls, ROUNDS).items()}
        cells = [f"{row['median_ms']:.2f} ms" for row in times.values()]
        rows.append([f"latency {label} {unit}", *cells] + ([] if reference else ["-"]))
        if reference:
            rows[-1].append(f"{times['ours']['median_ms'] / times['torch']['median_ms']:.2f}x the time")
    if reference:
        rows.append(["agreement", task.agreement(reference), "1 by definition"])
    head = ["", "transformer-mlir", "PyTorch f32" if reference else "checkpoint"]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    print(f"\nOne thread, compiled for {model.target}, output {name}:")
    for row in [head, *rows]:
        print("  " + row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2]), *row[3:], sep="  ")


def main(arguments):
    checkpoint, folder = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    out = compile_model(checkpoint, folder)
    compare(checkpoint, out, "--torch" in arguments)
    print(f"\nThe artifact is {out}; see also\n  .venv/bin/transformer-mlir inspect {out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError, RuntimeError) as problem:
        sys.exit(f"error: {problem}")
