# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers, checkpoint
"""Quality and size of the presets on the reference checkpoint, on text that no profile saw."""
import importlib.util
import json

import numpy as np
import pytest

import transformer_mlir as tm
from conftest import ROOT
from transformer_mlir._compress import run_compiler
from transformer_mlir._metrics import embedding_quality

SIMPLE = "transformer-fold-weights,transformer-freeze,transformer-fuse{projections=false},"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("presets", ROOT / "benchmarks" / "presets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts(bench):
    found = bench.documentation()
    assert len(found) > 200
    return found


@pytest.fixture(scope="module")
def exact(artifact, texts):
    return tm.load(artifact).encode(texts)


@pytest.fixture(scope="module")
def int8(checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp("int8") / "out"
    tm.compress(checkpoint, out, preset="int8", progress=False)
    return out


def test_int8(texts, exact, int8, checkpoint, tmp_path):
    report = json.loads((int8 / "report.json").read_text())
    assert report["preset"] == "int8" and report["profile"]["source"] == "synthetic"
    assert report["bytes"]["checkpoint"] >= 3.95 * report["bytes"]["weights"]
    assert not [r for r in report["remarks"] if "left to scalar loops" in r or "not packed" in r or "slow" in r]
    smoothed = embedding_quality(exact, tm.load(int8).encode(texts))
    assert smoothed["cosine_mean"] >= 0.998 and smoothed["cosine_p1"] >= 0.994, smoothed
    assert smoothed["spearman"] >= 0.998, smoothed
    # The control: the same without a profile.
    run_compiler([str(checkpoint), "-o", str(tmp_path / "plain"), f"--passes={SIMPLE}transformer-quantize-i8"])
    plain = embedding_quality(exact, tm.load(tmp_path / "plain").encode(texts))
    assert 1 - plain["cosine_mean"] > 1.5 * (1 - smoothed["cosine_mean"]), (plain, smoothed)


def test_int8_rows_do_not_depend_on_their_company(int8):
    model, generator = tm.load(int8, threads=2), np.random.default_rng(3)
    rows = [generator.integers(0, model.vocabulary, n) for n in (1, 7, 128, 3, 64, 33)]
    whole = model.run(rows, outputs=["sentence_embedding"])["sentence_embedding"]
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(model.run([row], outputs=["sentence_embedding"])["sentence_embedding"][0], whole[i])


@pytest.mark.parametrize("preset, smaller, spearman, cosine", [("small", 8, 0.996, 0.988), ("tiny", 10, 0.985, 0.95)])
def test_entropy_coded(texts, exact, checkpoint, tmp_path, preset, smaller, spearman, cosine):
    """Even without text, by synthetic sequences; the numbers of the docs, with text, lie above."""
    report = tm.compress(checkpoint, tmp_path / "out", preset, progress=False)
    assert report["bytes"]["checkpoint"] >= smaller * report["bytes"]["weights"]
    found = embedding_quality(exact, tm.load(tmp_path / "out").encode(texts))
    assert found["spearman"] >= spearman and found["cosine_mean"] >= cosine, found


def test_bf16(texts, exact, checkpoint, tmp_path):
    report = tm.compress(checkpoint, tmp_path / "bf16", preset="bf16", progress=False)
    assert report["bytes"]["checkpoint"] >= 1.98 * report["bytes"]["weights"]
    assert embedding_quality(exact, tm.load(tmp_path / "bf16").encode(texts))["cosine_min"] >= 0.9999
