"""Cosines of embeddings with those of a reference. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from transformer_mlir._metrics import cosines  # noqa: E402


def quality(workers, load):
    """For each system, of all sequences of `load`; the reference is PyTorch, or else the first system."""
    reference = next((name for name in workers if name.startswith("pytorch")), next(iter(workers)))
    rows = {}
    for name, worker in list(workers.items()):
        try:
            rows[name] = np.array(worker.ask(f"embed {load}"))
        except RuntimeError as problem:
            print(f"no quality: {problem}")
    first = rows.pop(reference)
    found = {name: cosines(first, other) for name, other in rows.items()}
    return {"quality": {"reference": reference, "workload": load, "systems": found}}


def table(results):
    quality = results.get("quality")
    if not quality or not quality["systems"]:
        return
    print(f"\nCosine of the embeddings of '{quality['workload']}' with those of {quality['reference']}\n")
    print("| system | mean | worst percentile | least |\n|---|---|---|---|")
    for name, row in quality["systems"].items():
        print(f"| {name} | {row['cosine_mean']:.5f} | {row['cosine_p1']:.5f} | {row['cosine_min']:.5f} |")
