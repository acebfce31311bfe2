# RUN: %python %s %t %build
# REQUIRES: numpy, torch, gpu-emulator
"""benchmarks/gpu as far as it goes without a GPU: the models compute what PyTorch's do, and times become ratios."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT, out, build = pathlib.Path(__file__).resolve().parents[2], pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.append(str(ROOT / "benchmarks/gpu"))
shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)

import ours  # noqa: E402
import timing  # noqa: E402
from chains import Op, text  # noqa: E402

# On a machine without a GPU: one sentence.
done = subprocess.run([sys.executable, ROOT / "benchmarks/gpu"], capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
assert done.returncode == 1 and done.stderr.startswith("benchmarks/gpu: error: PyTorch finds no NVIDIA GPU") and done.stderr.count("\n") == 1, done.stderr
assert not done.stdout

# On the driver of the tests, which runs the kernels of a file.
os.environ["TM_LIBCUDA"] = str(build / "unittests/libcuda-emulator.so")
compile_text = ours.compile_text


def with_kernels(source, weights, made, *arguments):
    compile_text(source, weights, made, *arguments)
    compile_text(source, weights, f"{made}.ll", *arguments, "--emit=llvm")
    os.environ["TM_STUB_KERNELS"] = f"{made}.ll"


ours.compile_text = with_kernels
for op in (Op("linear", (32, 64), (2, 5)), Op("linear_i8", (32, 64), (2, 5)), Op("attention", (2, 16, 0), (2, 9)),
           Op("attention", (1, 32, 1), (1, 12)), Op("fft_mix", (24,), (2, 6)), Op("norm", (24,), (2, 6))):
    apart = ours.check(op, 2, out, "f16", device=None, arguments=["--gpu-chip=sm_80"])
    assert apart < (0.05 if op.kind == "linear_i8" else 0.01), (op.name, apart)
assert text(Op("norm", (24,), (1, 4)), 3).count("transformer.layer_norm") == 3
assert Op("linear", (4, 8), (2, 3)).operations == 2 * (2 * 6 * 4 * 8)
assert Op("attention", (2, 8, 1), (3, 5)).operations == 2 * 2 * 3 * 5 * 5 * 16 / 2

# Calls that take so long by a clock of our own: a chain is a base and its ops.
now = 0.0


def takes(seconds):
    def call():
        global now
        now += seconds
    return call


times = timing.interleaved({("ours", 2): takes(0.003), ("ours", 10): takes(0.011), ("theirs", 2): takes(0.006), ("theirs", 10): takes(0.022)},
                           rounds=3, burst_seconds=0.05, clock=lambda: now)
own, their = (timing.of_one(times[who, 10], times[who, 2], 8) for who in ("ours", "theirs"))
assert len(own) == 3 and all(abs(t - 0.001) < 1e-9 for t in own) and abs(timing.ratio(their, own) - 2) < 1e-6
assert timing.ratio([1, 1, 1], [0, -1, 1]) is None  # the noise is larger than the op
