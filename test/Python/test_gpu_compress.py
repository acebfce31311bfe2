# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers, gpu-emulator
"""transformer_mlir.compress and its command, for GPUs."""
import pytest

import tiny
import transformer_mlir as tm
from conftest import BUILD
from devices import check_parts, compile_model, ids_of
from transformer_mlir import CompileError, _cli, _compress, _machine

STUB = BUILD / "unittests" / "libcuda-emulator.so"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source") / "checkpoint"
    tiny.sentence_model(folder)
    return folder


def run_both(made, cpu, chip, dtype, tmp_path, monkeypatch):
    """What the artifact gives on the driver of the tests, beside the same weights on a CPU."""
    kernels = tmp_path / "kernels.ll"
    compile_model(cpu, "--target=nvptx", f"--gpu-chip={chip}", f"--dtype={dtype}", "--emit=llvm", "-o", kernels)
    monkeypatch.setenv("TM_LIBCUDA", str(STUB))
    monkeypatch.setenv("TM_STUB_KERNELS", str(kernels))
    monkeypatch.setenv("TM_STUB_CAPABILITY", chip[3:5])
    return tm.load(made, device="cuda").run(ids_of([5, 1, 9])), tm.load(cpu, device="cpu").run(ids_of([5, 1, 9]))


@pytest.mark.parametrize("preset, chip, dtype, limit", [("int8", "sm_80", "f16", 0.05), ("small", "sm_90a", "bf16", 0.2)])
def test_presets(preset, chip, dtype, limit, checkpoint, tmp_path, monkeypatch):
    cpu, made = tmp_path / "cpu", tmp_path / "made"
    tm.compress(checkpoint, cpu, preset)
    report = tm.compress(checkpoint, made, preset, target="nvptx", gpu_chip=chip, dtype=dtype)
    assert report["preset"] == preset and report["target"]["device"] == "cuda" and report["target"]["name"] == chip
    assert report["bytes"]["checkpoint"] > report["bytes"]["weights"] and report["modules"]["before"]
    page = (made / "report.html").read_text()
    assert "GPU chips" in page and "CPU levels" not in page and f"{chip}: " in page
    found, wanted = run_both(made, cpu, chip, dtype, tmp_path, monkeypatch)
    check_parts(found, wanted, limit)


def test_command(checkpoint, tmp_path, monkeypatch, capsys):
    common = ["compress", str(checkpoint), "-o", str(tmp_path / "made"), "--target", "nvptx"]
    assert _cli.main([*common, "--gpu-chip", "sm_80,sm_90", "--dtype", "f32", "--preset", "exact", "--fft-from", "0", "--quiet"]) == 0
    assert (tmp_path / "made" / "report.html").exists()
    for arguments, words in (
            (["--gpu-chip", "sm_91"], "there is no GPU chip 'sm_91' in the table; there are sm_80, sm_90, sm_90a, sm_100"),
            (["--cuda-toolkit", "/nowhere"], "/nowhere: is no CUDA toolkit: there is no ptxas in /nowhere/bin"),
            (["--target-cpu", "x86-64-v3"], "target_cpu goes with the target cpu"),
            (["--max-size", "0.5"], "a budget is measured on this machine's CPU"),
            (["--target", "cpu", "--gpu-chip", "sm_80"], "gpu_chip goes with the target nvptx"),
            (["--target", "cpu", "--dtype", "f16"], "--dtype f16 goes with --target nvptx")):
        assert _cli.main([*common, *arguments]) == 1
        problem = capsys.readouterr().err
        assert words in problem and len(problem.strip().splitlines()) == 1
    text = tmp_path / "text"
    text.write_text("\n".join(tiny.sentences(30)))
    monkeypatch.setenv("TM_LIBCUDA", "/nowhere/libcuda.so")
    assert _cli.main([*common, "--eval-text", str(text)]) == 1
    assert "this machine has no NVIDIA driver (/nowhere/libcuda.so)" in capsys.readouterr().err


@pytest.mark.parametrize("options, words", [
    ({"target": "gpu"}, "target is 'gpu'; there are cpu and nvptx"), ({"target": "nvptx", "dtype": "f64"}, "there are f16, bf16, f32"),
    ({"dtype": "bf16"}, "dtype goes with the target nvptx: on a CPU the presets exact and bf16"),
    ({"target": "nvptx", "fft_from": -1}, "expected a number of tokens")])
def test_options_that_are_wrong(options, words, checkpoint, tmp_path):
    with pytest.raises(ValueError, match=words):
        tm.compress(checkpoint, tmp_path / "made", **options)
    assert not (tmp_path / "made").exists()


def test_what_is_fitted_on_a_cpu(checkpoint, tmp_path, monkeypatch):
    """As "static" and tune have it: something that runs on a CPU first, and its report."""
    def fit(folder):
        return {**tm.compress(checkpoint, folder, "small"), "tune": {"steps": 3, "source": "text"}}

    arguments = _machine.gpu_arguments("nvptx", "host", "sm_80", "f16", None, None)
    report = _machine.compress_on_cpu_first(checkpoint, tmp_path / "made", fit, _compress.run_compiler, arguments, "entropy")
    assert report["preset"] == "small" and report["tune"]["steps"] == 3 and report["target"]["device"] == "cuda"
    assert report["input"] == str(checkpoint) and report["bytes"]["checkpoint"] > report["bytes"]["weights"]
    assert b".entropy" in (tmp_path / "made" / "weights.safetensors").read_bytes()
    compile_model(tmp_path / "made", "-o", tmp_path / "cpu")
    found, wanted = run_both(tmp_path / "made", tmp_path / "cpu", "sm_80", "f16", tmp_path, monkeypatch)
    check_parts(found, wanted, 0.1)


def test_wrong_chips_are_said_before_the_work(checkpoint, tmp_path):
    pytest.importorskip("torch")
    for more in ({"preset": "static"}, {"preset": "turbo", "tune": 1}):
        with pytest.raises(CompileError, match="there is no GPU chip 'sm_91'"):
            tm.compress(checkpoint, tmp_path / "made", **more, text=tiny.sentences(1100), target="nvptx", gpu_chip="sm_91")
    assert not (tmp_path / "made").exists()
