"""What `compress` can do to a model. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
from typing import NamedTuple


class Preset(NamedTuple):
    size: str
    quality: str
    summary: str


PRESETS = {
    "exact": Preset("1x", "cosine >= 0.999999",
                    "no approximation: float32 arithmetic in another order"),
}


def check_preset(name):
    if not isinstance(name, str):
        raise TypeError(f"preset is {type(name).__name__}, expected a name such as 'exact'")
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[name]
