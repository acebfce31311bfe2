"""A fresh C process, from load to its first result. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import statistics
import subprocess

from worker_process import native, pinned

RUNS = 9


def fresh(names, options):
    """Of those of `names` that are ours: milliseconds (median over processes), and the most MB that were resident."""
    results = {}
    for name in names:
        artifact = options.work / name
        program = options.work / f"first-{name}"
        if not (name.startswith("tm-") and (artifact / "model.so").exists()):
            continue
        if not native("first.c", program, ["-I", artifact, artifact / "model.so", f"-Wl,-rpath,{artifact}"]):
            print("a fresh process is not measured, because there is no C compiler")
            return results
        command = [*(["chrt", "-f", "50"] if options.realtime else []), *pinned(1, options), program, artifact]
        rows = [tuple(map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))
                for _ in range(RUNS)]
        weights = (artifact / "weights.safetensors").stat().st_size / 1e6
        results[name] = {"first_result_ms": statistics.median(row[0] for row in rows),
                         "resident_mb": max(row[1] for row in rows), "weights_mb": weights}
    return results


def table(results):
    if not results:
        return
    print("\nA fresh C process, one sequence of 128 tokens\n")
    print("| system | load to first result, ms | resident MB | of these weights | beyond |\n|---|---|---|---|---|")
    for name, row in results.items():
        print(f"| {name} | {row['first_result_ms']:.1f} | {row['resident_mb']:.1f} | {row['weights_mb']:.1f} | "
              f"{row['resident_mb'] - row['weights_mb']:.1f} |")
