"""What tests of artifacts for GPUs share. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import re
import subprocess

import numpy as np

import tiny
from conftest import BUILD, ROOT

TEXTS = "layer", "families", "fourier", "images", "pairs"  # test/GPU/Inputs: between them every kernel


def compile_model(*arguments):
    done = subprocess.run([BUILD / "bin/transformer-compile", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


class Made:
    """A model for both machines, with the same weights, and its kernels for the driver of the tests."""

    def __init__(self, source, folder, cpu=(), gpu=(), chip="sm_80"):
        self.cpu, self.gpu, self.kernels = folder / "cpu", folder / "gpu", folder / "kernels.ll"
        compile_model(*(source if isinstance(source, tuple) else [source]), "-o", self.cpu, *cpu)
        target = self.cpu, "--target=nvptx", f"--gpu-chip={chip}"
        compile_model(*target, *gpu, "-o", self.gpu)
        compile_model(*target, *(a for a in gpu if a != "--pack=entropy"), "--emit=llvm", "-o", self.kernels)


def ids_of(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(4, 64, n).astype(np.int32) for n in lengths]


def check_same(found, wanted, tolerance):
    assert list(found) == list(wanted)
    for name in wanted:
        assert found[name].shape == wanted[name].shape and found[name].dtype == wanted[name].dtype
        assert not found[name].size or np.abs(found[name] - wanted[name]).max() <= tolerance, name


def text_arguments(name, folder):
    """What compiles one of TEXTS, with random weights."""
    source, weights, generator = ROOT / f"test/GPU/Inputs/{name}.mlir", folder / f"{name}.safetensors", np.random.default_rng(0)
    made = {}
    for weight, shape, kind in re.findall(r"@(\w+)\(#ml_program.extern : tensor<([\dx]+)x(\w+)>\)", source.read_text()):
        shape = tuple(map(int, shape.split("x")))
        values = generator.normal(size=shape) * (shape[-1] ** -0.5 if len(shape) > 1 else 1)
        if kind == "i8":
            values = generator.integers(-127, 128, shape)
        elif weight.endswith("scales"):
            values = np.abs(values) / 1000
        made[weight] = values.astype(np.int8 if kind == "i8" else np.float32)
    tiny.save(weights, made)
    return source, "--weights", weights


def text_batch(model):
    """A batch for one of TEXTS."""
    generator = np.random.default_rng(1)
    if "pixel_values" in model.input_names:
        return {"pixel_values": generator.normal(size=(3, 3, 8, 12)).astype(np.float32)}
    return {"input_ids": [generator.integers(0, 50, n).astype(np.int32) for n in (1, 9, 0, 32, 2)]}


def check_parts(found, wanted, limit):
    """Differences, in parts of the largest number of each output."""
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert np.isfinite(found[name]).all() and np.abs(found[name] - values).max() <= limit * np.abs(values).max(), name
