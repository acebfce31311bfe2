# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers
"""Passes that a user names, before what a preset does."""
import json

import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _cli, _passes

SVD = "transformer-factorize-svd{ratio=0.8 multiple=1 pivoted=true}"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tiny.sentence_model(tmp_path_factory.mktemp("tiny") / "checkpoint")


def test_split():
    assert _passes.split("a{x=1,y=2},builtin.module(b,c) , d,") == ["a{x=1,y=2}", "builtin.module(b,c)", "d"]
    assert _passes.is_open(SVD) and not _passes.is_open("transformer-factorize-svd{ratio=0.8 profile=p}")
    assert not _passes.is_open("transformer-fuse")


def test_passes_go_by_text_and_hand_the_profile_on(source, tmp_path):
    texts = tiny.sentences(100)
    (tmp_path / "text").write_text("\n".join(texts))
    report = tm.compress(source, tmp_path / "a", "int8", text=texts, target_cpu="x86-64", progress=False,
                         passes=f"transformer-narrow-ffn{{width=48 multiple=1}},{SVD}")
    said = "\n".join(report["remarks"])
    assert "64 neurons to 48" in said and "numbers in place of" in said and ", of inputs" in said
    assert "assumed" not in said and "no statistics" not in said  # all went by the text, rounding too
    assert report["profile"]["source"] == "100 sentences of text"
    # The same by the command, from a profile.
    tm.profile(source, texts, tmp_path / "p", progress=False)
    assert _cli.main(["compress", str(source), "-o", str(tmp_path / "b"), "--profile", str(tmp_path / "p"), "--target-cpu", "x86-64",
                      "--passes", f"transformer-narrow-ffn{{width=48 multiple=1}},{SVD}", "--quiet"]) == 0
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    assert tm.load(tmp_path / "b").encode(texts[:3]).shape == (3, 32)


def test_float32_with_passes(source, tmp_path):
    report = tm.compress(source, tmp_path / "a", "exact", text=tiny.sentences(100), passes=SVD, target_cpu="x86-64", progress=False)
    assert any(", by activations measured" in line for line in report["remarks"])
    assert json.loads((tmp_path / "a/report.json").read_text())["preset"] == "exact"


@pytest.mark.parametrize("options, problem", [
    ({"passes": 3}, "passes is int"), ({"passes": " , "}, "names no pass"),
    ({"passes": "transformer-quantize-i8"}, "rounds, as presets do"), ({"passes": SVD, "preset": "static"}, "leave them out with static"),
    ({"passes": SVD, "max_size": 0.1}, "leave passes out"), ({"passes": SVD, "profile": ["p", "q"]}, "go by one profile"),
    ({"passes": "transformer-none"}, "cannot use the pass pipeline")])
def test_refusals(source, tmp_path, options, problem):
    with pytest.raises((ValueError, TypeError, tm.CompileError), match=problem):
        tm.compress(source, tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_a_budget_takes_nothing_else(source, tmp_path, capsys):
    assert _cli.main(["compress", str(source), "-o", str(tmp_path / "out"), "--max-size", "0.1", "--attention", ".:mq"]) == 1
    assert "leave attention out" in capsys.readouterr().err
