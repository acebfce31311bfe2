# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers, slow
"""Budgets: the plan on curves whose optimum is known, and a search on a tiny model."""
import json
import shutil

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _cli, _latency, _plan, _search
from transformer_mlir._plan import Corrections, Goal, Model


def site(kind, path, size, step, gain, numbers=100):
    """Errors that grow with the square of what is dropped."""
    sizes = range(size - step, 0, -step)
    return {"kind": kind, "path": path, "paths": [path], "size": size, "numbers": numbers, "gain": gain,
            "errors": [[s, (1 - s / size) ** 2] for s in sizes]}


@pytest.fixture
def curves():
    return {"linear_numbers": 100_000, "table_numbers": 50_000, "linear_bits": [[5, 0.01 + 4.0 ** -5], [3, 0.01 + 4.0 ** -3]],
            "table_bits": [[2, 4.0 ** -2 / 2]],
            "sites": [site("ffn", "dear", 256, 32, 1.0), site("ffn", "cheap", 256, 32, 0.25), site("scores", "a", 32, 8, 0.01),
                      site("heads", "a", 4, 1, 1.0)]}


LATENCY = {"base_ms": 10.0, "times": {"ffn": [[32, 0.5], [256, 4.0]], "scores": [[8, 0.5], [32, 0.8]], "heads": [[1, 0.5], [4, 1.0]]}}


def test_bits_share_the_room_by_their_worth(curves):
    model = Model(curves, LATENCY, Corrections(1.0))
    assert np.isclose(model.base, 0.01) and np.isclose(model.rounding, 1) and np.isclose(model.table_rounding, 0.5)
    bits, tables = model.bits_for_bytes(100_000, 75_000)
    assert (bits * 100_000 + tables * 50_000) / 8 <= 75_000 + 1
    # The optimum: what one more number of bits is worth is the same for both.
    assert np.isclose(4 ** -bits / 100_000, 0.5 * 4 ** -tables / 50_000, rtol=0.05)
    assert model.bits_for_bytes(100_000, 200_000) == (0.0, 0.0)
    assert model.bits_for_bytes(100_000, 10_000) is None
    for limit in (0.012, 0.02, 0.05):
        found = model.bits_for_error(100_000, limit)
        assert limit * 0.95 <= model.error_of(*found) <= limit
    assert model.bits_for_error(100_000, 0.009) is None


def test_plans_meet_what_is_given_and_are_best_in_the_rest(curves):
    model = Model(curves, LATENCY, Corrections(1.0))
    fast = _plan.best(model, Goal(ms=7.0))
    assert fast.ms <= 7.0
    sizes = dict(zip(("dear", "cheap", "scores", "heads"), fast.sizes))
    assert sizes["cheap"] < sizes["dear"], "the layer whose error matters less goes first"
    assert sizes["scores"] < 32
    small = _plan.best(model, Goal(bytes=60_000))
    assert small.bytes <= 60_000 and not sum(small.misses(Goal(bytes=60_000)).values())
    both = _plan.best(model, Goal(bytes=60_000, ms=7.0))
    assert both.bytes <= 60_000 and both.ms <= 7.0 and both.loss >= max(fast.loss, small.loss) - 1e-9
    fastest = _plan.best(model, Goal(bytes=60_000, loss=0.2))
    assert fastest.loss <= 0.2 and fastest.ms < small.ms
    smallest = _plan.best(model, Goal(ms=9.0, loss=0.1))
    assert smallest.loss <= 0.1 and smallest.ms <= 9.0 and smallest.bytes < 150_000
    impossible = Goal(bytes=1_000, ms=0.1)
    assert all(_plan.best(model, impossible).misses(impossible).values())


def test_plans_become_arguments(curves):
    plan = _plan.Plan((128, 256, 16, 4), 4.5, 0.0, 1.0, 1.0, 1.0)
    curves["sites"][0]["path"] = "layer.0.dense"
    assert _plan.arguments(plan, curves) == ["--ffn-widths=^layer\\.0\\.dense$:128", "--qk-ranks=^a$:16", "--bits=4.5"]


