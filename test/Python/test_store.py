# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""A search that is ended at every step that changes files, in every way: OUT stays whole, and the next one reaches the same end.

What the search runs is played by functions, so that only its own bookkeeping takes time.
"""
import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import types

import pytest

from transformer_mlir import _cli, _compress, _files, _folders, _latency, _plan, _quality, _report, _search
from transformer_mlir._store import Store

CURVES = {"linear_numbers": 1000, "table_numbers": 500, "linear_bits": [[5, 4.0 ** -5], [3, 4.0 ** -3]], "table_bits": [[2, 4.0 ** -2]],
          "sites": [{"kind": "ffn", "path": "a", "paths": ["a"], "size": 64, "numbers": 10, "gain": 0.5,
                     "errors": [[48, 0.05], [32, 0.2], [16, 0.5]]}]}
LATENCY = {"base_ms": 10.0, "times": {"ffn": [[16, 1.0], [64, 4.0]]}}
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}


def artifact(folder, name, size):
    os.makedirs(folder)
    for file, content in (("model.so", "code"), ("weights.safetensors", "w" * size),
                          ("report.json", json.dumps({"weights_xxh3": name, "bytes": {"checkpoint": 6000}, "target": {"name": "x"}}))):
        pathlib.Path(folder, file).write_text(content)


def compile_(arguments, show=None):
    """Like transformer-compile: a hidden name first."""
    out = arguments[arguments.index("-o") + 1]
    hidden = os.path.join(os.path.dirname(out), f".{os.path.basename(out)}.tmp-1")
    try:
        if any(a.startswith("--emit") for a in arguments):
            pathlib.Path(hidden).write_text(json.dumps(CURVES) if "--emit=curves" in arguments else "profile")
            os.rename(hidden, out)
            return
        kept = [a for a in arguments if a.startswith(("--ffn-widths", "--bits", "--table-bits"))]
        name = hashlib.sha256(" ".join(kept).encode()).hexdigest()[:8] if "--preset=exact" not in arguments else "exact"
        bits = next((float(a[7:]) for a in kept if a.startswith("--bits=")), 8)
        artifact(hidden, name, 6100 if name == "exact" else int(200 * bits))
        assert not os.path.exists(out), "the compiler was to replace what is there"
        os.rename(hidden, out)
    except BaseException:
        _folders.remove(hidden)
        raise


@contextlib.contextmanager
def no_sequences(*_):
    yield []


@pytest.fixture
def play(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # takes most of the time, and shows only where power fails
    monkeypatch.setattr(_search, "run_compiler", compile_)
    monkeypatch.setattr(_search, "compress", lambda source, out, preset, **_: compile_([source, "-o", out, "--preset=" + preset]))
    monkeypatch.setattr(_search, "make_profile", lambda source, text, out, **_: compile_([source, "-o", out, "--emit=profile"]))
    monkeypatch.setattr(_search, "sequences_of", no_sequences)
    monkeypatch.setattr(_search, "ROUNDS", 2)
    plans, best = {}, _plan.best
    monkeypatch.setattr(_plan, "best", lambda model, goal: plans.get((model.fix, goal)) or plans.setdefault((model.fix, goal), best(model, goal)))
    monkeypatch.setattr(_latency, "table", lambda *_: LATENCY)
    monkeypatch.setattr(_search.Search, "milliseconds", lambda self, *outs: [10.0 if out == self.exact else 4.0 for out in outs])
    monkeypatch.setattr(_quality, "quality", lambda *_, **__: {"kind": "sentence", "spearman": 0.985})
    monkeypatch.setattr(_report, "page_of", lambda *_: "page")
    monkeypatch.setattr(_report, "modules_of", lambda *_: {})


def search(folder, size):
    return _search.search(folder / "checkpoint", folder / "out", max_size=size, text=[f"text {i}" for i in range(30)], progress=False)


def make_place(folder, old):
    (folder / "checkpoint").mkdir(parents=True)
    if old:
        artifact(folder / "out", "old", 10)
    return folder


def name_in(out):
    """Of a whole artifact."""
    assert (out / "model.so").read_text() == "code" and (out / "weights.safetensors").stat().st_size > 9
    return json.loads((out / "report.json").read_text())["weights_xxh3"]


def end_at(step, how, work):
    """Runs `work` in a process that is ended before the `step`-th change of a file. Its exit code, or None if killed."""
    child = os.fork()
    if child == 0:
        code, count = 1, 0

        def count_change(event, arguments):
            nonlocal count
            if event in CHANGES or event == "exchange" or (event == "open" and isinstance(arguments[2], int)
                                                           and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
                count += 1
                if count == step + 1:
                    if how == "kill":
                        os.kill(os.getpid(), signal.SIGKILL)
                    raise KeyboardInterrupt if how == "interrupt" else OSError(errno.ENOSPC, "no space", "file")

        exchange = _folders.exchange
        _folders.exchange = lambda *names: how != "no exchange" and (sys.audit("exchange"), exchange(*names))[1]
        if how == "no exchange":
            how = "kill"
        sys.addaudithook(count_change)
        try:
            work()
            code = 0 if count <= step else 4  # 4: it went on as if nothing were
        except KeyboardInterrupt:
            code = 5
        except OSError as problem:
            code = 6 if problem.errno == errno.ENOSPC else 7
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) if not os.WIFSIGNALED(status) else None


@pytest.mark.parametrize("how", ["kill", "interrupt", "full", "no exchange"])
@pytest.mark.parametrize("size", [0.05, 0.15], ids=["out of reach", "reached"])
def test_ended_at_any_step(play, tmp_path, how, size):
    whole = make_place(tmp_path / "whole", False)
    expected = search(whole, size)
    page = _report.render({**expected, "quality": {}, "modules": {}})
    assert "run 2" in page and "bits" in page and f"size at most {size}" in page and "--" not in expected["front"][0]["plan"]
    assert expected["search"]["met"] == (size == 0.15) and (whole / "out.search").exists() == (size == 0.05)
    for step in range(1000):
        place = make_place(tmp_path / str(step), step % 2)
        code = end_at(step, how, lambda: search(place, size))
        out = place / "out"
        if how == "no exchange" and not out.exists() and step % 2:
            assert (place / "out.search" / "made.aside").exists()
        elif step % 2 or out.exists():
            name_in(out)
        if code == 0:
            break
        assert code in ({"interrupt": (5,), "full": (6, 4)}.get(how, (None,))), (step, code)
        if how in ("interrupt", "full"):
            assert {path.name for path in place.iterdir()} <= {"checkpoint", "out", "out.search"}
        report = search(place, size)
        assert name_in(out) == expected["weights_xxh3"] and report["search"]["runs"] == expected["search"]["runs"], step
        assert {path.name for path in place.iterdir()} == {path.name for path in whole.iterdir()}, step
        shutil.rmtree(place)
    assert 40 < step < 999


def test_damaged_files(play, tmp_path):
    place = make_place(tmp_path / "place", False)
    expected = search(place, 0.05)
    store = place / "out.search"
    files = [path for path in sorted(store.rglob("*")) if path.is_file() and path.name != "lock"]
    assert {"search.json", "profile.safetensors", "report.json", "weights.safetensors"} <= {path.name for path in files}
    for path in files:
        for change in (lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: data[:len(data) // 2], lambda data: b"", None,
                       lambda data: b"{}", lambda data: b"[1]", lambda data: data.replace(b"0.985", b"0.999")):
            if not path.exists():  # not of a search that starts anew
                continue
            if change:
                path.write_bytes(change(path.read_bytes()))
            else:
                path.unlink()
            report = search(place, 0.05)
            assert report["weights_xxh3"] == expected["weights_xxh3"] == name_in(place / "out")
            assert report["search"]["loss"] == expected["search"]["loss"]


def test_one_search_at_a_time(tmp_path):
    out = tmp_path / "out"
    with Store(out, "key", print) as store:
        store.remember("found", lambda: 1)
        with pytest.raises(RuntimeError, match=f"another search is at work there .process {os.getpid()}."), Store(out, "key", print):
            pass
    with Store(out, "key", print) as store:
        assert store.state["found"] == 1
    with Store(out, "other", print) as store:
        assert "found" not in store.state
        store.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_is_left_alone(play, tmp_path):
    place = make_place(tmp_path / "place", True)
    (place / "out.old").mkdir()
    (place / "out.old" / "mine").write_text("mine")
    (place / "out.search").mkdir()
    (place / "out.search" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is not of a search, so it is left alone"):
        search(place, 0.15)
    assert (place / "out.search" / "mine").read_text() == "mine"
    shutil.rmtree(place / "out.search")
    (place / "out.search").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file"):
        search(place, 0.15)
    (place / "out.search").unlink()
    # A link stays a link, and a slash at the end is no other name.
    (place / "out").rename(place / "real")
    (place / "out").symlink_to("real")
    report = _search.search(place / "checkpoint", f"{place}/out/", max_size=0.15, text=[f"text {i}" for i in range(30)], progress=False)
    assert report["search"]["met"] and (place / "out").is_symlink() and name_in(place / "real") == report["weights_xxh3"]
    assert {path.name for path in place.iterdir()} == {"checkpoint", "out", "out.old", "real"}
    # What somebody put there while it worked is not replaced.
    with pytest.raises(FileExistsError, match="is left alone"):
        _folders.replace(place / "real", place / "out.old")
    assert (place / "out.old" / "mine").read_text() == "mine"


def test_table_of_times_is_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    good = {"cpu": "c", "base_ms": 1.0, "times": {"ffn": [[16, 1.0], [64, 4.0]]}}
    path = pathlib.Path(_latency.cache_path(CURVES, "x", "c"))
    path.parent.mkdir()
    monkeypatch.setattr(_latency, "measure", lambda *_: {"base_ms": 2.0, "times": good["times"]})
    for content, expected in ((json.dumps(good), 1.0), ("", 2.0), ("[]", 2.0), (json.dumps({**good, "times": {"ffn": []}}), 2.0),
                              (json.dumps({**good, "times": [1]}), 2.0), (json.dumps({**good, "base_ms": "x"}), 2.0),
                              (json.dumps({**good, "times": {"ffn": [[1, None]]}}), 2.0), (json.dumps({**good, "cpu": "d"}), 2.0)):
        path.write_text(content)
        assert _latency.table(CURVES, "x", "c", None, None, print)["base_ms"] == expected, content


def test_signals_and_mistakes_are_sentences(monkeypatch, capsys):
    from transformer_mlir import _commands
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        monkeypatch.setattr(_commands, "presets", lambda _: signal.raise_signal(number))
        before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)]
        assert _cli.main(["presets"]) == 128 + number
        assert capsys.readouterr().err.startswith("transformer-mlir: " + ("interrupted" if number == signal.SIGINT else "stopped by SIG"))
        assert before == [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)]
    signal.signal(signal.SIGINT, ours)
    monkeypatch.setattr(_commands, "presets", lambda _: {}["name"])
    assert _cli.main(["presets"]) == 1
    assert "presets: KeyError: 'name'; this should not happen" in capsys.readouterr().err


def test_compiler_ends_with_us(tmp_path):
    """Whatever ends the process that runs it. It is halted meanwhile, so that it cannot be done before."""
    model = pathlib.Path(__file__).parents[1] / "Integration" / "Inputs" / "tiny.mlir"
    code = "import sys; from transformer_mlir._compress import run_compiler; run_compiler(sys.argv[1:])"
    ours = subprocess.Popen([sys.executable, "-c", code, str(model), "-o", str(tmp_path / "out")])
    children, found = pathlib.Path(f"/proc/{ours.pid}/task/{ours.pid}/children"), []
    while not found and ours.poll() is None:
        found = children.read_text().split()
        time.sleep(0.001)
    compiler = pathlib.Path("/proc", found[0])
    while b"tiny.mlir" not in (compiler / "cmdline").read_bytes() or "transformer-com" not in (compiler / "comm").read_text():
        time.sleep(0.001)
    os.kill(int(found[0]), signal.SIGSTOP)
    assert not (tmp_path / "out").exists()
    ours.kill()
    ours.wait()
    os.kill(int(found[0]), signal.SIGCONT)
    end = time.monotonic() + 60
    while compiler.exists() and ") Z " not in (compiler / "stat").read_text() and time.monotonic() < end:
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []


def test_files_are_whole_or_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt), _files.new_file(tmp_path / "a") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_after_a_compiler_that_was_killed(tmp_path):
    for name in (".out.tmp-77-ab", ".out.tmp-78-ab", ".other.tmp-77-ab", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    _compress.clean_after(types.SimpleNamespace(pid=77), ["in", "-o", str(tmp_path / "out"), "--quiet"])
    assert {path.name for path in tmp_path.iterdir()} == {".out.tmp-78-ab", ".other.tmp-77-ab", "out"}


def test_progress_that_nobody_reads_stops_nothing(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        _compress.reporter(True)("a line")
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            stream.close()
