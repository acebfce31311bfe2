"""report.html of an artifact: report.json for people, in one file without network or scripts.

What a report may hold beyond what the compiler writes is listed in docs/quality.md ("The report").
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import platform

import numpy as np

from . import _files, _sections
from ._compress import CompileError
from ._inspect import inspect
from ._style import CSS
from ._svg import esc
from ._version import __version__

LENGTH = 128  # tokens of the sequence whose multiply-adds are counted


def machine():
    """Where this process runs."""
    name, memory = platform.processor() or platform.machine(), None
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        pass
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": name, "usable_cpus": cpus, "memory_bytes": memory, "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(), "numpy": np.__version__}


def modules_of(out, source=None):
    """Parameters, bytes and multiply-adds of each module, of the checkpoint (if it is given) and the artifact."""
    after, length = inspect(out, LENGTH, None)
    modules = {"length": length, "after": after}
    if source is not None:
        try:
            modules["before"] = inspect(source, LENGTH, None)[0]
        except CompileError:
            pass  # an input that only a pipeline of its own makes a model of
    return modules


def finish(out, source):
    """What Python adds to a fresh artifact: modules, machine, report.html. Returns the report."""
    return update(out, modules=modules_of(out, source), machine=machine())


def update(out, **parts):
    """Puts parts into report.json of an artifact, as a whole, and makes report.html anew."""
    report = _files.read_report(out)
    report.update(parts)
    page = page_of(report, out)  # a report that can't be drawn is not written
    _files.write_json(os.path.join(out, "report.json"), report)
    write_page(os.path.join(out, "report.html"), page)
    return report


def write_html(out, path=None):
    """Makes report.html (or `path`) of the report.json of an artifact; returns its path."""
    path = path or os.path.join(out, "report.html")
    report = _files.read_report(out)
    if "modules" not in report and os.path.exists(os.path.join(out, "model.mlir")):
        report["modules"] = modules_of(out)
    write_page(path, page_of(report, out))
    return path


def write_page(path, page):
    with _files.new_file(path) as file:
        file.write(page.encode("utf-8", "replace"))


def page_of(report, out):
    try:
        return render(report)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, ArithmeticError) as problem:
        raise ValueError(f"{os.path.join(out, 'report.json')}: is not a report that this version can draw "
                         f"({type(problem).__name__}: {problem})") from None


def render(report):
    title = _sections.title_of(report)
    sections = "".join(section(report) for section in _sections.ALL)
    missing = _sections.missing(report)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{esc(title)}: compression report</title>
<style>{CSS}</style>
</head>
<body>
<main>
<header>
<p class="brand">transformer-mlir · compression report</p>
<h1>{esc(title)}</h1>
<p class="note">{_sections.subtitle(report)}</p>
</header>
{_sections.cards(report)}
{sections}
<footer><p>{missing}Made of report.json by transformer-mlir {esc(__version__)}.</p></footer>
</main>
</body>
</html>
"""
