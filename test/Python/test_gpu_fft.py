# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers, gpu-emulator
"""Long sequences through cuFFT: on libraries of the tests in the place of it and of the driver (unittests/GPU/StubCufft.cpp)."""
import ctypes
import gc
import subprocess
import sys

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from conftest import BUILD, ROOT
from devices import Made, check_same, compile_model

CUDA, CUFFT = (BUILD / "unittests" / name for name in ("libcuda-emulator.so", "libcufft-emulator.so"))
MIXED, TOLERANCE = [3, 8, 0, 12, 6, 8, 5], 2e-5


def ids_of(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(4, 20, n).astype(np.int32) for n in lengths]


@pytest.fixture(scope="module")
def stub():
    library = ctypes.CDLL(str(CUFFT))
    library.tm_stub_fft_calls.argtypes = [ctypes.c_char_p]
    return library


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fnet")
    subprocess.run([sys.executable, ROOT / "test/Import/Inputs/checkpoint.py", "fnet", folder / "checkpoint"], check=True)
    return Made(folder / "checkpoint", folder, gpu=["--dtype=f32", "--fft-from=6"])


@pytest.fixture(autouse=True)
def environment(monkeypatch, made):
    monkeypatch.setenv("TM_LIBCUDA", str(CUDA))
    monkeypatch.setenv("TM_LIBCUFFT", str(CUFFT))
    monkeypatch.setenv("TM_STUB_KERNELS", str(made.kernels))
    yield monkeypatch
    gc.collect()


def test_long_and_short_sequences(made, stub):
    device, host = tm.load(made.gpu, device="cuda"), tm.load(made.cpu)

    def calls():
        return [stub.tm_stub_fft_calls(name) for name in (b"cufftMakePlanMany", b"cufftExecR2C")]

    before = calls()
    for lengths in (MIXED, [3, 5], [12, 7], [0], [6]):
        batch = ids_of(lengths)
        check_same(device.run(batch), host.run(batch), TOLERANCE)
    # A plan per length, and a call per sequence and layer.
    assert calls() == [before[0] + 4, before[1] + 2 * (4 + 2 + 1)]
    # Graphs are of batches whose long sequences lie in the same places.
    for _ in range(3):
        for lengths in (MIXED, MIXED[::-1]):
            batch = ids_of(lengths, 1)
            check_same(device.run(batch), host.run(batch), TOLERANCE)
    captured = calls()
    assert captured == [before[0] + 4, before[1] + 2 * (4 + 2 + 1) + 2 * 4 * 3]
    check_same(device.run(ids_of(MIXED, 2)), host.run(ids_of(MIXED, 2)), TOLERANCE)
    assert calls() == captured


def test_rows_do_not_depend_on_their_batch(made):
    model, batch = tm.load(made.gpu), ids_of(MIXED)
    together = model.run(batch)
    offsets = np.cumsum([0, *MIXED])
    for i, ids in enumerate(batch):
        np.testing.assert_array_equal(model.run([ids])["last_hidden_state"], together["last_hidden_state"][offsets[i]:offsets[i + 1]])


@pytest.mark.parametrize("path, words", [("/nowhere/libcufft.so", "was not found"), (str(CUDA), "has no cufft")])
def test_without_the_library(path, words, made, environment, stub, capfd):
    environment.setenv("TM_LIBCUFFT", path)
    before = stub.tm_stub_fft_calls(b"cufftCreate")
    device = tm.load(made.gpu, device="cuda")
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "warning: " + path in said and words in said and "sequences of 6 tokens and more" in said
    for _ in range(3):
        check_same(device.run(ids_of(MIXED)), tm.load(made.cpu).run(ids_of(MIXED)), TOLERANCE)
    assert stub.tm_stub_fft_calls(b"cufftCreate") == before and not capfd.readouterr().err


TEXT = """module attributes {transformer.model = {max_length = 300 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<20x2xf32>) : tensor<20x2xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 20 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x2xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
  %words = ml_program.global_load_const @words : tensor<20x2xf32>
  %0 = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<20x2xf32>) -> tensor<?x2xf32>
  %1 = transformer.fft_mix %0 offsets(%offsets) : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
}
"""


def test_few_plans_are_kept(tmp_path, environment, stub):
    (tmp_path / "model.mlir").write_text(TEXT)
    tiny.save(tmp_path / "weights.safetensors", {"words": np.ones((20, 2), np.float32)})
    compile_model(tmp_path / "model.mlir", f"--weights={tmp_path / 'weights.safetensors'}", "--target=nvptx", "--fft-from=2", "-o", tmp_path / "gpu")
    environment.delenv("TM_STUB_KERNELS")  # kernels do nothing
    gc.collect()
    before, model = stub.tm_stub_fft_alive(), tm.load(tmp_path / "gpu")
    model.run(ids_of(range(290)))
    assert stub.tm_stub_fft_alive() == before + 288
    model.run(ids_of([5]))  # they are more than are kept
    assert stub.tm_stub_fft_alive() == before + 1


def test_models_without_long_sequences_do_not_ask_for_it(made, tmp_path, environment, capfd):
    environment.setenv("TM_LIBCUFFT", "/nowhere/libcufft.so")
    environment.delenv("TM_STUB_KERNELS")
    compile_model(made.cpu, "--target=nvptx", "-o", tmp_path / "gpu")
    tm.load(tmp_path / "gpu", device="cuda")
    assert not capfd.readouterr().err


@pytest.mark.parametrize("function, status, error, words", [
    ("cufftCreate", "5", RuntimeError, r"cannot plan the Fourier transform of 8 x 8 numbers \(cuFFT says 5\)"),
    ("cufftMakePlanMany", "2", MemoryError, r"cannot plan .* \(cuFFT says 2: out of memory\)"),
    ("cufftSetWorkArea", "4", RuntimeError, "cannot give memory to the Fourier transform of 8 x 8 numbers"),
    ("cufftExecR2C", "6", RuntimeError, r"cannot compute .* \(cuFFT says 6\)")])
def test_calls_that_fail(function, status, error, words, made, environment, stub):
    model = tm.load(made.gpu, device="cuda")
    environment.setenv("TM_STUB_FAIL", function)
    environment.setenv("TM_STUB_STATUS", status)
    with pytest.raises(error, match=words):
        model.run(ids_of([8]))
    environment.delenv("TM_STUB_FAIL")
    check_same(model.run(ids_of(MIXED)), tm.load(made.cpu).run(ids_of(MIXED)), TOLERANCE)


def test_nothing_is_left(stub):
    gc.collect()
    assert stub.tm_stub_fft_alive() == 0 and ctypes.CDLL(str(CUDA)).tm_stub_alive() == 0