def test_every_size_is_measured_in_one_layer(curves):
    found = _latency.probes(curves)
    measured = {(curves["sites"][i]["kind"], size) for sizes in found for i, size in sizes.items()}
    assert measured == {(s["kind"], size) for s in curves["sites"] for size in _latency.sizes_to_measure(s)}
    for sizes in found:
        paths = [curves["sites"][i]["path"] for i in sizes]
        assert len(paths) == len(set(paths)), "one layer of attention has one size"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("budget")
    tiny.sentence_model(folder / "checkpoint")
    (folder / "text.txt").write_text("\n".join(tiny.sentences(400)) + "\n")
    return folder


def run(place, monkeypatch, *arguments):
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    return _cli.main(["compress", str(place / "checkpoint"), "-o", str(place / "out"), "--text", str(place / "text.txt"),
                      *arguments])


def test_search(place, monkeypatch, capsys):
    monkeypatch.setattr(_search, "ROUNDS", 1)
    state, out = place / "out.search", place / "out"
    assert run(place, monkeypatch, "--max-size", "0.01", "--dry-run") == 0
    assert "expected:" in capsys.readouterr().out and not out.exists()
    assert len(list((place / "cache" / "transformer-mlir").iterdir())) == 1
    curves = (state / "curves.json").stat().st_mtime_ns

    # Out of reach: the best so far is there, and what was found out.
    assert run(place, monkeypatch, "--max-size", "0.01", "--quiet") == 3
    said = capsys.readouterr().err
    assert "the budget was not reached: size is 0." in said and "above 0.01" in said
    report = json.loads((out / "report.json").read_text())
    assert not report["search"]["met"] and report["search"]["missed"]
    assert (state / "curves.json").stat().st_mtime_ns == curves

    # The best one comes back where it was taken away.
    monkeypatch.setattr(_search, "ROUNDS", 0)
    best = report["weights_xxh3"]
    shutil.rmtree(out)
    assert run(place, monkeypatch, "--max-size", "0.01", "--quiet") == 3
    assert json.loads((out / "report.json").read_text())["weights_xxh3"] == best
    assert "run: the best one again" not in capsys.readouterr().err, "--quiet"
    monkeypatch.setattr(_search, "ROUNDS", 1)

    # Another budget goes on with that.
    assert run(place, monkeypatch, "--max-size", "0.4") == 0, capsys.readouterr().err
    assert "curves:" not in capsys.readouterr().err
    report = json.loads((out / "report.json").read_text())
    found = report["search"]
    assert found["met"] and found["size"] <= 0.4 and 0 < found["loss"] < 0.1
    assert found["loss"] == pytest.approx(1 - report["quality"]["spearman"])
    assert sum(point["chosen"] for point in report["front"]) == 1 and len(report["front"]) == found["runs"] == 2
    assert "Every plan that was measured" in (out / "report.html").read_text()
    assert not state.exists(), "a search that reached its goal leaves nothing behind"
    assert tm.load(out).encode(["w1 w2"]).shape == (1, tiny.HIDDEN)


def test_wrong_usage(place, tmp_path, capsys):
    def said(*arguments):
        assert _cli.main(["compress", str(place / "checkpoint"), "-o", str(tmp_path / "new"), *arguments]) == 1
        return capsys.readouterr().err

    assert "max_loss is measured on text" in said("--max-loss", "0.1")
    assert "leave preset out" in said("--max-size", "0.5", "--preset", "tiny")
    assert "--dry-run goes with a budget" in said("--dry-run")
    with pytest.raises(SystemExit):
        said("--max-size", "2")
    assert "'2' is not a part" in capsys.readouterr().err
    other = tmp_path / "new"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    assert "holds no artifact" in said("--max-size", "0.5")
    assert (other / "mine.txt").exists() and not (tmp_path / "new.search").exists()
