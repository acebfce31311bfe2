# REQUIRES: slow
# All levels that this machine or qemu-user can run give the same embeddings to a
# cosine of 0.9999, in f32, bf16 and int8, and the same weights file.
# RUN: rm -rf %t && %python %s %t %S "%cc" "%arm_cc"
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import json
import math
import os
import platform
import shutil
import subprocess
import sys

out, here, cc, arm_cc = sys.argv[1:]
sys.path.insert(0, here + "/../Import/Inputs")
import checkpoint  # noqa: E402

# Tails everywhere: no multiple of 16 or 32 among the widths.
checkpoint.H, checkpoint.INNER, checkpoint.VOCAB, checkpoint.POSITIONS, checkpoint.LAYERS = 40, 76, 60, 40, 1
checkpoint.make("bert", out + "/bert")
X86 = ["avx512-vnni-bf16", "avx512-vnni", "avx2-vnni", "x86-64-v3", "x86-64"]
ARM = "neon-dotprod,neon"
ARM_ROOT = "/usr/aarch64-linux-gnu"


def level_of_host():
    subprocess.run(["transformer-compile", "--quiet", here + "/Inputs/tiny.mlir", "-o", out + "/host"], check=True)
    with open(out + "/host/report.json", encoding="utf-8") as file:
        return json.load(file)["target"]["name"]


def compiled(preset, levels, compiler):
    artifact = f"{out}/{preset}-{levels.split(',')[0]}"
    subprocess.run(["transformer-compile", "--quiet", f"--preset={preset}", f"--target-cpu={levels}", out + "/bert",
                    "-o", artifact], check=True)
    subprocess.run([*compiler.split(), here + "/Inputs/levels.c", "-I", artifact, artifact + "/model.so",
                    "-Wl,-rpath," + artifact, "-o", artifact + "/levels"], check=True)
    return artifact


def rows_of(artifact, level, runner):
    """The embeddings, or None where this CPU lacks the level."""
    done = subprocess.run([*runner, artifact + "/levels", artifact], env={**os.environ, "TM_CPU_LEVEL": level},
                          capture_output=True, text=True)
    first, *rows = done.stdout.splitlines()
    if done.returncode and "this CPU lacks" in first:
        return None
    assert first.startswith(f"runs {level} of "), (level, done.stdout, done.stderr)
    return [[float(value) for value in row.split()] for row in rows]


def cosine(a, b):
    lengths = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / lengths if lengths else float(a == b)


def agree(preset):
    machines = []
    if platform.machine() == "x86_64":
        levels = ",".join(X86[X86.index(host):])  # what cannot run need not be compiled
        machines.append((levels, cc, []))
        if shutil.which("qemu-x86_64"):
            # AVX2 by qemu 7.2 and later, AVX-512 by none.
            machines.append((levels, cc, ["qemu-x86_64", "-cpu", "max"]))
    if shutil.which("qemu-aarch64") and os.path.exists(ARM_ROOT + "/lib/crt1.o"):
        machines.append((ARM, arm_cc, ["qemu-aarch64", "-L", ARM_ROOT, "-cpu", "max"]))
    found, weights, artifacts = {}, set(), {}
    for levels, compiler, runner in machines:
        if levels not in artifacts:
            artifacts[levels] = compiled(preset, levels, compiler)
        artifact = artifacts[levels]
        with open(artifact + "/weights.safetensors", "rb") as file:
            weights.add(file.read())
        for level in levels.split(","):
            rows = rows_of(artifact, level, runner)
            if rows:
                found[(runner[0] if runner else "host") + " " + level] = rows
    assert len(weights) == 1, "levels have weights of their own"
    reference = next(iter(found.values()))
    assert len(reference) == 10 and len(reference[0]) == 40
    for name, rows in found.items():
        worst = min(cosine(a, b) for a, b in zip(reference, rows))
        print(f"{preset:6} {name:28} {worst:.7f}")
        assert worst >= 0.9999, (preset, name, worst)
    assert any("x86-64" in name or "neon" in name for name in found)
    # Another machine makes no difference to a level.
    for level in X86:
        both = [found[key] for key in (f"host {level}", f"qemu-x86_64 {level}") if key in found]
        assert all(rows == both[0] for rows in both), (preset, level, "differs between CPUs")


host = level_of_host()
for name in ("exact", "bf16", "int8"):
    agree(name)
