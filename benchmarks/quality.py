"""Cosines of embeddings with those of a reference. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import numpy as np


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
    norms = np.linalg.norm(first, axis=1)
    found = {}
    for name, other in rows.items():
        cosines = (first * other).sum(1) / norms / np.linalg.norm(other, axis=1)
        found[name] = {"cosine_mean": float(cosines.mean()), "cosine_p1": float(np.percentile(cosines, 1)),
                       "cosine_min": float(cosines.min())}
    return {"quality": {"reference": reference, "workload": load, "systems": found}}


def table(results):
    quality = results.get("quality")
    if not quality or not quality["systems"]:
        return
    print(f"\nCosine of the embeddings of '{quality['workload']}' with those of {quality['reference']}\n")
    print("| system | mean | worst percentile | least |\n|---|---|---|---|")
    for name, row in quality["systems"].items():
        print(f"| {name} | {row['cosine_mean']:.5f} | {row['cosine_p1']:.5f} | {row['cosine_min']:.5f} |")
