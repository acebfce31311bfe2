"""Transformers compiled to native libraries: compress, load, run, encode.

    import transformer_mlir as tm
    report = tm.compress("checkpoint_dir", "out_dir")
    model = tm.load("out_dir", threads=2)
    embeddings = model.encode(["a sentence", "another"])

Needs NumPy, and `tokenizers` on the first `encode`.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import importlib

from ._version import __version__

# Imported when they are asked for: the command starts at once, and Ctrl-C while NumPy is being read is heeded.
HOMES = {"CompileError": "_compress", "DEFAULT_PRESET": "_presets", "Model": "_model", "PRESETS": "_presets", "compress": "_compress",
         "load": "_model", "profile": "_calibrate", "quality": "_quality", "to_torch": "_tune", "tune": "_tune"}
__all__ = [*HOMES, "__version__"]


def __getattr__(name):
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f".{HOMES[name]}", __name__)
    globals()[name] = value = getattr(home, "DEFAULT" if name == "DEFAULT_PRESET" else name)
    return value


def __dir__():
    return sorted({*globals(), *HOMES})
