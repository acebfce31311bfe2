# RUN: rm -rf %t && mkdir %t && %python %S/../Import/Inputs/checkpoint.py bert %t/bert
# RUN: %python %s %source/benchmarks/model.py %t tm-exact,iree --workloads 1x3,2x5
# REQUIRES: numpy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks of whole models run, on a model without text, and write what they measured."""
import json
import pathlib
import subprocess
import sys

program, folder, names, *flags = sys.argv[1:]
written = pathlib.Path(folder) / "out.json"
command = [sys.executable, program, folder + "/bert", "--work", folder + "/work", "--rounds", "1", "--json", str(written)]
done = subprocess.run([*command, "--systems", names, *flags], capture_output=True, text=True)
assert done.returncode == 0, done.stdout + done.stderr
print(done.stdout)
results = json.loads(written.read_text())
assert list(results["workloads"]) == ["1x3", "2x5"]
for load, entry in results["workloads"].items():
    assert entry["tokens"] == {"1x3": 3, "2x5": 10}[load]
    for name, row in entry["systems"].items():
        assert name.startswith("tm-") and 0 < row["min_ms"] <= row["median_ms"] and row["by"][name] == 1
        assert f"| {row['median_ms']:.4g} (1.00) |" in done.stdout or "worth" in results
if "worth" in results:
    assert set(results["worth"]) >= {"freeze", "QKV merge", "epilogue fusion", "row-chain fusion", "unpadding"}
    for part, cells in results["worth"].items():
        assert part.startswith("iree") or all(ratio > 0 for pair in cells.values() for ratio in pair)
        assert f"\n| {part} | " in done.stdout
else:
    assert "left out: iree" in done.stdout  # not installed, or refuses the model
    fresh = results["fresh_process"]["tm-exact"]
    assert fresh["first_result_ms"] > 0 and fresh["resident_mb"] > 1

bad = subprocess.run([*command, "--systems", "fastest"], capture_output=True, text=True)
assert bad.returncode == 1 and "there is no system fastest; there are: tm-exact" in bad.stderr, bad.stderr
