"""The sections of report.html that are charts of what passes and searches measured.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import re

from . import _svg
from ._page import figure, legend, section, table
from ._remarks import errors_of, passes_of, series_of
from ._svg import esc

BLOCK = re.compile(r"^(.*?\.?(?:layer|layers|h|block|blocks)\.(\d+))(?:\.(.*))?$")
LOST = {"weight": "part of the weight's energy lost", "output": "part of the output's energy or variance lost"}


def errors(report):
    body = ""
    for (name, kind), found in errors_of(report).items():
        series, single = {}, []
        for path, error in found.items():
            match = BLOCK.match(path)
            if match and match[3]:
                series.setdefault(match[3], []).append((int(match[2]), error))
            else:
                single.append((path, [error]))
        body += f"<h3>{esc(name)}: {LOST[kind]}</h3>"
        if any(error > 0 for points in series.values() for _, error in points):
            body += figure(_svg.lines(list(series.items()), ("layer", "part lost"), f"error by layer, {name}", log=(False, True)),
                           legend(series))
        if single:
            body += figure(_svg.bars(single, f"error, {name}", lambda v: f"{v:.1e}", log=True))
    return section("Error by layer", body, "What the passes measured: the squared difference, of a weight or, in the metric of the "
                   "activations, of an output, over what it was. The axes are logarithmic.") if body else ""


def charts_of_remarks(report):
    """The curves and heatmaps that passes give as remarks: a chart per pass and kind of module, a series per layer."""
    curves, heatmaps = {}, {}
    for name, rows in passes_of(report)[0].items():
        for row in rows:
            found = series_of(row)
            if not found:
                continue
            label, values = found
            match = BLOCK.match(row.path)
            role, place = (match[3] or "", f"layer {match[2]}") if match else (row.path, row.path)
            if row.what == "importance":
                chart = heatmaps.setdefault((name, role), {"title": f"{name}: importance of {label or 'parts'}, {role}", "rows": [],
                                                           "columns": [], "values": [], "note": "Darker is more."})
                chart["rows"].append(place)
                chart["values"].append(values)
                chart["columns"] = list(range(max(map(len, chart["values"]))))
            else:
                title, y = ("error", "part lost") if row.what == "error-curve" else ("spectrum", "size")
                chart = curves.setdefault((name, row.what, role), {"title": f"{name}: {title}, {role}", "x": label or "number", "y": y,
                                                                   "log_y": True, "series": []})
                chart["series"].append({"name": place, "points": values})
    return list(curves.values()), list(heatmaps.values())


def curves(report):
    body, (more_curves, more_heatmaps) = "", charts_of_remarks(report)
    for curve in [*report.get("curves", []), *more_curves]:
        series = [(s["name"], [tuple(p) for p in s["points"]]) for s in curve["series"]]
        if not any(points for _, points in series):
            continue
        body += f"<h3>{esc(curve['title'])}</h3>" + figure(
            _svg.lines(series, (curve["x"], curve["y"]), curve["title"], log=(curve.get("log_x", False), curve.get("log_y", False))),
            (legend([n for n, _ in series]) if len(series) > 1 else "") + esc(curve.get("note", "")))
    for chart in [*report.get("heatmaps", []), *more_heatmaps]:
        body += f"<h3>{esc(chart['title'])}</h3>" + figure(
            _svg.heatmap(chart["rows"], chart["columns"], chart["values"], chart["title"]), esc(chart.get("note", "")))
    return section("Curves of the compression", body) if body else ""


def front(report):
    points, body = report.get("front", []), ""
    for key, label in (("bytes", "bytes of weights"), ("ms", "milliseconds per call"), ("macs", "multiply-adds")):
        known = [p for p in points if p.get(key) is not None and p.get("loss") is not None]
        if len(known) > 1:
            scale = 1e6 if key in ("bytes", "macs") else 1
            unit = {"bytes": "MB of weights", "macs": "million multiply-adds"}.get(key, label)
            body += figure(_svg.scatter([(p.get("name", ""), p[key] / scale, p["loss"], p.get("chosen", False)) for p in known],
                                        (unit, "loss"), f"loss by {label}"))
    if any(p.get("plan") for p in points):
        def cell(point, key, scale, digits):
            return "–" if point.get(key) is None else f"{point[key] / scale:{digits}}"

        rows = [[esc(p.get("name", "")) + (" (taken)" if p.get("chosen") else ""), cell(p, "bytes", 1e6, ".2f"), cell(p, "ms", 1, ".3g"),
                 cell(p, "loss", 1, ".5f"), esc(p.get("plan", ""))] for p in points]
        body += table(["run", "MB", "ms", "loss", "plan"], rows, "lrrrl")
    return section("Size, speed and quality", body, "Every plan that was measured; the filled one was taken.") if body else ""
