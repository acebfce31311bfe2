# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""Code for several CPU levels in one artifact."""
import platform

import numpy as np
import pytest

import transformer_mlir as tm
from conftest import ROOT
from transformer_mlir._cli import main
from transformer_mlir._inspect import code

TINY = ROOT / "test/Integration/Inputs/tiny.mlir"
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="names levels of x86-64")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    out = tmp_path_factory.mktemp("levels") / "out"
    report = tm.compress(TINY, out, "exact", target_cpu="x86-64,x86-64-v3", progress=False)
    assert report["target"]["name"] == "x86-64-v3,x86-64"
    return out


def test_a_model_says_what_runs(artifact, monkeypatch):
    monkeypatch.delenv("TM_CPU_LEVEL", raising=False)
    model = tm.load(artifact)
    assert model.targets == ["x86-64-v3", "x86-64"] and model.target in model.targets
    monkeypatch.setenv("TM_CPU_LEVEL", "x86-64")
    forced = tm.load(artifact)
    assert forced.target == "x86-64" and forced.build_id == model.build_id
    for name, rows in forced.run([[0, 1, 4], [], [2]]).items():
        np.testing.assert_allclose(rows, model.run([[0, 1, 4], [], [2]])[name], rtol=1e-6)
    monkeypatch.setenv("TM_CPU_LEVEL", "avx512-vnni")
    with pytest.raises(ValueError, match="TM_CPU_LEVEL is 'avx512-vnni', and model.so has code for x86-64-v3,x86-64"):
        tm.load(artifact)


def test_inspect_and_bench_say_it(artifact, monkeypatch, capsys):
    monkeypatch.setenv("TM_CPU_LEVEL", "x86-64")
    assert code(artifact) == {"levels": ["x86-64-v3", "x86-64"], "runs_here": "x86-64"}
    assert code(TINY) is None and code(TINY.parent) is None
    assert main(["inspect", str(artifact)]) == 0
    assert "code for x86-64-v3, x86-64; this machine runs x86-64\n" in capsys.readouterr().out
    assert main(["bench", str(artifact), "--lengths", "4", "--batch", "1", "--rounds", "1"]) == 0
    assert "code for x86-64 of x86-64-v3, x86-64;" in capsys.readouterr().out


def test_what_is_refused(tmp_path):
    with pytest.raises(tm.CompileError, match="'x86-64' and 'neon' are of different architectures"):
        tm.compress(TINY, tmp_path / "out", target_cpu="x86-64,neon", progress=False)
    assert not (tmp_path / "out").exists()


def test_another_architecture(tmp_path):
    try:
        tm.compress(TINY, tmp_path / "out", target_cpu="neon-dotprod,neon", progress=False)
    except tm.CompileError as problem:
        pytest.skip(str(problem))  # needs libc6-dev-arm64-cross
    with pytest.raises(RuntimeError, match="was compiled for aarch64, and this machine is x86_64"):
        tm.load(tmp_path / "out")
    assert code(tmp_path / "out") == {"levels": ["neon-dotprod", "neon"], "runs_here": None}
