# RUN: rm -rf %t && mkdir %t && %python %S/../Import/Inputs/checkpoint.py bert %t/bert
# RUN: %python %s %t/bert %t exact
# REQUIRES: numpy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A part of the compiler that is off, to measure what it is worth, changes the code and not the numbers."""
import pathlib
import sys

import numpy as np

import transformer_mlir as tm
from transformer_mlir._compress import run_compiler

checkpoint, folder, presets = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
NEAR = {"exact": 1e-5, "bf16": 2e-2, "int8": 5e-2}
# Each element is one sum in one order (docs/rationale.md), so f32 stays equal
# to the last bit, unless biases are added elsewhere.
PARTS = {
    "freeze": (["--freeze=false"], False),
    "projections": (["--merge-projections"], True),
    "epilogues": (["--lowering=epilogues=false"], True),
    "chains": (["--lowering=chains=false"], True),
    "all": (["--freeze=false", "--lowering=epilogues=false chains=false"], False),
}


def compiled(name, preset, flags):
    target = folder / f"{preset}-{name}"
    run_compiler([checkpoint, "-o", str(target), "--quiet", "--preset", preset, *flags])
    return target


def results(artifact):
    model, generator = tm.load(artifact, threads=1), np.random.default_rng(5)
    return model.run([generator.integers(0, model.vocabulary, n) for n in (3, 1, 0, 8, 5)])


for preset in presets:
    profile = [f"--save-profile={folder}/profile"] if preset == "int8" else []
    whole = compiled("whole", preset, profile)
    expected = results(whole)
    for name, (flags, is_equal) in PARTS.items():
        other = compiled(name, preset, [*flags, *(flag.replace("--save-", "--") for flag in profile)])
        assert (other / "model.so").read_bytes() != (whole / "model.so").read_bytes(), f"{flags} did nothing"
        for output, rows in results(other).items():
            off = np.abs(rows - expected[output]).max()
            scale = np.abs(expected[output]).max()
            print(f"{preset} {name} {output}: {off:.3g} of {scale:.3g}", flush=True)
            assert off == 0 if is_equal and preset == "exact" else off <= NEAR[preset] * scale, (preset, name, output)
