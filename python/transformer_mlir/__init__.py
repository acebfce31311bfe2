"""Transformers compiled to native libraries: compress, load, run, encode.

    import transformer_mlir as tm
    report = tm.compress("checkpoint_dir", "out_dir")
    model = tm.load("out_dir", threads=2)
    embeddings = model.encode(["a sentence", "another"])

Needs NumPy, and `tokenizers` on the first `encode`.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from ._calibrate import profile
from ._compress import CompileError, compress
from ._model import Model, load
from ._presets import DEFAULT as DEFAULT_PRESET, PRESETS
from ._quality import quality
from ._tune import to_torch, tune
from ._version import __version__

__all__ = ["CompileError", "DEFAULT_PRESET", "Model", "PRESETS", "compress", "load", "profile", "quality", "to_torch", "tune",
           "__version__"]
