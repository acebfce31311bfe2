# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers
"""The preset static on a small checkpoint: what it makes, computed again in NumPy, and what it refuses."""
import json
import math
import pathlib
import sys

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _fit, _static, _student
from transformer_mlir._compress import run_compiler


def sentences(count):
    generator = np.random.default_rng(5)
    found = {" ".join(f"w{i}" for i in generator.integers(0, 60, generator.integers(2, 12))) for _ in range(2 * count)}
    return sorted(found)[:count]


def recompute(parameters, heads, sequence):
    """The student of one sentence in double precision, as _fit.py describes it."""
    p = {name: value.astype(np.float64) for name, value in parameters.items()}
    x = p["table"][sequence]
    query = p["query.weight"] @ x.mean(0) + p["query.bias"]
    pooled = []
    for own, q in zip(np.split(x, heads, axis=1), np.split(query, heads)):
        scores = np.exp(own @ q / math.sqrt(len(q)))
        pooled.append(scores @ own / scores.sum())
    pooled = np.concatenate(pooled)
    inner = p["up.weight"] @ pooled + p["up.bias"]
    inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
    vector = p["down.weight"] @ inner + p["down.bias"] + p["widen.weight"] @ pooled
    return vector / np.linalg.norm(vector)


def parameters(width, hidden, seed=0):
    generator = np.random.default_rng(seed)
    shapes = {"table": (64, width), "query.weight": (width, width), "query.bias": (width,), "up.weight": (4 * hidden, width),
              "up.bias": (4 * hidden,), "down.weight": (hidden, 4 * hidden), "down.bias": (hidden,), "widen.weight": (hidden, width)}
    return {name: (generator.standard_normal(shape) / math.sqrt(width) ** (name != "table")).astype(np.float32)
            for name, shape in shapes.items()}


@pytest.mark.parametrize("width", [32, 48])
def test_compiled_students_compute_what_was_fitted(tmp_path, width):
    fitted, heads = parameters(width, 48), width // 16
    generator = np.random.default_rng(1)
    sequences = [generator.integers(0, 64, n).astype(np.int32) for n in (1, 2, 3, 7, 39, 12, 1)]
    expected = np.array([recompute(fitted, heads, s) for s in sequences])
    model, weights = _student.write(str(tmp_path), fitted, heads, 40)
    for preset, tolerance in (("exact", 2e-6), ("int8", 0.05)):
        out = tmp_path / preset
        run_compiler([model, f"--weights={weights}", "-o", str(out), f"--preset={preset}"])
        student = tm.load(out, threads=1)
        found = student.run(sequences)["sentence_embedding"]
        assert np.abs(found - expected).max() < tolerance
        for row, sequence in zip(found, sequences):  # a sentence does not depend on its company
            assert np.array_equal(student.run([sequence])["sentence_embedding"][0], row)
        with pytest.raises(ValueError, match="41 tokens"):
            student.run([np.zeros(41, np.int32)])
    torch = pytest.importorskip("torch")
    ids, mask = map(torch.from_numpy, _fit.pad(sequences))
    ours = _fit.apply(torch, {n: torch.from_numpy(v) for n, v in fitted.items()}, ids, mask, heads).numpy()
    assert np.abs(ours - expected).max() < 2e-6


def test_fit(tmp_path):
    pytest.importorskip("torch")
    source, text, lines = tiny.sentence_model(tmp_path / "checkpoint"), tmp_path / "text.txt", []
    text.write_text("\n".join(["", *sentences(1500)]) + "\n")
    reports = [tm.compress(source, tmp_path / name, "static", text=given, epochs=2, progress=lines.append)
               for name, given in (("one", [text]), ("two", sentences(1500)))]
    assert any("held-out cosine" in line for line in lines) and any(line.startswith("warning: 1,500") for line in lines)
    fitted = reports[0]["static"]
    assert reports[0]["preset"] == "static" and fitted["sentences"] == 1500 and fitted["held_out"] == 150
    assert fitted["held_out_quality"]["cosine_mean"] > fitted["cosine_before"] + 0.05
    assert abs(fitted["held_out_quality"]["cosine_mean"] - fitted["cosine_fitted"]) < 0.01  # what int8 costs
    assert reports[0]["bytes"]["checkpoint"] == (source / "model.safetensors").stat().st_size
    # The same text and seed: the same weights.
    assert reports[1]["weights_xxh3"] == reports[0]["weights_xxh3"]
    student, original = tm.load(tmp_path / "one"), tmp_path / "original"
    tm.compress(source, original, "exact", progress=False)
    ours, theirs = student.encode(sentences(1500)[:64]), tm.load(original).encode(sentences(1500)[:64], normalize=True)
    assert (ours * theirs).sum(1).mean() > 0.7 and np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert student.encode("").shape == student.encode("w1 w2").shape == (32,)
    assert json.loads((tmp_path / "one" / "report.json").read_text())["static"] == fitted


