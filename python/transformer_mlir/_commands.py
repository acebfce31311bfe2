"""What the commands do. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import contextlib
import json
import os
import pathlib

import numpy as np

from . import PRESETS, _gates, _presets, _quality, _report, compress as compile_checkpoint, load, profile as measure_profile
from ._files import HELD_OUT, hold_out, new_file, read_array, read_lines, write_json
from ._machine import check_driver
from ._measure import Lines



def megabytes(count):
    return f"{count / 1e6:.2f} MB"


def table(rows, head):
    """Text columns: the first to the left, the others to the right."""
    rows = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def dtype_preset(options):
    """On a GPU --dtype is no preset, but how numbers are stored."""
    if options.target == "nvptx":
        return None
    if options.dtype == "f16":
        raise ValueError("--dtype f16 goes with --target nvptx: on CPUs there are f32 and bf16")
    return {"f32": "exact"}.get(options.dtype, options.dtype)


def machine_of(options):
    """What `compress` is to compile for."""
    chosen = {name: getattr(options, name) for name in ("target", "target_cpu", "gpu_chip", "cuda_toolkit", "fft_from")}
    return {**chosen, "dtype": options.dtype if options.target == "nvptx" else None}


def preset_of(options):
    """What --preset, --quantize and --dtype ask for together."""
    asked = {flag: preset for flag, preset in [("--preset", options.preset), ("--quantize", {"i8": "int8", "i4": "int4"}.get(options.quantize)),
                                               ("--dtype", dtype_preset(options))] if preset}
    if len(set(asked.values())) > 1:
        raise ValueError(f"{' and '.join(asked)} contradict each other")
    return next(iter(asked.values()), None)


def texts_of(options, judged):
    """(text to compress with, text to judge by) of `compress`; one text serves both where it must, every tenth line held out."""
    text, held = (files and list(map(pathlib.Path, files)) for files in (options.text, options.eval_text))
    if held is None and judged:
        if text is None:
            raise ValueError(f"--fail-if: {judged[0]} is measured on text that the artifact was not made from: "
                             "pass --eval-text FILE")
        lines, counts = _quality.read_texts(text)
        text, held = (Lines(part, counts["files"]) for part in hold_out(lines))
        held.files = [f"every {HELD_OUT}th line of {name}" for name in options.text]
    if held is not None:
        _quality.read_texts(held)  # what is wrong with it is said before the work
    return text, held


def compress_by_budget(options, gates):
    """A search instead of a preset."""
    text, held = (files and list(map(pathlib.Path, files)) for files in (options.text, options.eval_text))
    extra = {name: getattr(options, name) for name in ("epochs", "minutes", "seed", "tune", "steps", "threads")
             if getattr(options, name) is not None}
    report = compile_checkpoint(
        options.checkpoint, options.out, preset_of(options), profile=options.profile, pack=options.pack,
        **machine_of(options), progress=not options.quiet, text=text, eval_text=held, max_size=options.max_size,
        min_speedup=options.min_speedup, max_loss=options.max_loss, dry_run=options.dry_run, measure=options.measure,
        attention=options.attention, attention_error=options.attention_error, passes=options.passes, **extra)
    if options.dry_run:
        print("\n".join(report["lines"]))
        return
    found = report["search"]
    if not options.quiet:
        loss = "not measured" if found["loss"] is None else f"{found['loss']:.5f}"
        print(f"{options.out}: {found['size']:.4f} of the checkpoint's size, {found['speedup']:.2f} times as fast as float32, loss "
              f"{loss}; {found['runs']} runs")
    _gates.check(gates, report.get("quality", {}) | _quality.sizes(options.out, options.checkpoint))
    if not found["met"]:
        raise _gates.BudgetMissed("; ".join(found["missed"]) + f"; the best so far is in {options.out}, and the same command, "
                                  "or one with another budget, goes on from there")


def compress(options):
    gates = _gates.parse(options.fail_if)
    wanted = _gates.names(gates)
    if any(value is not None for value in (options.max_size, options.min_speedup, None if options.tune else options.max_loss)):
        return compress_by_budget(options, gates)
    if options.dry_run:
        raise ValueError("--dry-run goes with a budget: --max-size, --min-speedup or --max-loss")
    for name in wanted:
        if name in _gates.PAIR_METRICS:
            raise ValueError(f"--fail-if: {name} needs query-answer pairs, which 'transformer-mlir quality --pairs' takes")
    text, held = texts_of(options, [name for name in wanted if name not in _gates.SIZE_METRICS])
    if held is not None and options.target == "nvptx":
        check_driver()
    report = compile_checkpoint(options.checkpoint, options.out, preset_of(options), profile=options.profile,
                                pack=options.pack, **machine_of(options), progress=not options.quiet, text=text,
                                attention=options.attention, attention_error=options.attention_error, passes=options.passes,
                                eval_text=held, measure=options.measure, wanted=wanted,
                                **{name: getattr(options, name)
                                   for name in ("epochs", "minutes", "seed", "tune", "steps", "max_loss", "threads")
                                   if getattr(options, name) is not None})
    if not options.quiet:
        sizes = {name: os.path.getsize(os.path.join(options.out, name)) for name in ("model.so", "weights.safetensors")}
        print(f"{options.out}: preset {report['preset']}, " + ", ".join(f"{n} {megabytes(s)}" for n, s in sizes.items()))
        for row in report.get("latency", []):
            ours, *others = row["systems"].values()
            print(f"{row['workload']}, one thread: p50 {ours['median_ms']:.3f} ms, p95 {ours['p95_ms']:.3f} ms"
                  + "".join(f", {other['ratio']:.2f} times as fast as float32" for other in others))
        if "quality" in report:
            show_quality(report["quality"])
    _gates.check(gates, {**report.get("quality", {}), **_quality.sizes(options.out, options.checkpoint)})


def tune(options):
    from ._tune import tune as improve
    improve(options.out, options.text and list(map(pathlib.Path, options.text)), minutes=options.minutes, steps=options.steps,
            output=options.output, against=options.against, seed=options.seed, threads=options.threads, rate=options.rate,
            progress=not options.quiet)


def profile(options):
    measure_profile(options.checkpoint, list(map(pathlib.Path, options.text)), options.out, add=options.add,
                    attention=options.attention, progress=not options.quiet)


def show_quality(result):
    counts = result.get("text")
    what = result.get("judged_by") or f"{result['images']} images" if not counts else f"{counts['distinct']} texts " \
        f"({counts['empty']} empty and {counts['repeated']} repeated lines left out)"
    print(f"{result['out']} against {result['against']}: {result['output']} of {what}")
    rows = []
    for name in _gates.KNOWN:
        if name in result:
            value, interval = result[name], result["intervals"].get(name)
            number = "undefined" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
            rows.append([name, number, f"{interval[0]:.5g} to {interval[1]:.5g}" if interval else ""])
    table(rows, ["metric", "measured", "95 % interval"])


def quality(options):
    gates = _gates.parse(options.fail_if)
    result = _quality.quality(options.out, options.against, options.text and list(map(pathlib.Path, options.text)),
                              options.pairs, options.pixels, speed=options.speed, seed=options.seed,
                              threads=options.threads, wanted=_gates.names(gates))
    if options.json == "-":
        print(json.dumps(result, indent=1))
    else:
        show_quality(result)
        if options.json:
            write_json(options.json, result)
    if options.update_report:
        _report.update(options.out, quality=result)
    _gates.check(gates, result)


def report(options):
    print(_report.write_html(options.out, options.output))


def encode(options):
    model = load(options.out, options.threads, device=options.device)
    lines = read_lines(options.text)
    with new_file(options.output) as file:
        np.save(file, model.encode(lines))


def split(ids, lengths, name):
    """Packed or padded arrays as a list of sequences."""
    if lengths is None:
        if ids.ndim != 2:
            raise ValueError(f"{name}: has {ids.ndim} dimensions; pass --lengths, or a 2-D array")
        return list(ids)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(f"lengths: have {lengths.ndim} dimensions and dtype {lengths.dtype}, expected 1-D integers")
    if lengths.size and lengths.min() < 0:
        raise ValueError(f"lengths: have the value {lengths.min()}, expected 0 or more")
    if ids.ndim == 2:
        if len(ids) != len(lengths) or (lengths.size and lengths.max() > ids.shape[1]):
            raise ValueError(f"lengths: do not fit {name} of shape {ids.shape}")
        return [row[:n] for row, n in zip(ids, lengths)]
    if ids.ndim != 1 or sum(map(int, lengths)) != len(ids):
        raise ValueError(f"lengths: sum up to {sum(map(int, lengths))}, and {name} has shape {ids.shape}")
    return np.split(ids, np.cumsum(lengths)[:-1]) if lengths.size else []


def run(options):
    model = load(options.out, options.threads, device=options.device)
    outputs = [name.strip() for name in options.outputs.split(",")] if options.outputs is not None else None
    if options.pixels:
        if options.ids or options.lengths or options.types:
            raise ValueError("--pixels goes without --ids, --lengths and --types")
        batch = {"pixel_values": read_array(options.pixels)}
    elif options.ids:
        lengths = read_array(options.lengths) if options.lengths else None
        batch = {"input_ids": split(read_array(options.ids), lengths, "ids")}
        if options.types:
            batch["token_type_ids"] = split(read_array(options.types), lengths, "types")
    else:
        raise ValueError("pass --ids (and --lengths), or --pixels for an image model")
    results = model.run(outputs=outputs, **batch)
    with new_file(options.output) as file:
        np.savez(file, **results)


def bench(options):
    from . import _bench
    show = None if options.json else lambda row: print(row, flush=True)
    if options.text and (options.batch or options.lengths):
        raise ValueError("--text goes without --batch and --lengths")
    if options.update_report and options.profile:
        raise ValueError("--update-report goes without --profile")
    if options.trace and not options.profile:
        raise ValueError("--trace goes with --profile")
    if not options.profile:
        results = _bench.measure(options.out, options.against, options.batch or [1, 32], options.lengths, options.threads,
                                 options.rounds, show, options.text, options.device)
    elif options.against:
        raise ValueError("--profile shows the artifact only; it goes without --against")
    else:
        with new_file(options.trace) if options.trace else contextlib.nullcontext() as trace:
            results = _bench.profile(options.out, options.batch or [1], options.lengths,
                                     options.threads, options.rounds * _bench.BURST, show, options.text, trace,
                                     options.device)
    if options.update_report:
        _report.update(options.out, latency=results)
    if options.json:
        print(json.dumps(results, indent=1))


def inspect(options):
    from ._inspect import code as code_of, inspect as read, total
    modules, length = read(options.directory, options.length, options.depth)
    code = code_of(options.directory)
    if options.json:
        print(json.dumps({"length": length, "modules": modules, "total": total(modules),
                          **({"code": code} if code else {})}, indent=1))
        return
    rows = [[name, m["ops"], f"{m['parameters']:,}", f"{m['bytes']:,}", f"{m['macs']:,}"]
            for name, m in [*modules.items(), ("total", total(modules))]]
    table(rows, ["module", "ops", "parameters", "bytes", f"MACs at 1x{length}"])
    if code:
        print(f"code for {', '.join(code['levels'])}; this machine runs {code['runs_here'] or 'none of it'}")


def presets(options):
    rows = {**PRESETS, **_presets.read_tuned(), **{f"({name})": p for name, p in _presets.read_controls().items()}}
    table([[name, p.size, p.speed, p.quality, p.summary] for name, p in rows.items()],
          ["preset", "size", "speed", "quality", "what it does"])
