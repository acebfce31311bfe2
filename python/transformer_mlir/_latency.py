"""How long layers of each size take on this CPU, by the kernels that will run.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import hashlib
import json
import os
import statistics

import numpy as np

from . import _files, _profile
from ._bench import interleave, main_output, summary
from ._model import load
from ._plan import size_arguments

LENGTH = 128  # tokens of the call, on one thread
SECONDS = 0.4
PARTS = {"ffn": 6, "scores": 3, "heads": 4}  # sizes to measure, at most


def cache_path(curves, target, cpu):
    """Where the table of this CPU and such layers is kept."""
    shapes = [(s["kind"], s["size"], s["numbers"], [size for size, _ in s["errors"]]) for s in curves["sites"]]
    key = hashlib.sha256(json.dumps([1, cpu, target, shapes, LENGTH]).encode()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "transformer-mlir", f"latency-{key}.json")


def sizes_to_measure(site):
    """Of all that can be chosen, evenly, the smallest and the largest too."""
    sizes = [size for size, _ in site["errors"]]
    count = min(PARTS[site["kind"]], len(sizes))
    return [sizes[i] for i in sorted({round(j) for j in np.linspace(0, len(sizes) - 1, count)})]


def probes(curves):
    """Lists of sizes by site number, one for each artifact to make: a layer (a feed-forward or an attention) gets one size."""
    layers, wanted = {}, {}
    for i, site in enumerate(curves["sites"]):
        group = "ffn" if site["kind"] == "ffn" else "attention"
        layers.setdefault(group, {}).setdefault(site["path"], {})[site["kind"]] = i
        wanted.setdefault(group, {}).setdefault(site["kind"], sizes_to_measure(site))
    artifacts = []
    for group, by_path in layers.items():
        tasks = [(kind, size) for kind, sizes in wanted[group].items() for size in sizes]
        places = list(by_path.values())
        for number, (kind, size) in enumerate(tasks):
            turn, place = divmod(number, len(places))
            artifacts += [{}] if turn == len(artifacts) else []
            if kind in places[place]:
                artifacts[turn][places[place][kind]] = size
    return artifacts


def call_of(out):
    """A function that computes one sequence, and the model."""
    model = load(out, 1)
    ids = [np.random.default_rng(0).integers(0, model.vocabulary, min(LENGTH, model.max_length))]
    output = main_output(model)
    return model, lambda: model.run(input_ids=ids, outputs=[output])


def times_of(out, curves):
    """Milliseconds of each site, by the paths of its linears."""
    model, call = call_of(out)
    spans = _profile.measure(model, call, SECONDS)["spans"]
    return [sum(span["us"] for span in spans if span["path"] in site["paths"]) / 1e3 for site in curves["sites"]]


def measure(curves, compile_to, folder, show):
    """The table: {"base_ms": of a plain int8 model, "times": kind to [size, milliseconds of a layer]}.

    `compile_to(out, arguments)` makes an int8 artifact. Of each size one layer is measured, in a model whose layers
    differ; the times of a kind are those of its layers against the same layers of the plain model.
    """
    plain = os.path.join(folder, "int8")
    compile_to(plain, [])
    base, times = times_of(plain, curves), {}
    for site in curves["sites"]:
        of_kind = [t for other, t in zip(curves["sites"], base) if other["kind"] == site["kind"]]
        times[site["kind"]] = {site["size"]: statistics.median(of_kind)}
    for number, sizes in enumerate(probes(curves)):
        show(f"times of layers, part {number + 1}")
        out = os.path.join(folder, "probe")
        compile_to(out, size_arguments(sizes, curves))
        found = times_of(out, curves)
        for i, size in sizes.items():
            site = curves["sites"][i]
            whole = times[site["kind"]][site["size"]]
            times[site["kind"]][size] = min(whole, whole * found[i] / base[i])
    _, call = call_of(plain)
    milliseconds = summary(interleave({"int8": call}, 5)["int8"], 1)["median_ms"]
    return {"base_ms": milliseconds, "times": {kind: sorted(map(list, points.items())) for kind, points in times.items()}}


def is_whole(kept, kinds):
    """Whether a table is what `measure` gives, and no half or edited one."""
    numbers = [kept["base_ms"], *(number for kind in kinds for point in kept["times"][kind] for number in point)]
    return all(kept["times"][kind] and all(len(point) == 2 for point in kept["times"][kind]) for kind in kinds) \
        and all(isinstance(number, (int, float)) and 0 <= number < 1e9 for number in numbers) and kept["base_ms"] > 0


def table(curves, target, cpu, compile_to, folder, show):
    """The table of this CPU: the kept one, or a new one that is kept then."""
    path = cache_path(curves, target, cpu)
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        if kept["cpu"] == cpu and is_whole(kept, {site["kind"] for site in curves["sites"]}):
            return kept
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    found = {"cpu": cpu, "target": target, "workload": f"1x{LENGTH}, one thread", "file": path,
             **measure(curves, compile_to, folder, show)}
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _files.write_json(path, found)
    except OSError as problem:
        found["file"] = None
        show(f"the table of times is not kept: {problem}")
    return found
