# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers, torch
"""tune: what helps is kept, what does not is not."""
import shutil

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _cli, _compress, _distil, _files, _tune

torch = pytest.importorskip("torch")
FUSE, NARROW = "transformer-fuse{projections=false}", "transformer-narrow-ffn{width=24 multiple=8}"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tiny.sentence_model(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="module")
def narrowed(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("narrowed") / "out"
    _compress.run_compiler([str(source), "-o", str(out), f"--passes={FUSE},{NARROW}"])
    return out


def cosine(source, out):
    texts = tiny.sentences(60, seed=9)
    with torch.no_grad():
        ids = [np.array(one) for one in tm.load(out)._load_tokenizer().encode(texts)[0]]
        theirs = tm.to_torch(source)(ids)["sentence_embedding"].numpy()
    ours = tm.load(out).run(ids)["sentence_embedding"]
    return float(((ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)).mean())


def test_tune_helps_and_repeats(source, narrowed, tmp_path):
    texts = tiny.sentences(400)
    found = [tm.tune(narrowed, texts, steps=20, output=tmp_path / name, rate=2e-3, threads=1, progress=False) for name in "ab"]
    tuned = found[0]["tune"]
    assert tuned["accepted"] and tuned["steps"] == 20 and not tuned["interrupted"]
    assert tuned["difference_tuned"] < tuned["difference_before"]
    assert tuned["difference_compiled"] == pytest.approx(tuned["difference_tuned"], rel=1e-3)
    assert cosine(source, tmp_path / "a") > cosine(source, narrowed)
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    assert found[0]["bytes"]["checkpoint"] > 0 and (tmp_path / "a/tokenizer.json").exists()


def test_short_texts_are_of_what_is_not_held_out(source):
    sentences = [f"w{i} x{i} y{i}, z{i}." for i in range(400)]
    short = _tune.short_texts(sentences, 0)
    assert 50 < len(short) <= 100 and short == _tune.short_texts(sentences, 0) != _tune.short_texts(sentences, 1)
    assert all(1 <= len(one.split()) <= 4 and any(one in sentence for sentence in sentences) for one in short)
    texts = _tune.Texts(source, tiny.sentences(400), 0)
    assert len(texts.held) == 40 and len(texts.tuned) == 360 and texts.short
    assert texts.source == "400 sentences of text"


def test_what_does_not_help_is_left_out(narrowed, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(narrowed, out)
    before = (out / "weights.safetensors").read_bytes()
    (tmp_path / "text").write_text("\n".join(tiny.sentences(60)))
    assert _cli.main(["tune", str(out), "--text", str(tmp_path / "text"), "--steps", "5", "--rate", "9e5"]) == 0
    assert "did not help" in capsys.readouterr().err
    assert (out / "weights.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "text"]


def test_interrupted(narrowed, tmp_path, monkeypatch):
    steps = []

    def step(self, part, optimizer, plain=_distil.Distillation.step):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return plain(self, part, optimizer)

    monkeypatch.setattr(_distil.Distillation, "step", step)
    report = tm.tune(narrowed, tiny.sentences(200), minutes=10, output=tmp_path / "out", rate=2e-3, progress=False)
    assert report["tune"]["interrupted"] and report["tune"]["steps"] == 14
    assert report["tune"]["difference_tuned"] < report["tune"]["difference_before"]


def test_compress_and_tune(source, tmp_path):
    (tmp_path / "text").write_text("\n".join(tiny.sentences(200)))
    assert _cli.main(["compress", str(source), "-o", str(tmp_path / "out"), "--preset", "turbo", "--tune", "1", "--steps", "10",
                      "--text", str(tmp_path / "text"), "--quiet"]) == 0
    judged = _files.read_report(tmp_path / "out")["quality"]
    assert judged["text"]["files"] == ["lines of text that the fit held out"] and judged["text"]["distinct"] == 20
    report = tm.tune(tmp_path / "out", tiny.sentences(100), steps=2, output=tmp_path / "again", progress=False)
    assert report["preset"] == "turbo" and report["tune"]["steps"] == 2
    assert any("[Passed] encoder.layer.0.output.dense: transformer-quantize-i8" in line
               for line in _files.read_report(tmp_path / "out")["remarks"])
    assert tm.load(tmp_path / "out").encode(["w1 w2"]).shape == (1, 32)


def test_classifier(tmp_path):
    source = tiny.classifier(tmp_path / "checkpoint")
    _compress.run_compiler([str(source), "-o", str(tmp_path / "out"), f"--passes={FUSE},{NARROW}"])
    report = tm.tune(tmp_path / "out", tiny.sentences(200), steps=20, rate=2e-3, progress=False)
    assert report["tune"]["compared_by"] == "logits" and report["tune"]["accepted"]


def test_refusals(source, narrowed, tmp_path):
    for problem, call in [
            ("tuning needs sentences", lambda: tm.tune(narrowed, None)),
            ("has 3 distinct sentences", lambda: tm.tune(narrowed, ["w1", "w2", "w3"])),
            ("expected a number above 0", lambda: tm.tune(narrowed, ["w1"], minutes=0)),
            ("changes no structure", lambda: tm.compress(source, tmp_path / "o", "tiny", tune=1, text=["w1"])),
            ("a budget takes the place of a preset", lambda: tm.compress(source, tmp_path / "o", "turbo", max_loss=0.1))]:
        with pytest.raises(ValueError, match=problem):
            call()
    tm.compress(tiny.image_classifier(tmp_path / "vit"), tmp_path / "images", progress=False)
    with pytest.raises(ValueError, match="takes images"):
        tm.tune(tmp_path / "images", ["w1"] * 30)
