"""What `compress` can do to a model. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

The numbers are measured on the reference checkpoint: benchmarks/presets.py
writes presets.json.
"""
import json
import pathlib
from typing import NamedTuple


class Preset(NamedTuple):
    size: str
    speed: str
    quality: str
    summary: str


SUMMARIES = {
    "exact": "float32; ops merged, parameters without effect dropped",
    "bf16": "factors of products and tables in bf16",
    "int8": "weights, inputs of products and tables in 8 bits; inputs scaled per token",
    "small": "int8 on grids of 4.75 and tables of 3.02 bits, entropy coded; decoded when loaded",
    "tiny": "int8 on grids of 3.95 and tables of 2.2 bits, entropy coded; decoded when loaded",
    "turbo": "small, with narrower queries, keys and feed-forward layers",
    "static": "a table, one attention query and an MLP per sentence, fitted to the original; needs --text and torch",
}


DEFAULT = "int8"


MEASURED = json.loads((pathlib.Path(__file__).parent / "presets.json").read_text(encoding="utf-8"))


def quality_of(m):
    return f"cosine {m['cosine_mean']:.4f} (p1 {m['cosine_p1']:.4f}), Spearman {m['spearman']:.4f}"


def read_presets():
    measured, presets = MEASURED["presets"], {}
    for name, summary in SUMMARIES.items():
        if name not in measured:
            presets[name] = Preset("-", "-", "see docs", summary)
            continue
        m = measured[name]
        quality = "the original's" if name == "exact" else quality_of(m)
        presets[name] = Preset(f"{m['smaller']:.2f}x smaller", f"{m['faster_1x128']:.2f}x", quality, summary)
    return presets


def read_controls():
    """Naive ways to the sizes of presets, measured beside them; no preset does this."""
    return {name: Preset(f"{m['smaller']:.2f}x smaller", "-", quality_of(m), f"a naive way to the size of {m['control_of']}")
            for name, m in MEASURED.get("controls", {}).items()}


PRESETS = read_presets()


def check_preset(name):
    if not isinstance(name, str):
        raise TypeError(f"preset is {type(name).__name__}, expected a name such as 'exact'")
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]
