"""Systems timed in turns: one pinned process each, bursts of calls in random order.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import random
import re
import statistics
import time

import systems
import workloads
from worker_process import Worker, native

SLOW_MS = 400


def parser(description, names, loads, rounds=7, burst=150, sentences=workloads.SENTENCES):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("checkpoint", metavar="CHECKPOINT", help="a sentence embedding checkpoint of BERT's family")
    p.add_argument("--systems", default=names, help=f"NAME or NAME@THREADS, with commas (default: {names})")
    p.add_argument("--workloads", default=loads, help=f"default: {loads}")
    p.add_argument("--threads", type=int, default=1, help="of systems that name none (default: 1)")
    p.add_argument("--cpus", help="as taskset has it (default: the first, as many as a system has threads)")
    p.add_argument("--rounds", type=int, default=rounds, help=f"default: {rounds}; 2 of 7 less if a call takes 0.4 s")
    p.add_argument("--burst", type=int, default=burst, metavar="MS", help=f"of calls of one system (default: {burst})")
    p.add_argument("--sentences", type=int, default=sentences, help=f"default: {sentences}")
    p.add_argument("--text", metavar="FILE", help="a sentence per line (default: the dictionary FOLDOC)")
    p.add_argument("--work", metavar="DIR", type=pathlib.Path,
                   default=pathlib.Path.home() / ".cache/transformer-mlir-benchmarks",
                   help="for the files of all systems, about 2 GB (default: in the user's cache)")
    p.add_argument("--keep", action="store_true", help="use our artifacts of the last run")
    p.add_argument("--realtime", action="store_true",
                   help="bursts with real-time priority, for a busy machine (needs the right to)")
    p.add_argument("--json", metavar="FILE", help="write all numbers")
    return p


def parse(p):
    """The options, with names that exist."""
    options = p.parse_args()
    for name in filter(None, options.systems.split(",")):
        systems.find(split(name, options)[0])
    return options


def split(name, options):
    """'tm-exact@2' as ('tm-exact', 2)."""
    system, _, threads = name.partition("@")
    return system, int(threads or options.threads)


def prepare(options, batches, names):
    """Makes the files of the systems; returns the names of those that can run."""
    options.work.mkdir(parents=True, exist_ok=True)
    (options.work / "workloads.json").write_text(json.dumps(batches))
    native("peak.c", options.work / "peak.so")
    able, done = [], set()
    for name in names:
        system, _ = split(name, options)
        package = systems.missing(system)
        if package:
            print(f"left out: {name}, because the package {package} is not installed", flush=True)
            continue
        if system == "pytorch-mkl" and not native("mkl.c", options.work / "mkl.so"):
            print(f"left out: {name}, because there is no C compiler", flush=True)
            continue
        kept = system.startswith("tm-") and options.keep and (options.work / system.split("+")[0] / "model.so").exists()
        try:
            if not kept and system not in done:
                shapes = [load for load in batches if load[0].isdigit()]
                systems.module(system).prepare(options.work, options.checkpoint, shapes=shapes,
                                               **systems.find(system).options)
            done.add(system)
            able.append(name)
        except Exception as problem:  # whatever a peer's converter raises
            print(f"left out: {name}: {str(problem).strip().splitlines()[0]}", flush=True)
    if not able:
        raise SystemExit("no system can run")
    return able


def measure(workers, load, options):
    """Name to rounds of milliseconds, and the peak seen in between."""
    counts, peaks, slowest = {}, [], 0
    for name, worker in list(workers.items()):
        try:
            worker.ask(f"{load} 1")  # compiles, packs
            with worker.realtime(options.realtime):
                took = min(worker.ask(f"{load} 2"))
            counts[name], slowest = max(1, min(200, int(options.burst / took))), max(slowest, took)
        except RuntimeError as problem:
            print(f"left out from here: {problem}", flush=True)
            del workers[name]
    times = {name: [] for name in counts}
    for turn in range(options.rounds if slowest < SLOW_MS else max(1, options.rounds * 5 // 7)):
        order = list(counts)
        random.Random(turn).shuffle(order)
        for name in order:
            worker, dropped = workers[name], counts[name] > 1  # the first refills the caches
            with worker.realtime(options.realtime):
                times[name].append(worker.ask(f"{load} {counts[name] + dropped}")[dropped:])
                if name.startswith("tm") and (options.work / "peak.so").exists():
                    peaks.append(worker.ask("peak"))
            time.sleep(0.02)  # spinning worker threads go to sleep
    return times, statistics.median(peaks) if peaks else None


def summarize(times, tokens):
    """Of each system: medians, and how many times ours are faster, as a median over rounds."""
    rounds = {name: [statistics.median(burst) for burst in bursts] for name, bursts in times.items()}
    rows = {}
    for name, bursts in times.items():
        calls = [call for burst in bursts for call in burst]
        rows[name] = {"median_ms": statistics.median(calls), "min_ms": min(calls), "calls": len(calls),
                      "tokens_per_second": tokens / statistics.median(calls) * 1e3,
                      "by": {own: statistics.median(a / b for a, b in zip(rounds[name], rounds[own]))
                             for own in rounds if own.startswith("tm-")}}
    return rows


def machine():
    found = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cpu": found[1] if found else platform.machine(), "cpus": os.cpu_count(), "system": platform.platform()}


def versions(names, options):
    packages = {p for name in names for p in systems.find(split(name, options)[0]).versions}
    return {p: importlib.metadata.version(p) for p in sorted(packages)}


def run(options, batches, names=None, operations=None, check=None):
    """All workloads. `operations(batches)` gives the useful operations of one; `check(workers)` is kept as it is."""
    names = prepare(options, batches, names or options.systems.split(","))
    results = {"machine": machine(), "versions": versions(names, options), "checkpoint": str(options.checkpoint),
               "workloads": {}}
    workers = {name: Worker(name, *split(name, options), options) for name in names}
    try:
        for load, sequences in batches.items():
            times, peak = measure(workers, load, options)
            if not times:
                raise SystemExit("no system is left")
            entry = {"tokens": workloads.tokens(sequences), "padded_tokens": workloads.padded_tokens(sequences),
                     "systems": summarize(times, workloads.tokens(sequences)), "peak_operations_per_second": peak}
            if operations and peak:
                for name, row in entry["systems"].items():
                    row["peak_share"] = operations(sequences) / (row["median_ms"] / 1e3) / (
                        peak * split(name, options)[1])
            results["workloads"][load] = entry
            print(f"{load}: " + ", ".join(f"{name} {row['median_ms']:.3f} ms"
                                          for name, row in entry["systems"].items()), flush=True)
            save(options, results)
        if check:
            results.update(check(workers))
    finally:
        for worker in workers.values():
            worker.close()
    return results


def table(results):
    """Markdown: a row per system, a column per workload."""
    loads = results["workloads"]
    names = list(dict.fromkeys(name for entry in loads.values() for name in entry["systems"]))
    owns = [name for name in names if name.startswith("tm-")]
    print("\nMedian ms" + (f" (how many times faster are {', '.join(owns)})" if owns else ""))
    print("\n| system | " + " | ".join(loads) + " |\n|---" + "|---" * len(loads) + "|")
    for name in names:
        cells = []
        for entry in loads.values():
            row = entry["systems"].get(name)
            ratios = " ".join(f"{row['by'][own]:.2f}" for own in owns if own in row["by"]) if row else ""
            cells.append(f"{row['median_ms']:.4g}" + (f" ({ratios})" if ratios else "") if row else "")
        print(f"| {name} | " + " | ".join(cells) + " |")
    for name in names:
        shares = [entry["systems"].get(name, {}).get("peak_share") for entry in loads.values()]
        if any(shares) and "int8" not in name and "bf16" not in name:
            print(f"| {name}, % of f32 peak | " + " | ".join(f"{100 * s:.0f}" if s else "" for s in shares) + " |")


def save(options, results):
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
