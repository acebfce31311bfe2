"""What tests of artifacts for GPUs share. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import subprocess

import numpy as np

from conftest import BUILD


def compile_model(*arguments):
    done = subprocess.run([BUILD / "bin/transformer-compile", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


class Made:
    """A model for both machines, with the same weights, and its kernels for the driver of the tests."""

    def __init__(self, source, folder, cpu=(), gpu=(), chip="sm_80"):
        self.cpu, self.gpu, self.kernels = folder / "cpu", folder / "gpu", folder / "kernels.ll"
        compile_model(source, "-o", self.cpu, *cpu)
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
