# RUN: %python %s %t %build
# REQUIRES: numpy, tokenizers
"""Artifacts for GPUs: PTX always, machine code where NVIDIA's tools are, and the same bytes each time."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "test/Import/Inputs"))
out, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
subprocess.run([sys.executable, ROOT / "test/Import/Inputs/checkpoint.py", "bert", out / "bert"], check=True)


def compile_model(name, *arguments, tools=True):
    environment = {k: v for k, v in os.environ.items() if tools or not k.startswith("CUDA_")}
    if not tools:
        environment["PATH"] = "/nowhere"
    done = subprocess.run([build / "bin/transformer-compile", out / "bert", "-o", out / name, "--target=nvptx", *arguments],
                          capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads((out / name / "report.json").read_text()), (out / name / "model.so").read_bytes(), done.stderr


# Without a toolkit: one remark for each chip, and PTX.
report, library, said = compile_model("plain", "--gpu-chip=sm_80,sm_90a", tools=False)
chips = report["target"]["levels"]
assert report["target"]["name"] == "sm_90a,sm_80" and report["target"]["device"] == "cuda"
assert [chip["machine_code"] for chip in chips] == [False, False]
assert said.count("remark: no machine code for sm_90a: ptxas and fatbinary of a CUDA toolkit were not found; "
                  "the driver makes it of the PTX at load") == 1
assert sum("no machine code for sm_80" in remark for remark in report["remarks"]) == 1
for target in (b".target sm_90a", b".target sm_80"):
    assert library.count(target) == 1
kernels = [set(re.findall(rb"\.visible \.entry (\w+)_\d+\(", text)) for text in library.split(b".target sm_")[1:]]
usual = [{kernel.replace(b"_wgmma", b"") for kernel in names} for names in kernels]
assert len(usual) == 2 and usual[0] == usual[1] >= {b"linear", b"rows"} and any(b"linear_wgmma" in names for names in kernels)
assert b"\x50\xed\x55\xba" not in library and all(chip["launches"] > 10 and chip["ptx_bytes"] > 1000 for chip in chips)
assert compile_model("again", "--gpu-chip=sm_90a,sm_80", tools=False)[1] == library
# model.mlir and the weights are those that any target is compiled from.
subprocess.run([build / "bin/transformer-compile", out / "plain", "-o", out / "cpu", "--quiet"], check=True)
needed = subprocess.run(["readelf", "-d", out / "plain/model.so"], capture_output=True, text=True)
assert needed.returncode or "libcuda" not in needed.stdout  # or there is no readelf

# A toolkit that fails is no reason to fail; what it says is passed on.
for name in ("ptxas", "fatbinary"):
    (out / "bin").mkdir(exist_ok=True)
    (out / "bin" / name).write_text("#!/bin/sh\necho 'ptxas fatal: too old' >&2\nexit 3\n")
    (out / "bin" / name).chmod(0o755)
report, _, said = compile_model("old", f"--cuda-toolkit={out}")
assert "no machine code for sm_80" in said and "ptxas: ptxas fatal: too old" in said

if shutil.which("ptxas") and shutil.which("fatbinary"):
    report, library, said = compile_model("fat", "--gpu-chip=sm_80,sm_90a")
    assert all(chip["machine_code"] for chip in report["target"]["levels"]) and "remark" not in said
    # Two fat binaries, each with machine code (an ELF file inside) and PTX.
    assert library.count(b"\x50\xed\x55\xba") == 2 and library.count(b"\x7fELF") >= 3
    assert library.count(b".target sm_90a") == 1 and library.count(b".target sm_80") == 1

# A weight that would be infinite in f16 is refused, and fits elsewhere.
sys.path.append(str(ROOT / "test/Python/Inputs"))
import tiny  # noqa: E402

weights = tiny.bert(out / "large", architectures=["BertModel"])
weights["encoder.layer.1.output.dense.weight"][3, 5] = 7e4
tiny.write(out / "large", weights)
command = [build / "bin/transformer-compile", out / "large", "-o", out / "large.out", "--target=nvptx", "--quiet"]
done = subprocess.run(command, capture_output=True, text=True)
assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
assert "encoder.layer.1.output.dense.weight' has values beyond 65504, where f16 ends; compile with --dtype=bf16" in done.stderr
assert not (out / "large.out").exists()
subprocess.run([*command, "--dtype=bf16"], check=True)
