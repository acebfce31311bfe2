# RUN: rm -rf %t && %python %s %t %S "%cc" "%arm_cc"
# Entropy-coded weights: a smaller file, the same numbers on every level, and a
# file that is not the one that was written is refused.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import json
import os
import platform
import shutil
import subprocess
import sys

out, here, cc, arm_cc = sys.argv[1:]
sys.path.insert(0, here + "/../Import/Inputs")
import checkpoint  # noqa: E402

# Linears of more than a block and of less, and widths that panels fill up.
checkpoint.H, checkpoint.INNER, checkpoint.VOCAB, checkpoint.POSITIONS, checkpoint.LAYERS = 200, 700, 300, 40, 1
checkpoint.make("bert", out + "/bert")
ARM_ROOT = "/usr/aarch64-linux-gnu"
X86 = platform.machine() == "x86_64"
LEVELS = "x86-64-v3,x86-64" if X86 else "neon-dotprod,neon"


def compiled(name, *options, compiler=cc, source=out + "/bert"):
    artifact = f"{out}/{name}"
    subprocess.run(["transformer-compile", "--quiet", source, "-o", artifact, *options], check=True)
    subprocess.run([*compiler.split(), here + "/Inputs/levels.c", "-I", artifact, artifact + "/model.so",
                    "-Wl,-rpath," + artifact, "-o", artifact + "/levels"], check=True)
    return artifact


def rows_of(artifact, level=None, runner=()):
    environment = {**os.environ, "TM_CPU_LEVEL": level} if level else os.environ
    done = subprocess.run([*runner, artifact + "/levels", artifact], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


def header(artifact):
    with open(artifact + "/weights.safetensors", "rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))


def report(artifact):
    with open(artifact + "/report.json", encoding="utf-8") as file:
        return json.load(file)


def size(artifact):
    return os.path.getsize(artifact + "/weights.safetensors")


profile = f"--profile={out}/p"
plain = compiled("plain", "--preset=int8", f"--target-cpu={LEVELS}", f"--save-profile={out}/p")
coded = compiled("coded", "--preset=int8", f"--target-cpu={LEVELS}", profile, "--pack=entropy")
assert size(coded) < 0.97 * size(plain), (size(coded), size(plain))
told = report(coded)
assert told["bytes"]["weights"] == size(coded)
assert told["bytes"]["weights_memory"] == report(plain)["bytes"]["weights_memory"] > told["bytes"]["weights"]
assert "coded" not in report(plain)
# What is coded is U8 in the file, and the report says how many bits are left.
streams = {name: entry for name, entry in header(coded).items() if name.endswith(".entropy")}
assert streams and all(entry["dtype"] == "U8" for entry in streams.values())
assert not [name for name in header(plain) if name.endswith(".entropy")]
rows = {row["weight"]: row for row in told["coded"]}
for name in streams:
    row, (begin, end) = rows[name.removesuffix(".entropy")], streams[name]["data_offsets"]
    assert row["classes"] >= 1 and row["bits_in_file"] < row["bits_in_memory"]
    assert abs(row["bits_in_file"] - 8 * (end - begin) / row["values"]) < 0.001
assert all(row["bits_in_file"] == row["bits_in_memory"] for name, row in rows.items() if name + ".entropy" not in streams)
for level in LEVELS.split(","):
    expected, found = rows_of(plain, level), rows_of(coded, level)
    assert expected == found and (expected[0] or len(expected[1]) == 11), (level, expected, found)

# A file that was changed is told by its checksum, and so is one that was cut.
path = coded + "/weights.safetensors"
with open(path, "rb") as file:
    whole = file.read()
for bytes_, sentence in ((whole[:-1], "was cut short"), (whole[:-100] + bytes([whole[-100] ^ 4]) + whole[-99:], "do not match model.so"),
                         (whole.replace(b'"dtype":"U8"', b'"dtype":"I8"', 1), "do not match model.so"),
                         (whole[:40], "not a whole safetensors file")):
    with open(path, "wb") as file:
        file.write(bytes_)
    code, lines = rows_of(coded)
    assert code == 1 and len(lines) == 1 and sentence in lines[0], lines

# Without bytes that are worth it, the file is as ever, and mapped.
tiny = compiled("tiny", "--pack=entropy", source=here + "/Inputs/tiny.mlir")
same = compiled("same", source=here + "/Inputs/tiny.mlir")
assert size(tiny) == size(same) and rows_of(tiny) == rows_of(same)

if X86 and shutil.which("qemu-aarch64") and os.path.exists(ARM_ROOT + "/lib/crt1.o"):
    arm = compiled("arm", "--preset=int8", profile, "--target-cpu=neon-dotprod,neon", "--pack=entropy", compiler=arm_cc)
    with open(arm + "/weights.safetensors", "rb") as file:
        assert file.read() == whole
    runner = ["qemu-aarch64", "-L", ARM_ROOT, "-cpu", "max"]
    assert rows_of(arm, "neon", runner)[1][1:] and rows_of(arm, "neon", runner)[0] == 0

done = subprocess.run(["transformer-compile", out + "/bert", "--pack=entropy", "--emit=obj", "-o", out + "/no"],
                      capture_output=True, text=True)
assert done.returncode == 1 and "--pack goes with an artifact" in done.stderr and not os.path.exists(out + "/no")