def test_short_texts_are_words_and_some_in_a_row():
    texts = ["The C++ compiler's front-end, and a linker", "naïve search over 3 tables", "a linker", "search"] + sentences(40)
    found = _static.short_texts(texts, 0)
    assert found == sorted(set(found)) == _static.short_texts(texts, 0) and not set(found) & set(texts)
    words = [text for text in found if " " not in text]
    assert {"C++", "compiler's", "front-end", "naïve"} <= {*_static.short_texts(texts[:2] + ["x"] * 20, 0)}
    assert 20 < len(words) <= len(texts) and "search" not in words
    rows = [text.split() for text in found if " " in text]
    assert len(rows) > 10 and all(2 <= len(row) <= 4 for row in rows)
    of_texts = [_static.WORD.findall(text) for text in texts]
    assert all(any(row == own[i:i + len(row)] for own in of_texts for i in range(len(own))) for row in rows)
    assert _static.short_texts(["x" * 25 + " y"] * 3, 0) == ["y"]  # no monsters


class Interrupted(_fit.Fit):
    def step(self, rows, optimizer):
        if self.epochs >= 1:
            raise KeyboardInterrupt
        return super().step(rows, optimizer)


def test_interrupted_fits_keep_the_best(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(_fit, "Fit", Interrupted)
    report = tm.compress(tiny.sentence_model(tmp_path / "checkpoint"), tmp_path / "out", "static", text=sentences(1200),
                         epochs=3, progress=False)["static"]
    assert report["interrupted"] and report["epochs"] == 1 and report["cosine_fitted"] > report["cosine_before"]
    assert tm.load(tmp_path / "out").encode(["w1 w2"]).shape == (1, 32)


@pytest.mark.parametrize("options, problem", [
    ({}, "pass text"), ({"text": sentences(999)}, "has 999 distinct sentences; the preset static needs at least 1,000"),
    ({"text": ["w1"] * 5000}, "has 1 distinct sentences"), ({"text": sentences(1100), "epochs": 0}, "epochs is 0"),
    ({"text": sentences(1100), "minutes": -1}, "minutes is -1"), ({"text": sentences(1100), "seed": 1.5}, "seed is 1.5"),
    ({"text": sentences(1100), "profile": "x"}, "takes text, not a profile")])
def test_refusals(tmp_path, options, problem):
    pytest.importorskip("torch")
    source = tiny.sentence_model(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=problem):
        tm.compress(source, tmp_path / "out", "static", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_more_refusals(tmp_path, monkeypatch):
    source = tiny.sentence_model(tmp_path / "checkpoint")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RuntimeError, match="fitted with PyTorch: pip install torch"):
        tm.compress(source, tmp_path / "out", "static", text=sentences(1100))
    monkeypatch.undo()
    pytest.importorskip("torch")
    with pytest.raises(FileNotFoundError, match="nowhere.txt"):
        tm.compress(source, tmp_path / "out", "static", text=[pathlib.Path("nowhere.txt")])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(FileExistsError, match="left alone"):
        tm.compress(source, tmp_path / "full", "static", text=sentences(1100))
    plain = tiny.classifier(tmp_path / "classifier")
    with pytest.raises(ValueError, match="no sentence embedding"):
        tm.compress(plain, tmp_path / "out", "static", text=sentences(1100), progress=False)
