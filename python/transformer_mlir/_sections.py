"""The parts of report.html. Each is empty where the report has no data for it.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
from . import _svg
from ._charts import BLOCK, curves, errors, front
from ._page import figure, section, table
from ._remarks import errors_of, passes_of, series_of
from ._svg import esc, num, si

LENGTH = 128  # tokens of the call that quality times
MEANINGS = {
    "cosine_mean": "cosine of a text's two embeddings, mean", "cosine_p1": "the same, worst percentile",
    "cosine_min": "the same, worst text", "spearman": "rank correlation of the scores of pairs of texts",
    "pearson": "linear correlation of the same scores", "top10_overlap": "shared among a text's ten nearest",
    "recall_at_1": "the original's nearest text is the nearest here too",
    "recall_at_10": "the original's nearest text is among the ten nearest here",
    "token_cosine_mean": "cosine of a token's two rows, mean", "token_cosine_p1": "the same, worst percentile",
    "token_cosine_min": "the same, worst token", "agreement": "same decision",
    "kl_mean": "divergence of the predictions, nats, mean",
    "kl_p99": "the same, 99th percentile", "logit_difference": "largest difference of a logit",
    "faster": "times as fast as the original, same compiler", "p50_ms": "milliseconds per call, median",
    "p95_ms": "the same, 95th percentile"}
RETRIEVAL = {"mrr": "mean of 1 / place of the right answer", "answer_recall_at_1": "the right answer is first",
             "answer_recall_at_10": "it is among the first ten"}


def title_of(report):
    parts = [part for part in str(report.get("input", "")).replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts[-2:] if parts and parts[-1] in ("model", "checkpoint", "0_Transformer") else parts[-1:]) or "A model"


def subtitle(report):
    target = report.get("target", {}).get("name", "")
    preset = report.get("preset")
    search = report.get("search")
    if search:
        limits = [f"{word} {search[key]:g}" for key, word in (("max_size", "size at most"), ("min_speedup", "speed at least"),
                                                              ("max_loss", "loss at most")) if search.get(key) is not None]
        preset = f"budget <b>{esc(', '.join(limits))}</b>, {'reached' if search.get('met') else 'not reached'}"
    else:
        preset = f"preset <b>{esc(preset)}</b>" if preset else ""
    return " · ".join(filter(None, [preset,
                                    f"code for {esc(target.replace(',', ', '))}" if target else ""]))


def totals(report, side):
    rows = report.get("modules", {}).get(side)
    return {key: sum(m[key] for m in rows.values()) for key in ("parameters", "bytes", "macs")} if rows else None


def times_of(report):
    """(p50, p95, what) of the headline, in ms."""
    quality = report.get("quality", {})
    if "p50_ms" in quality:
        length = min(LENGTH, report.get("modules", {}).get("length", LENGTH))
        more = f", {quality['faster']:.2f}× the original" if "faster" in quality else ""
        return quality["p50_ms"], quality["p95_ms"], f"one call of {length} tokens, one thread{more}" \
            if "images" not in quality else f"one image, one thread{more}"
    rows = report.get("latency", [])
    for row in [row for row in rows if row["workload"] == f"1x{LENGTH}"] or rows:
        ours = row["systems"]["transformer-mlir"]
        others = [f"{r['median_ms'] / ours['median_ms']:.2f}× {esc(n)}" for n, r in row["systems"].items()
                  if n != "transformer-mlir"]
        threads = f"{row['threads']} thread{'s' if row['threads'] > 1 else ''}"
        return ours["median_ms"], ours["p95_ms"], ", ".join([esc(row["workload"]), threads, *others])
    return None


def cards(report):
    found = []
    size, quality = report.get("bytes", {}), report.get("quality", {})
    if size.get("checkpoint") and size.get("weights"):
        found.append(("Size", f"{size['checkpoint'] / size['weights']:.2f}×",
                      f"smaller: {si(size['checkpoint'], 'B')} → {si(size['weights'], 'B')} of weights, "
                      f"{si(size.get('library', 0), 'B')} of code"))
    if "agreement" in quality:
        found.append(("Quality", f"{quality['agreement']:.2%} agree", f"mean divergence {quality['kl_mean']:.2g} nats, "
                      f"{quality['rows']:,} rows"))
    elif "spearman" in quality:
        more = f"mean cosine {quality['cosine_mean']:.4f}" if "cosine_mean" in quality else f"Pearson {quality['pearson']:.4f}"
        if quality.get("mrr_ratio") is not None:
            more += f", retrieval {quality['mrr_ratio']:.1%} of the original's"
        found.append(("Quality", f"{quality['spearman']:.4f}", f"rank correlation with the original; {more}"))
    times = times_of(report)
    if times:
        found.append(("Latency", f"{times[0]:.3g} ms", f"p95 {times[1]:.3g} ms; {times[2]}"))
    after, before = totals(report, "after"), totals(report, "before")
    if after:
        fewer = before["macs"] / after["macs"] if before and after["macs"] else 1
        change = f", {fewer:.2f}× fewer than before" if fewer >= 1.005 else ""
        found.append(("Multiply-adds", si(after["macs"], "").strip(),
                      f"for {report['modules']['length']} tokens{change}; {si(after['parameters'], '').strip()} parameters"))
    return '<div class="cards">' + "".join(
        f'<div class="card{" first" if i == 0 else ""}"><div class="what">{what}</div><div class="number">{number}</div>'
        f'<div class="more">{more}</div></div>' for i, (what, number, more) in enumerate(found)) + "</div>" if found else ""


def number(value):
    return "undefined" if value is None else f"{value:.5g}"


def span(interval):
    return f"{interval[0]:.5g} to {interval[1]:.5g}" if interval else ""


def quality(report):
    found = report.get("quality")
    if not found:
        return ""
    intervals = found.get("intervals", {})
    rows = [[f"<code>{name}</code>", number(found[name]), span(intervals.get(name)), meaning]
            for name, meaning in MEANINGS.items() if name in found]
    counts = found.get("text")
    what = f"{counts['distinct']:,} distinct texts" if counts else f"{found['sequences']:,} sequences of token ids" \
        if "sequences" in found else f"{found['images']:,} images"
    if counts and counts.get("files"):
        what += " of " + ", ".join(f"<code>{esc(f)}</code>" for f in counts["files"])
    body = table(["metric", "measured", "95 % interval", "what it is"], rows, "lrre")
    if "mrr" in found:
        rows = [[f"<code>{name}</code>", number(found[name]), number(found[f"{name}_against"]), number(found[f"{name}_ratio"]),
                 span(intervals.get(f"{name}_ratio")), meaning] for name, meaning in RETRIEVAL.items()]
        body += "<h3>Given queries and their answers</h3>" + table(
            ["metric", "measured", "original", "ratio", "95 % interval of the ratio", "what it is"], rows, "lrrrrl") + \
            f'<p class="note">{found["pair_queries"]:,} queries, each among all {found["pair_answers"]:,} answers.</p>'
    return section("Quality", body, f"Against <code>{esc(found['against'])}</code>, compiled code on both sides; {what}"
                   + (f": {esc(found['judged_by'])}" if "judged_by" in found else "") + f". Seed {found['seed']}.")


def latency(report):
    rows, charts = [], []
    for row in report.get("latency", []):
        for system, t in row["systems"].items():
            rows.append([esc(row["workload"]), esc(system), f"{t['median_ms']:.3f}", f"{t['p95_ms']:.3f}",
                         "–" if "images" in row else f"{t['tokens_per_second']:,.0f}", f"{t['ratio']:.2f}×"])
            charts.append((f"{row['workload']}, {system}", [t["median_ms"], t["p95_ms"]]))
    if not rows:
        return ""
    threads = sorted({row["threads"] for row in report["latency"]})
    return section("Latency", figure(_svg.bars(charts, "latency", lambda v: f"{num(float(v))} ms", log=True, legend=("p50", "p95")))
                   + table(["workload", "system", "p50 ms", "p95 ms", "tokens/s", "time by ours"], rows, "llrrrr"),
                   f"Calls in turn within one run, threads: {', '.join(map(str, threads))}. The axis is logarithmic.")


def blocks_of(modules, key):
    """Sums by block: encoder.layer.3, embeddings, ..."""
    sums = {}
    for name, entry in modules.items():
        found = BLOCK.match(name)
        block = found[1] if found else name.split(".")[0]
        sums[block] = sums.get(block, 0) + entry[key]
    return sums


def modules(report):
    found = report.get("modules")
    if not found:
        return ""
    before, after, errors = found.get("before"), found["after"], {}
    for (_, kind), by_module in errors_of(report).items():
        errors.setdefault(kind, {}).update(by_module)  # the last pass that says so
    names = list(dict.fromkeys([*(before or {}), *after]))
    body = ""
    for key, heading, unit in (("bytes", "Bytes of weights in memory", "B"), ("macs", "Multiply-adds", "")):
        sides = [blocks_of(side, key) for side in (before, after) if side]
        rows = [(name, [side.get(name, 0) for side in sides]) for name in dict.fromkeys(n for s in sides for n in s)]
        if len(sides) == 2 and all(v[0] == v[1] for _, v in rows):
            if any(v[0] for _, v in rows):
                body += f"<h3>{heading}</h3><p class='note'>As many as before in every module.</p>"
            continue
        body += f"<h3>{heading}</h3>" + figure(_svg.bars(
            [row for row in rows if any(row[1])], heading, lambda v: si(v, unit).strip(),
            legend=("before", "after") if len(sides) == 2 else ()))

    def cell(side, name, key):
        return si(side[name][key], "B" * (key == "bytes")).strip() if side and name in side else "–"

    rows = [[esc(name), *([cell(before, name, "bytes")] if before else []), cell(after, name, "bytes"),
             *([cell(before, name, "macs")] if before else []), cell(after, name, "macs"),
             *(f"{by[name]:.1e}" if name in by else "" for by in errors.values())] for name in names]
    sums = [totals(report, side) for side in ("before", "after")]
    rows.append(["total"] + [si(s[key], "B" * (key == "bytes")).strip() for key in ("bytes", "macs") for s in sums if s] + [""] * len(errors))
    head = ["module", *(["bytes before"] if before else []), "bytes" + " after" * bool(before),
            *(["MACs before"] if before else []), "MACs" + " after" * bool(before), *(f"{kind} error" for kind in errors)]
    body += f"<h3>All {len(names)} modules</h3>" + table(head, rows, "p" + "r" * (len(head) - 1))
    return section("Modules", body, f"Multiply-adds are those of one sequence of {found['length']} tokens. Bytes are as loaded; "
                   "a file of entropy-coded weights is smaller.")


def passes(report):
    groups, other = passes_of(report)
    body = ""
    for name, rows in groups.items():
        rows = [row for row in rows if not series_of(row)]  # drawn elsewhere
        counts = {kind: sum(row.kind == kind for row in rows) for kind in dict.fromkeys(row.kind for row in rows)}
        summary = ", ".join(f"{count} {kind.lower()}" for kind, count in counts.items())
        cells = [[esc(row.path), f'<span class="tag {esc(row.kind.lower())}">{esc(row.what or row.kind)}</span>', esc(row.text)]
                 for row in rows]
        body += f'<details{" open" if len(rows) <= 12 else ""}><summary>{esc(name)} <span>{esc(summary)}</span></summary>' \
            + table(["module", "what", "details"], cells, "pll") + "</details>"
    if other:
        body += "<details><summary>others</summary>" + table(["remark"], [[esc(line)] for line in other]) + "</details>"
    return section("What each pass did", body, "Passed: it was done. Missed: it was not, and why. "
                   "Open a pass to see its modules.") if body else ""


def kernels(report):
    body = ""
    for level in report.get("target", {}).get("levels", []):
        cpu = level.get("cpu")
        if not cpu:
            continue
        rows = [[esc(k["op"]), esc(k["path"]), esc(k["tile"]), num(k["calls"]), si(k["operations"], ""), si(k["bytes"], "B"),
                 f"{k['predicted_us']:,.1f}", f"{k['measured_us']:,.1f}" if "measured_us" in k else ""] for k in cpu["kernels"]]
        body += f"<h3>{esc(level['name'])}</h3>" + table(["op", "module", "tile", "calls", "operations", "bytes", "predicted µs",
                                                          "measured µs"], rows, "lplrrrrr")
    return section("Kernels", body) if body else ""


def fitted(static):
    """What the preset static tells of its fit."""
    if not static:
        return ""
    judged = static.get("held_out_quality", {})
    more = f"; of {static['held_out']:,} held out: cosine {judged['cosine_mean']:.4f}, Spearman {judged['spearman']:.4f}" if judged else ""
    return f"{static['sentences']:,} sentences, {static['epochs']} epochs, seed {static['seed']}{more}"


def tuned(tune):
    """What tuning was and gave, as far as the report tells."""
    if not tune:
        return ""
    parts = [f"{tune['steps']:,} steps"] if "steps" in tune else []
    if "tokens" in tune and "seconds" in tune:
        parts.append(f"{tune['tokens']:,} tokens, {tune['seconds']:,.0f} s")
    told = ", ".join(parts) + (f", of {esc(tune['source'])}" if "source" in tune else "")
    after = tune.get("difference_compiled", tune.get("difference_tuned"))
    if after is None or "difference_before" not in tune:
        return told
    is_cosine = tune["compared_by"] == "sentence_embedding"
    sides = [f"{1 - d if is_cosine else d:.4f}" for d in (tune["difference_before"], after)]
    what = "cosine" if is_cosine else "part of the variance lost"
    return f"{told}; {tune['held_out']:,} held out: {what} {sides[0]} before, {sides[1]} after"


def compilation(report):
    target, machine, profile = report.get("target", {}), report.get("machine", {}), report.get("profile")
    levels = target.get("levels", [])
    rows = [("command", f"<code>transformer-compile {esc(report['command'])}</code>" if "command" in report else ""),
            ("checkpoint", f"<code>{esc(report.get('input', ''))}</code>"), ("preset", esc(report.get("preset", ""))),
            ("profile", f"{esc(profile.get('source', ''))}, {profile.get('tokens', 0):,} tokens" if profile else ""),
            ("fitted to", fitted(report.get("static"))), ("tuned", tuned(report.get("tune"))),
            ("GPU chips", "<br>".join(f"{esc(level['name'])}: {level.get('launches', 0):,} launches, {si(level.get('ptx_bytes', 0), 'B')} of PTX, "
                                      + ("and machine code" if level.get("machine_code") else "which the driver compiles")
                                      for level in levels) if target.get("device") == "cuda" else ""),
            ("CPU levels", "" if target.get("device") == "cuda" else "<br>".join(f"{esc(level['name'])}: needs {esc(level.get('required_features') or 'nothing more')}, "
                                       f"tuned for {esc(level.get('tuned_for', ''))}" for level in levels)),
            ("target", esc(target.get("triple", ""))),
            ("machine", esc(", ".join(filter(None, [machine.get("cpu"), f"{machine['usable_cpus']} usable CPUs",
                                                    si(machine["memory_bytes"], "B") if machine.get("memory_bytes") else "",
                                                    machine.get("system")]))) if machine else esc(report.get("compiled_on", ""))),
            ("versions", esc(", ".join(f"{label} {report[key]}" for key, label in
                                       (("version", "transformer-mlir"), ("llvm", "LLVM"), ("abi_version", "ABI")) if key in report)
                             + "".join(f", {label} {machine[key]}" for key, label in (("python", "Python"), ("numpy", "NumPy"))
                                       if key in machine))),
            ("seeds", esc(", ".join(f"{place} {value}" for place, value in
                                    (("compression", report.get("seed")), ("tuning", report.get("tune", {}).get("seed")), ("quality", report.get("quality", {}).get("seed")))
                                    if value is not None))),
            ("build", f"<code>{esc(report.get('build_id', ''))}</code>, weights <code>{esc(report.get('weights_xxh3', ''))}</code>")]
    body = "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value) + "</dl>"
    stages = report.get("milliseconds", {})
    if stages:
        body += f"<h3>Time of compiling: {sum(stages.values()) / 1000:.1f} s</h3>" + figure(_svg.bars(
            [(name, [value / 1000]) for name, value in stages.items()], "time per stage", lambda v: f"{v:.2f} s", names=130))
    return section("How it was made", body)


def missing(report):
    hints = [hint for key, hint in (
        ("quality", "quality (transformer-mlir quality OUT --against CHECKPOINT --text FILE --update-report)"),
        ("latency", "latency (transformer-mlir bench OUT --update-report)")) if key not in report]
    return f"Not measured for this report: {'; '.join(hints)}. " if hints else ""


ALL = (quality, latency, front, errors, curves, passes, modules, kernels, compilation)
