"""transformer-mlir. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import numpy as np
import transformer_mlir as tm


def prepare(folder, checkpoint, preset, shapes, padded=False):
    if preset not in tm.PRESETS:
        raise RuntimeError(f"this version has no preset {preset}")
    tm.compress(str(checkpoint), str(folder / f"tm-{preset}"), preset=preset, progress=False)


def load(folder, threads, preset, padded=False):
    """With `padded`, each sentence is as long as the longest of its batch, as rectangles have it."""
    model = tm.load(str(folder / f"tm-{preset}"), threads=threads)
    output = "sentence_embedding" if "sentence_embedding" in model.outputs else model.outputs[0]

    def inputs(batch):
        longest = max(map(len, batch)) if padded else 0
        return [np.asarray(row + [0] * (longest - len(row)), np.int32) for row in batch]

    return inputs, lambda batch: model.run(batch, outputs=[output])[output]
