#!/usr/bin/env python3
"""Kernels and a whole model on an NVIDIA GPU, beside PyTorch in the same process.

python benchmarks/gpu. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import json
import pathlib
import re
import sys
import tempfile

import ours
import peers
import timing
from chains import Op

FEW, MANY = 2, 10  # ops in the short and the long chain
WIDE, HIDDEN = 3072, 768
OPS = [
    *(Op("linear", (HIDDEN, WIDE), batch) for batch in ((1, 128), (32, 128), (32, 512))),
    *(Op("linear_i8", (HIDDEN, WIDE), batch) for batch in ((32, 128), (32, 512))),
    *(Op("attention", (12, 64, causal), batch) for causal, batch in ((0, (32, 128)), (0, (32, 512)), (0, (8, 2048)), (1, (8, 2048)))),
    Op("attention", (6, 128, 0), (32, 512)),
    *(Op("fft_mix", (HIDDEN,), batch) for batch in ((32, 128), (32, 512), (8, 2048))),
]
# How many times as fast as what it stands beside a kernel should be.
BARS = {"linear": (0.80, "cuBLAS"), "attention": (0.85, "SDPA flash"), "linear_i8": (1.30, "our f16"), "fft_mix": (1.30, "torch.fft"),
        "model": (1.00, "torch.compile, max-autotune")}
LOADS = ((1, 128), (32, 128), (32, 512))


def options():
    p = argparse.ArgumentParser(prog="benchmarks/gpu", description=__doc__.split("\n")[0])
    p.add_argument("--only", metavar="REGEX", default="", help="of the names in the first column")
    p.add_argument("--dtype", choices=("f16", "bf16"), default="f16")
    p.add_argument("--rounds", type=int, default=9, help="default: 9")
    p.add_argument("--burst", type=float, default=0.1, metavar="SECONDS", help="of calls of one chain (default: 0.1)")
    p.add_argument("--check", action="store_true", help="compare numbers and time nothing")
    p.add_argument("--json", metavar="FILE", help="write all numbers")
    return p.parse_args()


def chosen(names, pattern):
    return [name for name in names if re.search(pattern, name)]


def kernel_row(op, folder, asked):
    """Seconds of one op, ours and theirs."""
    chains = {}
    for count in (FEW, MANY):
        chains["ours", count] = ours.chain(op, count, folder, asked.dtype).call
        if op.kind == "linear_i8":
            plain = Op("linear", op.shape, op.batch)
            chains["theirs", count] = ours.chain(plain, count, folder, asked.dtype).call
        else:
            chains["theirs", count] = peers.chain(op, count, asked.dtype)
        if op.kind == "fft_mix":  # whose chains have a norm beside each transform
            norm = Op("norm", op.shape, op.batch)
            chains["our norm", count] = ours.chain(norm, count, folder, asked.dtype).call
            chains["their norm", count] = peers.chain(norm, count, asked.dtype)
    seconds = timing.interleaved(chains, asked.rounds, asked.burst)
    one = {who: timing.of_one(seconds[who, MANY], seconds[who, FEW], MANY - FEW) for who, _ in chains}
    for who, norm in (("ours", "our norm"), ("theirs", "their norm")):
        if norm in one:
            one[who] = timing.of_one(one[who], one[norm], 1)
    return one["ours"], one["theirs"]


def show(name, kind, own, their, operations=None):
    bar, peer = BARS[kind]
    ratio = timing.ratio(their, own)
    middle = [sorted(times)[len(times) // 2] for times in (own, their)]
    rate = f"{operations / middle[0] / 1e12:.0f}" if operations and middle[0] > 0 else ""
    verdict = "too short to tell" if ratio is None else f"{ratio:.2f}"
    met = "" if ratio is None else "yes" if ratio >= bar else "no"
    print(f"| {name} | {middle[0] * 1e6:.1f} | {rate} | {peer} | {middle[1] * 1e6:.1f} | {verdict} | {bar:.2f} | {met} |", flush=True)
    return {"ours_us": [t * 1e6 for t in own], "theirs_us": [t * 1e6 for t in their], "ratio": ratio, "bar": bar, "beside": peer}


def main():
    asked = options()
    problem = peers.missing()
    if problem:
        print(f"benchmarks/gpu: error: {problem}", file=sys.stderr)
        return 1
    kernels = chosen([op.name for op in OPS], asked.only)
    models = chosen([f"BERT-base, {b}x{n}" for b, n in LOADS], asked.only)
    if not kernels and not models:
        print(f"benchmarks/gpu: error: --only: nothing of this benchmark is named like '{asked.only}'", file=sys.stderr)
        return 1
    results = {"machine": peers.machine(), "dtype": asked.dtype, "rows": {}}
    print("; ".join(f"{k} {v}" for k, v in results["machine"].items()))
    if not asked.check:
        print("\n| what | us | Top/s | beside | us | times as fast | bar | met |\n|---|---|---|---|---|---|---|---|")
    worst = 0
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        for op in (op for op in OPS if op.name in kernels):
            if asked.check:
                worst = max(worst, ours.check(op, FEW, folder, asked.dtype))
            else:
                results["rows"][op.name] = show(op.name, op.kind, *kernel_row(op, folder, asked), op.operations)
        if models and not asked.check:
            calls = peers.bert(folder, LOADS, asked.dtype)
            for load, (own, their) in calls.items():
                name = f"BERT-base, {load[0]}x{load[1]}"
                if name in models:
                    seconds = timing.interleaved({"ours": own, "theirs": their}, asked.rounds, asked.burst)
                    results["rows"][name] = show(name, "model", seconds["ours"], seconds["theirs"])
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(results, indent=1) + "\n")
    if worst > 0.05:
        print(f"benchmarks/gpu: error: results differ by {worst:.2g} of the largest number, which is more than rounding", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
