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
    "int4": "int8 with weights and tables of 4 bits in groups of 64; half the memory traffic of int8",
    "small": "int8 on grids of 4.75 and tables of 3.02 bits, entropy coded; decoded when loaded",
    "tiny": "int8 on grids of 3.85 and tables of 2.38 bits, entropy coded; decoded when loaded",
    "turbo": "small, with narrower queries, keys and feed-forward layers",
    "static": "a table, one attention query and an MLP per sentence, fitted to the original; needs --text and torch",
}


DEFAULT = "int8"


MEASURED = json.loads((pathlib.Path(__file__).parent / "presets.json").read_text(encoding="utf-8"))


def quality_of(m):
    retrieval = f", MRR {m['mrr_ratio']:.1%}" if m.get("mrr_ratio") else ""
    return f"cosine {m['cosine_mean']:.4f} (p1 {m['cosine_p1']:.4f}), Spearman {m['spearman']:.4f}{retrieval}"


class Cut(NamedTuple):
    """What `compress --tune` repairs: passes with a profile, and how the tuned structure is rounded."""
    passes: str
    bits: tuple


# By the loss of Spearman that is allowed. The harder a cut, the more room it leaves for bits: fewer would take back
# a tenth of what tuning gave.
HEADS = "transformer-narrow-heads{{qk-rank=16%s profile={profile} save-profile={profile}}}"
NEURONS = ",transformer-narrow-ffn{{keep=%s multiple=64 profile={profile}}}"
TUNED = {
    "turbo": {
        None: Cut(HEADS % " vo-rank=16" + NEURONS % 0.5, ("--bits=6", "--table-bits=3.5")),
        0.01: Cut(HEADS % "" + NEURONS % 0.66, ("--bits=5.5", "--table-bits=3.02")),
    },
}


def structure_of(preset, max_loss=None):
    """The cut before tuning: the hardest whose loss is allowed."""
    check_preset(preset)
    if preset not in TUNED:
        raise ValueError(f"the preset {preset} changes no structure that tuning would repair: --tune goes with "
                         f"{', '.join(TUNED)}; 'transformer-mlir tune' takes any artifact")
    if max_loss is None:
        return TUNED[preset][None]
    if isinstance(max_loss, bool) or not isinstance(max_loss, (int, float)) or not 0 < max_loss < 1:
        raise ValueError(f"max_loss is {max_loss!r}, expected a number between 0 and 1")
    return TUNED[preset][None if max_loss >= 0.02 else 0.01]


def row_of(name, m, summary):
    speed = f"{m['faster_1x128']:.2f}x" if "faster_1x128" in m else "-"
    return Preset(f"{m['smaller']:.2f}x smaller", speed, "the original's" if name == "exact" else quality_of(m), summary)


def read_presets():
    measured = MEASURED["presets"]
    return {name: row_of(name, measured[name], summary) if name in measured else Preset("-", "-", "see docs", summary)
            for name, summary in SUMMARIES.items()}


def read_tuned():
    """What was measured of presets with --tune."""
    return {name: row_of(name, m, "a harder cut, tuned on text; needs --text and torch")
            for name, m in MEASURED["presets"].items() if name not in SUMMARIES}


def read_controls():
    """Naive ways to the sizes of presets, measured beside them; no preset does this."""
    return {name: row_of(name, m, f"a naive way to the size of {m['control_of']}")
            for name, m in MEASURED.get("controls", {}).items()}


PRESETS = read_presets()


def check_preset(name):
    if not isinstance(name, str):
        raise TypeError(f"preset is {type(name).__name__}, expected a name such as 'exact'")
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]
