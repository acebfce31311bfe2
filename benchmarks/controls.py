"""Naive ways to the sizes of the presets: checkpoints whose weights were changed here, by NumPy, not by our passes.

Each takes the weights of a BERT checkpoint and what it has to match, and gives
the changed weights, the preset that they are compiled with, and the bytes that
they would take. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import pathlib
import re
import shutil

import numpy as np

from transformer_mlir._files import write_tensors

LAYER = re.compile(r"(encoder\.layer\.\d+)\.(.+)\.weight$")
HEADS_PARTS = ("attention.self.query", "attention.self.key", "attention.self.value")


def read_weights(checkpoint):
    data = (pathlib.Path(checkpoint) / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    assert all(entry["dtype"] in ("F32", "I64") for entry in header.values()), "an f32 checkpoint is needed"
    return {name: np.frombuffer(data, {"F32": "<f4", "I64": "<i8"}[e["dtype"]], offset=8 + size + e["data_offsets"][0],
                                count=int(np.prod(e["shape"]))).reshape(e["shape"]) for name, e in header.items()}


def write_checkpoint(source, folder, weights):
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"))
    write_tensors(pathlib.Path(folder) / "model.safetensors",
                  {name: ("I64" if array.dtype.kind == "i" else "F32", array) for name, array in weights.items()})
    return folder


def matrices(weights):
    """The linears, and the tables."""
    names = [name for name, array in weights.items() if array.ndim == 2 and array.dtype.kind == "f"]
    return [n for n in names if not n.startswith("embeddings.")], [n for n in names if n.startswith("embeddings.")]


def bytes_of(weights, bits):
    """`bits` per number of a matrix by its name, f32 for the rest."""
    return sum(array.size * bits.get(name, 32) / 8 for name, array in weights.items() if array.dtype.kind == "f")


def per_tensor(weights):
    """i8 to nearest, one scale for a whole tensor."""
    changed = dict(weights)
    linears, tables = matrices(weights)
    for name in linears + tables:
        scale = np.abs(weights[name]).max() / 127
        changed[name] = (np.rint(weights[name] / scale) * scale).astype(np.float32)
    return changed, "int8", bytes_of(weights, dict.fromkeys(linears + tables, 8))


def per_row(weights, bits):
    """To nearest, one scale for each row, integers of so many bits."""
    changed, top = dict(weights), 2 ** (bits - 1) - 1
    linears, tables = matrices(weights)
    for name in linears + tables:
        scales = np.abs(weights[name]).max(axis=1, keepdims=True) / top
        scales[scales == 0] = 1
        changed[name] = (np.rint(weights[name] / scales) * scales).astype(np.float32)
    return changed, "int8", bytes_of(weights, dict.fromkeys(linears + tables, bits))


def entropy(integers):
    counts = np.unique(integers, return_counts=True)[1] / integers.size
    return -(counts * np.log2(counts)).sum()


def on_grid(array, bits):
    """To nearest, on one grid for the tensor, as fine as so many bits of entropy allow."""
    fine, coarse = np.log2(np.abs(array).max() / 127), np.log2(np.abs(array).max())
    for _ in range(14):
        middle = (fine + coarse) / 2
        fine, coarse = (middle, coarse) if entropy(np.rint(array / 2 ** middle)) > bits else (fine, middle)
    return (np.rint(array / 2 ** coarse) * 2 ** coarse).astype(np.float32)


def plain_grids(weights, bits, table_bits):
    """What small and tiny are without compensation, steps per column, and a basis of the table."""
    changed = dict(weights)
    linears, tables = matrices(weights)
    wanted = {**dict.fromkeys(linears, bits), **dict.fromkeys(tables, table_bits)}
    for name, own in wanted.items():
        changed[name] = on_grid(weights[name], own)
    return changed, "int8", bytes_of(weights, wanted)


def shapes_of(artifact):
    """Rows and columns of the linears that an artifact of int8 computes with."""
    found = {}
    text = (pathlib.Path(artifact) / "model.mlir").read_text(encoding="utf-8")
    for name, rows, columns in re.findall(r'@"?(encoder\.[\w.]+?\.weight)_?\w*"?\(.*tensor<(\d+)x(\d+)xi8>', text):
        found[name] = (int(rows), int(columns))
    assert found, f"{artifact}: has no linears of i8"
    return found


def plain_svd(weights, shapes):
    """Each linear of a layer by the largest singular values of its weight, with as many numbers as `shapes` has in all."""
    changed, wanted = dict(weights), [name for name in matrices(weights)[0] if LAYER.match(name)]
    part = sum(r * c for r, c in shapes.values()) / sum(weights[n].size for n in wanted)
    saved = 0
    for name in wanted:
        rows, columns = weights[name].shape
        rank = int(part * rows * columns / (rows + columns))
        u, s, v = np.linalg.svd(weights[name].astype(np.float64), full_matrices=False)
        changed[name] = ((u[:, :rank] * s[:rank]) @ v[:rank]).astype(np.float32)
        saved += rows * columns - rank * (rows + columns)
    return changed, "exact", bytes_of(weights, {}) - 4 * saved


def by_magnitude(weights, shapes, heads):
    """As many neurons and channels of scores as `shapes` has, those of the largest weights, nothing fitted anew."""
    changed, saved = {name: array.copy() for name, array in weights.items()}, 0
    for layer in sorted({LAYER.match(name)[1] for name in shapes}):
        up, down = f"{layer}.intermediate.dense", f"{layer}.output.dense.weight"
        sizes = np.linalg.norm(weights[up + ".weight"], axis=1) * np.linalg.norm(weights[down], axis=0)
        gone = np.argsort(sizes)[:len(sizes) - shapes[up + ".weight"][0]]
        changed[down][:, gone] = 0
        saved += len(gone) * (weights[up + ".weight"].shape[1] + weights[down].shape[0])
        query, key = (f"{layer}.{part}" for part in HEADS_PARTS[:2])
        sizes = np.linalg.norm(weights[query + ".weight"], axis=1) * np.linalg.norm(weights[key + ".weight"], axis=1)
        left = shapes[query + ".weight"][0] // heads
        for head in np.split(np.arange(len(sizes)), heads):
            gone = head[np.argsort(sizes[head])[:len(head) - left]]
            for name in (query, key):
                changed[name + ".weight"][gone] = changed[name + ".bias"][gone] = 0
            saved += 2 * len(gone) * weights[query + ".weight"].shape[1]
    return changed, "exact", bytes_of(weights, {}) - 4 * saved


def random_heads(weights, shapes, heads, seed=0):
    """Whole heads at random, as many as have the numbers that `shapes` leaves out."""
    changed, saved, generator = {name: array.copy() for name, array in weights.items()}, 0, np.random.default_rng(seed)
    for layer in sorted({LAYER.match(name)[1] for name in shapes}):
        own = [name for name in weights if name.startswith(layer + ".") and LAYER.match(name) and weights[name].ndim == 2]
        output = weights[f"{layer}.attention.output.dense.weight"]
        each = 4 * output.size // heads
        left_out = sum(weights[name].size for name in own) - sum(r * c for n, (r, c) in shapes.items() if n in own)
        count = min(heads - 1, left_out // each)
        width = output.shape[1] // heads
        for head in generator.permutation(heads)[:count]:
            changed[f"{layer}.attention.output.dense.weight"][:, head * width:(head + 1) * width] = 0
        saved += count * each
    return changed, "exact", bytes_of(weights, {}) - 4 * saved


def controls(checkpoint, artifacts):
    """(name, the preset it is for, weights, preset to compile with, bytes) of each."""
    weights = read_weights(checkpoint)
    heads = json.loads((pathlib.Path(checkpoint) / "config.json").read_text(encoding="utf-8"))["num_attention_heads"]
    yield "one scale per tensor", "int8", *per_tensor(weights)
    yield "4 bits, a scale per row", "int4", *per_row(weights, 4)
    yield "plain grids, 4.75 bits", "small", *plain_grids(weights, 4.75, 3.02)
    yield "plain grids, 3.85 bits", "tiny", *plain_grids(weights, 3.85, 2.38)
    shapes = shapes_of(artifacts["turbo"])
    yield "plain SVD", "turbo", *plain_svd(weights, shapes)
    yield "largest weights", "turbo", *by_magnitude(weights, shapes, heads)
    yield "random heads", "turbo", *random_heads(weights, shapes, heads)
