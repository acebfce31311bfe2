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
        return [generator.integers(0, model.vocabulary, n).tolist() for n in (5, 9, 13, 8, 21)], False


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


def agreement(model, reference, batch):
    """Smallest cosine of a row with PyTorch's, and the largest difference. PyTorch gets one
    sequence at a time, without padding."""
    name = _bench.main_output(model)
    ours = model.run(batch, outputs=[name])[name]
    ids = [np.array([row], np.int64) for row in batch]
    theirs = np.concatenate([reference(name, row, np.ones_like(row)).reshape(-1, ours.shape[1]) for row in ids])
    cosine = (ours * theirs).sum(-1) / (np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1))
    return f"cosine {cosine.min():.7f}, error {np.abs(ours - theirs).max():.1e}"


def fastest(call, count=5):
    return min(_bench.seconds(call) for _ in range(count))


def compare(checkpoint, out, with_torch):
    """The table. Both systems use one thread and take turns within this run."""
    model = tm.load(out, threads=1)
    batch, is_text = batch_of(model)
    if is_text:
        show_similarity(model, batch)
    else:
        say("no tokenizer.json: made-up tokens instead of sentences")
    weights = sum(p.stat().st_size for p in pathlib.Path(checkpoint).glob("*.safetensors"))
    rows = [["weights", f"{(out / 'weights.safetensors').stat().st_size / 1e6:.2f} MB", f"{weights / 1e6:.2f} MB"],
            ["code", f"{(out / 'model.so').stat().st_size / 1e6:.2f} MB", "-"],
            ["load time", f"{fastest(lambda: tm.load(out, threads=1)) * 1e3:.1f} ms", "-"]]
    reference = None
    if with_torch:
        say("loading PyTorch")
        reference = _bench.Reference(checkpoint, 1)
        rows[2][2] = f"{fastest(lambda: _bench.Reference(checkpoint, 1), 2) * 1e3:.1f} ms"
    name, generator = _bench.main_output(model), np.random.default_rng(0)
    for size, length in SHAPES:
        if length > model.max_length:
            continue
        say(f"timing {size}x{length} tokens")
        ids = generator.integers(0, model.vocabulary, (size, length))
        mask = np.ones_like(ids)
        calls = {"ours": lambda: model.run(ids, outputs=[name])}
        if reference:
            calls["torch"] = lambda: reference(name, ids, mask)
        times = {k: _bench.summary(v, ids.size) for k, v in _bench.interleave(calls, ROUNDS).items()}
        cells = [f"{row['median_ms']:.2f} ms" for row in times.values()]
        rows.append([f"latency {size}x{length}", *cells] + ([] if reference else ["-"]))
        if reference:
            rows[-1].append(f"{times['ours']['median_ms'] / times['torch']['median_ms']:.2f}x the time")
    if reference:
        rows.append(["agreement", agreement(model, reference, batch), "1 by definition"])
    head = ["", "transformer-mlir", "PyTorch f32" if reference else "checkpoint"]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    print(f"\nOne thread, compiled for {model.target}, output {name}:")
    for row in [head, *rows]:
        print("  " + row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2]), *row[3:], sep="  ")


def main(arguments):
    checkpoint, folder = pathlib.Path(arguments[0]), pathlib.Path(arguments[1])
    out = compile_model(checkpoint, folder)
    if "input_ids" in tm.load(out, threads=1).input_names:
        compare(checkpoint, out, "--torch" in arguments)
    else:
        model = tm.load(out, threads=1)
        pixels = np.zeros((1, *model._image_shape(model._inputs["pixel_values"][2])), np.float32)
        seconds = fastest(lambda: model.run(pixel_values=pixels))
        print(f"\nOne thread, compiled for {model.target}: {seconds * 1e3:.1f} ms for an image")
    print(f"\nThe artifact is {out}; see also\n  .venv/bin/transformer-mlir inspect {out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError, RuntimeError) as problem:
        sys.exit(f"error: {problem}")
