"""Where the time of a model goes, per op and module path.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import json
import os
import time

WARMUP, TRACED_CALLS = 2, 3
EVENTS = 1 << 18  # per thread, in a trace


@contextlib.contextmanager
def profile(model, events=0):
    """While it is open, calls on `model` are measured; no other thread may call it when this starts or ends."""
    model._handle.start_profile(events)
    try:
        yield model._handle
    finally:
        model._handle.stop_profile()


def measure(model, call, seconds):
    """Spans of one call, averaged over at least `seconds` of them, in the order of the model."""
    for _ in range(WARMUP):
        call()
    calls, begin = 0, time.perf_counter()
    with profile(model) as handle:
        while calls < 3 or time.perf_counter() - begin < seconds:
            call()
            calls += 1
        whole = (time.perf_counter() - begin) / calls
        spans = [{"op": op, "path": path, "us": nanoseconds / calls / 1e3, "runs": runs / calls}
                 for op, path, nanoseconds, runs in handle.profile_spans() if runs]
    return {"calls": calls, "us": whole * 1e6, "spans": spans}


def by_op(spans):
    """The same, summed per kind of op, the largest first."""
    sums = {}
    for span in spans:
        row = sums.setdefault(span["op"], {"op": span["op"], "us": 0.0, "runs": 0.0})
        row["us"] += span["us"]
        row["runs"] += span["runs"]
    return sorted(sums.values(), key=lambda row: -row["us"])


def rows(result, threads):
    """Two tables as lines of text: per kind of op, then per op of the model."""
    spans, whole = result["spans"], result["us"]
    rest = {"op": "(outside of the ops)", "us": whole * threads - sum(s["us"] for s in spans), "runs": 1}

    def line(row, label, width):
        return f"{label:<{width}} {row['us']:>11.1f} {100 * row['us'] / (whole * threads):>6.1f} % {row['runs']:>9.0f}"

    summary = by_op(spans) + [rest]
    width = max(len(row["op"]) for row in summary)
    head = f"{'us/call':>11} {'share':>8} {'runs/call':>9}"
    yield f"{'op':<{width}} {head}"
    for row in summary:
        yield line(row, row["op"], width)
    yield ""
    left = max(len(span["op"]) for span in spans) if spans else 2
    width = left + 2 + max((len(span["path"]) for span in spans), default=4)
    yield f"{'op':<{left}}  {'module path':<{width - left - 2}} {head}"
    for span in spans:
        yield line(span, f"{span['op']:<{left}}  {span['path']}", width)


def trace(model, call, label):
    """A few calls as Chrome trace events, which Perfetto and chrome://tracing open."""
    call()
    with profile(model, EVENTS) as handle:
        marks = []
        for _ in range(TRACED_CALLS):
            begin = time.monotonic_ns()
            call()
            marks.append((begin, time.monotonic_ns()))
        spans, events = handle.profile_spans(), handle.profile_events()
    origin, process = marks[0][0], os.getpid()

    def event(name, category, begin, end, thread, **details):
        return {"name": name, "cat": category, "ph": "X", "ts": (begin - origin) / 1e3, "dur": (end - begin) / 1e3,
                "pid": process, "tid": thread, "args": details}

    names = [{"name": "process_name", "ph": "M", "pid": process, "args": {"name": f"{model.directory}, {label}"}}]
    for thread in sorted({thread for *_, thread in events} | {0}):
        names.append({"name": "thread_name", "ph": "M", "pid": process, "tid": thread,
                      "args": {"name": f"worker {thread}" if thread else "caller"}})
    calls = [event(f"call {i}", "call", *mark, 0) for i, mark in enumerate(marks)]
    ops = [event(spans[span][0], "op", begin, end, thread, path=spans[span][1])
           for span, begin, end, thread in sorted(events, key=lambda e: e[1])]
    return {"displayTimeUnit": "ms", "traceEvents": names + calls + ops}


def write_trace(file, traces):
    """Traces of several workloads, one process of the viewer each."""
    merged = {"displayTimeUnit": "ms", "traceEvents": []}
    for number, one in enumerate(traces):
        for item in one["traceEvents"]:
            merged["traceEvents"].append({**item, "pid": number})
    file.write(json.dumps(merged).encode())
