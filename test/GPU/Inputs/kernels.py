"""What the code of each kernel must have, as PTX and as machine code, for ptx.test and ptxas.test.

python kernels.py ptx|sass COMPILER OUT [PTXAS]. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import collections
import json
import pathlib
import re
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CHIPS = "sm_80", "sm_90", "sm_90a", "sm_100"
NAMES = {  # of instructions, in --dtype=f16
    "mma": r"mma\.sync\.aligned\.m16n8k16\.row\.col\.f32\.(f16\.f16|bf16\.bf16)\.f32",
    "mma8": r"mma\.sync\.aligned\.m16n8k32\.row\.col\.s32\.s8\.s8\.s32",
    "ldmatrix": r"ldmatrix\.sync\.aligned\.m8n8\.x4\.shared\.b16",
    "trans": r"ldmatrix\.sync\.aligned\.m8n8\.x4\.trans\.shared\.b16",
    "copy": r"cp\.async\.cg\.shared\.global", "commit": r"cp\.async\.commit_group", "wait": r"cp\.async\.wait_group",
    "barrier": r"bar\.sync|barrier\.\S*", "shuffle": r"shfl\.sync\.bfly\.b32", "exp2": r"ex2\.approx\.ftz\.f32",
    # Of global memory: 16 bytes at once, 2 to 8, and fewer.
    "load16": r"ld\.global\.(v4\.b32|v2\.b64)", "load": r"ld\.global\.(v2\.b16|(v2\.)?b32|b64)", "load2": r"ld\.global\.b(8|16)",
    "store16": r"st\.global\.(v4\.b32|v2\.b64)", "store": r"st\.global\.(v2\.b16|(v2\.)?b32|b64)", "store2": r"st\.global\.b(8|16)",
}
Kernel = collections.namedtuple("Kernel", "registers shared ptx unrolls")


def has(registers, shared=0, unrolls=False, **ptx):
    """At most so many registers, so much shared memory, and of each instruction exactly so many: what is not named is
    absent. Of a short loop the assembler may make several."""
    return Kernel(registers, shared, ptx, unrolls)


def few(copy, mma="mma", **ptx):
    """A linear for few rows."""
    return has(80, 40960, unrolls=True, copy=copy, commit=5, wait=1, barrier=1, ldmatrix=8, shuffle=4, store=2, **{mma: 8}, **ptx)


# 255 registers of 128 threads: two blocks on a multiprocessor; 168: three; 128: four. A linear for few rows comes before
# the one for more.
KERNELS = {
    "layer": {
        "positions_0": has(16, load=2, store=1),
        "rows_1": has(40, load=2, load16=6, shuffle=10, store16=1),
        "linear_2": few(4),
        "linear_3": has(80, 24576, mma=16, ldmatrix=8, copy=8, commit=3, wait=1, barrier=1, shuffle=16, store=8),
        "attention_4": has(128, 20480, mma=32, ldmatrix=10, trans=8, copy=10, commit=2, wait=2, barrier=2, shuffle=13, exp2=34,
                           load=3, store=8),
        "rows_5": has(40, load16=6, shuffle=10, store16=1),
        "linear_6": few(4, exp2=8, load16=2),
        "linear_7": has(255, 49152, mma=64, ldmatrix=16, copy=16, commit=3, wait=1, barrier=1, exp2=128, shuffle=64, load16=32,
                        store=32),
        "linear_8": few(8, load=2, load16=2),
        "linear_9": has(128, 24576, mma=16, ldmatrix=8, copy=12, commit=3, wait=1, barrier=1, shuffle=16, load=8, load16=8, store=8),
        "rows_10": has(40, load=2, load16=1, shuffle=5, store16=2),
    },
    "families": {
        "positions_0": has(16, load=4, store=1),
        "rows_1": has(56, 48, load=1, load16=9, shuffle=5, barrier=1, store16=6),
        "rows_2": has(32, load=1, load16=1, shuffle=5, store=2),
        "linear_3": few(8, "mma8", load=2, load16=2),
        "linear_4": has(255, 49152, mma8=64, ldmatrix=16, copy=24, commit=3, wait=1, barrier=1, shuffle=64, load=8,
                        load16=32, store=32),
        "linear_5": few(16),
        "linear_6": has(255, 49152, mma=64, ldmatrix=16, copy=24, commit=3, wait=1, barrier=1, shuffle=64, store=32),
        "linear_7": few(16),
        "linear_8": has(80, 24576, mma=16, ldmatrix=8, copy=12, commit=3, wait=1, barrier=1, shuffle=16, store=8),
        "attention_9": has(168, 40960, mma=64, ldmatrix=20, trans=16, copy=20, commit=2, wait=2, barrier=2, shuffle=13, exp2=34,
                           load=3, store=16),
        "attention_10": has(255, 49152, mma=64, ldmatrix=24, trans=16, copy=24, commit=2, wait=2, barrier=2, shuffle=13, exp2=18,
                           load=3, store=32),
        "attention_11": has(255, 49152, mma=64, ldmatrix=24, trans=16, copy=24, commit=2, wait=2, barrier=2, shuffle=13, exp2=18,
                           load=11, store=32),
        "rows_12": has(32, load=2, load16=1, store16=1),
        "rows_13": has(40, load=4, load16=4, store16=1),
        "linear_simple_14": has(32, 2176, load2=2, barrier=2, store=1),
        "attention_simple_15": has(32, load=2, load2=6, shuffle=5, exp2=2, store=2),
    },
    "fourier": {
        "rows_0": has(24, load=1, load16=1, store16=1),
        "fold_1": has(32, load2=2, store2=3, shuffle=5),
        "linear_2": few(12),
        "linear_3": has(255, 49152, mma=64, ldmatrix=16, copy=24, commit=3, wait=1, barrier=1, shuffle=64, store=32),
        "linear_4": few(8),
        "linear_5": has(255, 49152, mma=64, ldmatrix=16, copy=24, commit=3, wait=1, barrier=1, shuffle=64, store=32),
        "mix_6": has(168, 16512, load=3, load16=16, barrier=2, trans=16, mma=32, store=128),
        "widen_7": has(32, load2=1, store=1),
        "mirror_8": has(32, load=4, store=1),
        "rows_9": has(32, load16=2, store16=2),
    },
    "pairs": {
        "rows_0": has(40, load=1, load16=2, store16=3),
        **dict.fromkeys(("linear_pair_1", "linear_pair_2"), has(
            168, 49152, unrolls=True, mma=64, ldmatrix=24, copy=26, commit=4, wait=2, barrier=2, shuffle=32, exp2=64, load=16, load16=16, store=16)),
        "rows_3": has(40, load16=2, shuffle=5, store=3),
        **dict.fromkeys(("linear_pair_4", "linear_pair_5"), has(
            168, 75008, unrolls=True, mma8=64, ldmatrix=24, copy=26, commit=4, wait=2, barrier=3, shuffle=37, load=23, load16=32, store=16)),
        "linear_pair_6": has(80, 32768, unrolls=True, mma=32, ldmatrix=16, copy=14, commit=4, wait=2, barrier=2, shuffle=16, store16=8),
    },
    "images": {
        "patches_0": has(16, load=1, store2=1),
        "linear_1": few(4),
        "linear_2": has(80, 24576, mma=16, ldmatrix=8, copy=8, commit=3, wait=1, barrier=1, shuffle=16, store=8),
        "rows_3": has(32, load16=3, store16=1),
        "rows_4": has(32, load=2, load16=1, store16=2),
    },
}
ARGUMENTS = {"fourier": ["--fft-from=8"]}  # with the kernels around another library's transforms
BATCHES = "2x5", "4000x5"  # of the reports, so that each kernel is in one, but
UNUSED = "widen_7", "mirror_8"  # those around another library: sequences are too short
# What one PTX instruction is on the GPU, by the same number.
SASS = {"HMMA": ["mma"], "IMMA": ["mma8"], "LDSM": ["ldmatrix", "trans"], "LDGSTS": ["copy"], "BAR": ["barrier"], "SHFL": ["shuffle"],
        "LDGDEPBAR": ["commit"], "LDL": [], "STL": [], "HGMMA": [], "IGMMA": [], "UTMALDG": []}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def count(body):
    found = collections.Counter()
    for instruction in re.findall(r"^\s*(?:@!?%p\d+ )?((?:mma|ldmatrix|cp|ld\.global|st\.global|bar|shfl|ex2|atom|red)[.\w]*)", body, re.M):
        names = [name for name, pattern in NAMES.items() if re.fullmatch(pattern, instruction.replace(".shared::cta", ".shared"))]
        found[names[0] if names else instruction] += 1
    return dict(found)


def is_warpgroup(kernel):
    """Products of sm_90a have other code, which ptx-wgmma.test and ptxas-wgmma.py look at."""
    return "_wgmma_" in kernel


def as_elsewhere(kernels):
    """Kernel to that of sm_80."""
    return {kernel: kernel.replace("_wgmma", "") for kernel in kernels}


def check_ptx(compiler, out):
    for name, kernels in KERNELS.items():
        is_large = name in ("layer", "families")
        for chip in CHIPS if is_large or name == "pairs" else CHIPS[:1]:
            for dtype in ("f16", "bf16", "f32") if is_large and chip == "sm_80" else ("f16",):
                run(compiler, HERE / f"{name}.mlir", "--target=nvptx", f"--gpu-chip={chip}", f"--dtype={dtype}", "--emit=ptx", "-o", out,
                    *ARGUMENTS.get(name, []))
                text = out.read_text()
                where = f"{name}.mlir for {chip} in {dtype}"
                assert re.search(rf"^\.target {chip}$", text, re.M), where
                bad = re.findall(r"malloc|__nv_\w+|vprintf|\.local\b|\.func\b|\.extern \.(?!shared).*", text)
                assert not bad, (where, bad)
                found = {kernel: count(body) for kernel, body in re.findall(r"^\.visible \.entry (\w+)\((.*?)^\}", text, re.S | re.M)}
                kinds = set(re.findall(r"mma\.sync\S*", text))
                if dtype == "f32":  # no tensor cores but those of i8, and simple kernels are for any number of rows
                    simple = sum(kernel.unrolls and "mma" in kernel.ptx for kernel in kernels.values())
                    assert not any("f16" in kind for kind in kinds) and len(found) == len(kernels) - simple, (where, kinds)
                    continue
                assert all(dtype in kind.split(".") or "s8" in kind for kind in kinds), (where, kinds)
                wanted = {kernel: has.ptx for kernel, has in kernels.items()}
                assert (chip == "sm_90a" and name != "pairs") == any(map(is_warpgroup, found)), (where, list(found))
                others = as_elsewhere(found)
                assert list(others.values()) == list(wanted), where
                for kernel, other in others.items():
                    if is_warpgroup(kernel) or dtype != "f16" and kernel.startswith("rows"):
                        continue
                    assert found[kernel] == wanted[other], (where, kernel, found[kernel], wanted[other])


def zeros(name, path):
    """A file with numbers for all weights of the text."""
    header, at = {}, 0
    for weight, shape, kind in re.findall(r"@(\w+)\(#ml_program.extern : tensor<([\dx]+)x(\w+)>\)", (HERE / f"{name}.mlir").read_text()):
        shape = list(map(int, shape.split("x")))
        size = {"f32": 4, "i8": 1}[kind]
        for dimension in shape:
            size *= dimension
        header[weight] = {"dtype": kind.upper(), "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


def assemble(compiler, out, ptxas, name, chip):
    """What the assembler says of each kernel, beside what the compiler reads of its code."""
    run(compiler, HERE / f"{name}.mlir", "--target=nvptx", f"--gpu-chip={chip}", "--emit=ptx", "-o", out / "ptx",
        *ARGUMENTS.get(name, []))
    said = run(ptxas, "-v", f"-arch={chip}", out / "ptx", "-o", out / "cubin")
    assert "C75" not in said and "warning" not in said.lower(), said  # C75..: products one after the other
    return dict(re.findall(r"Compiling entry function '(\w+)'((?:.*\n)*?.*Used .*)", said))


def check_sass(compiler, out, ptxas):
    out.mkdir(exist_ok=True)
    chips = "sm_80", "sm_90a", "sm_100"
    for name, kernels in KERNELS.items():
        zeros(name, out / "weights.safetensors")
        by_chip = collections.defaultdict(dict)
        for batch in BATCHES:
            report = run(compiler, HERE / f"{name}.mlir", "--weights", out / "weights.safetensors", "--target=nvptx", "--quiet",
                         "-o", out / "made", "--gpu-chip=" + ",".join(chips), f"--report-gpu={batch}", *ARGUMENTS.get(name, []))
            for chip, table in re.findall(r"^(sm_\w+) as in .*\n((?:.*\n)*?)one call", report, re.M):
                by_chip[chip].update((row.split()[0], row) for row in table.splitlines()[1:])
        for chip in chips:
            rows = by_chip[chip]
            others = as_elsewhere(rows)
            assert sorted(others.values()) == sorted(set(kernels) - set(UNUSED)), (name, chip)
            used = assemble(compiler, out, ptxas, name, chip) if chip == "sm_80" else {}
            for kernel, other in others.items():
                want = kernels[other]
                where = f"{kernel} of {name}.mlir for {chip}"
                if used:
                    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in used[kernel], where
                    assert "smem" not in used[kernel], (where, used[kernel])
                if is_warpgroup(kernel):
                    continue
                *_, shared, registers, stack = rows[kernel].split()[:7]
                assert not used or f"Used {registers} registers" in used[kernel], (where, used[kernel])
                assert int(stack) == 0 and int(shared) == want.shared, (where, stack, shared)
                assert int(registers) <= want.registers, f"{where}: {registers} registers, and there may be {want.registers}"
                counts = {m: int(n) for m, n in re.findall(r"\b([A-Z]+) (\d+)", rows[kernel].partition(";")[2])}
                for mnemonic, names in SASS.items():
                    wanted = sum(want.ptx.get(n, 0) for n in names)
                    found = counts.get(mnemonic, 0)
                    assert found == wanted or want.unrolls and found > wanted > 0, f"{where}: {found} {mnemonic}, expected {wanted}"


if __name__ == "__main__":
    what, compiler, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    if what == "ptx":
        check_ptx(compiler, out)
    else:
        check_sass(compiler, out, sys.argv[4])
