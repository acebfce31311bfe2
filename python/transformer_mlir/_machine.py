"""What `compress` compiles for: a CPU, or NVIDIA GPUs (docs/gpu.md).

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import ctypes
import os
import tempfile

TARGETS = ("cpu", "nvptx")
TYPES = ("f16", "bf16", "f32")


def gpu_arguments(target, target_cpu, gpu_chip, dtype, cuda_toolkit, fft_from):
    """The arguments of transformer-compile for a GPU; None for a CPU."""
    if target not in TARGETS:
        raise ValueError(f"target is {target!r}; there are {' and '.join(TARGETS)}")
    named = {"gpu_chip": gpu_chip, "dtype": dtype, "cuda_toolkit": cuda_toolkit, "fft_from": fft_from}
    if target == "cpu":
        for name in (name for name, value in named.items() if value is not None):
            more = ": on a CPU the presets exact and bf16 are its values" if name == "dtype" else ""
            raise ValueError(f"{name} goes with the target nvptx{more}")
        return None
    if target_cpu != "host":
        raise ValueError("target_cpu goes with the target cpu")
    if dtype is not None and dtype not in TYPES:
        raise ValueError(f"dtype is {dtype!r}; on a GPU there are {', '.join(TYPES)}")
    if fft_from is not None and (isinstance(fft_from, bool) or not isinstance(fft_from, int) or fft_from < 0):
        raise ValueError(f"fft_from is {fft_from!r}, expected a number of tokens, or 0")
    if gpu_chip is not None and not isinstance(gpu_chip, str):
        raise TypeError(f"gpu_chip is {type(gpu_chip).__name__}, expected text, such as 'sm_80,sm_90a'")
    flags = {"gpu-chip": gpu_chip, "dtype": dtype, "fft-from": fft_from,
             "cuda-toolkit": None if cuda_toolkit is None else os.fspath(cuda_toolkit)}
    return ["--target=nvptx", *(f"--{name}={value}" for name, value in flags.items() if value is not None)]


def compress_on_cpu_first(source, out, compress, compile_, arguments, pack):
    """What is fitted by running it is fitted for a CPU, and compiled for the GPU then. `compress` takes a directory."""
    from . import _files, _report
    _files.check_target(out)
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        # What is wrong with chips and toolkit is said before the work.
        compile_([source, "-o", os.path.join(folder, "target"), *arguments, "--quiet"])
        fitted = os.path.join(folder, "fitted")
        report = compress(fitted)
        compile_([fitted, "-o", out, *arguments, f"--pack={pack}"])
    sizes = {**_files.read_report(out)["bytes"], "checkpoint": report["bytes"]["checkpoint"]}
    kept = ("input", "preset", "profile", "static", "tune", "modules", "machine")
    return _report.update(out, bytes=sizes, **{name: report[name] for name in kept if name in report})


def check_driver():
    """Before work whose result is to be run on a GPU."""
    name = os.environ.get("TM_LIBCUDA") or "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        raise RuntimeError(f"--eval-text and --fail-if of quality run the artifact, and this machine has no NVIDIA driver ({name}): "
                           "leave them out, and use 'transformer-mlir quality' where there is a GPU") from None
