# RUN: rm -rf %t && %python %s %t %S
# REQUIRES: numpy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the best answer is known the passes find it: on ViT and FNet, in weights of known rank, with neurons that
repeat others and heads that give nothing; and on a layer of the shape of BERT base."""
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

out, here = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(here / "../Import/Inputs"))
import checkpoint  # noqa: E402

RANK, DISTINCT, HEADS, SILENT = 5, 40, 4, (1, 3)
checkpoint.H, checkpoint.INNER, checkpoint.HEADS, checkpoint.LAYERS = 32, 64, HEADS, 2
FFN = "encoder.layer.{}.intermediate.dense"


def change(folder, edit):
    """The weights of a checkpoint, as `edit` leaves them."""
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    arrays = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(memoryview(data)[begin:end], "<f4").reshape(entry["shape"])
    edit(arrays)
    path.write_bytes(data)


def low_rank(weights):
    generator = np.random.default_rng(1)
    for layer in range(2):
        up = weights[FFN.format(layer) + ".weight"]
        rank = RANK + layer  # each layer its own
        up[:] = generator.standard_normal((len(up), rank)) @ generator.standard_normal((rank, up.shape[1])) / 8


def repeated_neurons(weights):
    for layer in range(2):
        for part in (".weight", ".bias"):
            array = weights[FFN.format(layer) + part]
            array[DISTINCT:] = array[:len(array) - DISTINCT]


def silent_heads(weights):
    for name, array in weights.items():
        if re.search(r"value\.(weight|bias)$", name):
            for head in SILENT:
                array[head * len(array) // HEADS:(head + 1) * len(array) // HEADS] = 0


def remarks(kind, name, edit, flag, options):
    folder = out / f"{kind}-{name}"
    checkpoint.make(kind, str(folder))
    change(folder, edit)
    text = folder / "model.mlir"
    subprocess.run(["transformer-compile", "--quiet", "--emit=transformer", str(folder), "-o", str(text)], check=True)
    done = subprocess.run(["transformer-opt", str(text), f"--transformer-load-weights=file={folder}", f"--{flag}={options}",
                           f"--remarks-filter={flag}", "--remark-format=emitRemark", "-o", str(folder / "changed.mlir")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr, (folder / "changed.mlir").read_text()


for kind in ("vit", "fnet"):
    said, text = remarks(kind, "rank", low_rank, "transformer-factorize-svd",
                         "error=1e-7 multiple=1 damping=0 only=intermediate")
    ranks = [int(rank) for rank in re.findall(r"rank (\d+), \d+ numbers in place of 2048", said)]
    assert ranks == [RANK, RANK + 1], said
    assert f"tensor<{RANK}x32xf32>" in text and f"tensor<64x{RANK}xf32>" in text
    said, text = remarks(kind, "neurons", repeated_neurons, "transformer-narrow-ffn", "max-error=1e-5 multiple=1")
    assert re.findall(r"64 neurons to (\d+)", said) == [str(DISTINCT)] * 2, said
    assert f"tensor<32x{DISTINCT}xf32>" in text
said, text = remarks("vit", "heads", silent_heads, "transformer-narrow-heads", "max-error=1e-5 multiple=1")
left = HEADS - len(SILENT)
assert text.count(f"num_heads = {left} : i64") == 2 and f"num_heads = {HEADS}" not in text, said

# BERT base: of its neurons, whose elimination takes half a minute, docs/compression.md tells.
checkpoint.H, checkpoint.INNER, checkpoint.HEADS, checkpoint.LAYERS = 768, 3072, 12, 1
checkpoint.weights = lambda _, size, __: (0.04 * np.random.default_rng(size).standard_normal(size)).astype("<f4").tobytes()
HEADS, SILENT, RANK = 12, (3, 4, 11), 40


def base(weights):
    silent_heads(weights)
    query, generator = weights["encoder.layer.0.attention.self.query.weight"], np.random.default_rng(1)
    query[:] = generator.standard_normal((768, RANK)) @ generator.standard_normal((RANK, 768)) / 200


said, text = remarks("bert", "heads", base, "transformer-narrow-heads", "max-error=1e-5 multiple=1")
# The bias of the queries is one channel more.
assert f"12 heads to 9, 64 channels of scores to {RANK + 1}, 64 channels of values to 64" in said, said
said, text = remarks("bert", "rank", base, "transformer-factorize-svd", "error=1e-7 multiple=1 damping=0 only=query share=false")
assert f"rank {RANK}, {2 * RANK * 768} numbers in place of {768 * 768}" in said, said
