# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers, gpu-emulator
"""Ops that no imported family has, from text to outputs, on the driver of the tests: as on the CPU."""
import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from conftest import BUILD
from devices import Made, check_same

TEXT = """module attributes {transformer.model = {max_length = 40 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<20x24xf32>) : tensor<20x24xf32>
ml_program.global private @lags(#ml_program.extern : tensor<3x24x24xf32>) : tensor<3x24x24xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 20 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x24xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
  %words = ml_program.global_load_const @words : tensor<20x24xf32>
  %lags = ml_program.global_load_const @lags : tensor<3x24x24xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %p = transformer.positions %offsets, %n : (tensor<?xi32>, index) -> tensor<?xi32>
  %0 = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<20x24xf32>) -> tensor<?x24xf32>
  %1 = transformer.rope %0, %p {num_heads = 2 : i64, theta = 1.0e4 : f32, rotary_dim = 8 : i64} : (tensor<?x24xf32>, tensor<?xi32>) -> tensor<?x24xf32>
  %2 = transformer.token_mix %1, %lags offsets(%offsets) : (tensor<?x24xf32>, tensor<3x24x24xf32>, tensor<?xi32>) -> tensor<?x24xf32>
  return %2 : tensor<?x24xf32>
}
}
"""


@pytest.mark.parametrize("dtype, tolerance", [("f32", 2e-5), ("bf16", 0.2)])
def test_rope_and_matrices_per_lag(dtype, tolerance, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    (tmp_path / "model.mlir").write_text(TEXT)
    tiny.save(tmp_path / "weights.safetensors", {
        "words": generator.normal(size=(20, 24)).astype(np.float32), "lags": generator.normal(size=(3, 24, 24)).astype(np.float32)})
    made = Made(tmp_path / "model.mlir", tmp_path, [f"--weights={tmp_path / 'weights.safetensors'}"], [f"--dtype={dtype}"])
    monkeypatch.setenv("TM_LIBCUDA", str(BUILD / "unittests/libcuda-emulator.so"))
    monkeypatch.setenv("TM_STUB_KERNELS", str(made.kernels))
    batch = [generator.integers(0, 20, n).astype(np.int32) for n in (3, 0, 40, 1)]
    check_same(tm.load(made.gpu).run(batch), tm.load(made.cpu).run(batch), tolerance)


LENGTH, WIDTH, HEADS = 24, 16, 2
DENSE = """
ml_program.global private @words(#ml_program.extern : tensor<20x16xf32>) : tensor<20x16xf32>
ml_program.global private @places(#ml_program.extern : tensor<24x16xf32>) : tensor<24x16xf32>
func.func @forward(%ids: tensor<2x24xi64> {transformer.input = "input_ids"}, %long: tensor<2x24xi64> {transformer.input = "attention_mask"})
    -> (tensor<2x24x16xf32> {transformer.output = "last_hidden_state"}, tensor<2x16xf32> {transformer.output = "sentence_embedding"}) {
  %words = ml_program.global_load_const @words : tensor<20x16xf32>
  %places = ml_program.global_load_const @places : tensor<24x16xf32>
  %zero = arith.constant dense<0> : tensor<2x24xi64>
  %p = arith.constant dense<POSITIONS> : tensor<2x24xi64>
  %m = arith.cmpi ne, %long, %zero : tensor<2x24xi64>
  %0 = transformer.embedding %ids, %words : (tensor<2x24xi64>, tensor<20x16xf32>) -> tensor<2x24x16xf32>
  %1 = transformer.embedding %p, %places : (tensor<2x24xi64>, tensor<24x16xf32>) -> tensor<2x24x16xf32>
  %2 = arith.addf %0, %1 : tensor<2x24x16xf32>
  %3 = transformer.attention %2, %2, %2 mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x24x16xf32>, tensor<2x24x16xf32>, tensor<2x24x16xf32>, tensor<2x24xi1>) -> tensor<2x24x16xf32>
  %4 = transformer.pool mean %3 mask(%m) : (tensor<2x24x16xf32>, tensor<2x24xi1>) -> tensor<2x16xf32>
  return %3, %4 : tensor<2x24x16xf32>, tensor<2x16xf32>
}
""".replace("POSITIONS", str([list(range(LENGTH))] * 2))


def reference(ids, words, places):
    """One sequence, in f64."""
    x = words[ids].astype(np.float64) + places[:len(ids)]
    heads = x.reshape(len(ids), HEADS, WIDTH // HEADS).transpose(1, 0, 2)
    weights = np.exp(heads @ heads.transpose(0, 2, 1) / np.sqrt(WIDTH / HEADS))
    y = (weights / weights.sum(-1, keepdims=True) @ heads).transpose(1, 0, 2).reshape(len(ids), WIDTH)
    return y, y.mean(0) if len(ids) else np.zeros(WIDTH)


def test_dense_model_with_padding_becomes_a_packed_one(tmp_path, monkeypatch):
    """Batches of any number of sequences and any lengths, on both."""
    generator = np.random.default_rng(0)
    words, places = (generator.normal(size=(n, WIDTH)).astype(np.float32) for n in (20, LENGTH))
    (tmp_path / "model.mlir").write_text(DENSE)
    tiny.save(tmp_path / "weights.safetensors", {"words": words, "places": places})
    made = Made(tmp_path / "model.mlir", tmp_path, [f"--weights={tmp_path / 'weights.safetensors'}", "--passes=transformer-pack-inputs"],
                ["--dtype=f32"])
    monkeypatch.setenv("TM_LIBCUDA", str(BUILD / "unittests/libcuda-emulator.so"))
    monkeypatch.setenv("TM_STUB_KERNELS", str(made.kernels))
    batch = [generator.integers(0, 20, n).astype(np.int32) for n in (3, 0, LENGTH, 1, 7)]
    wanted = [reference(ids, words, places) for ids in batch]
    for folder in made.cpu, made.gpu:
        model = tm.load(folder)
        found = model.run(batch)
        assert np.abs(found["sentence_embedding"] - np.stack([s for _, s in wanted])).max() < 2e-5
        assert np.abs(found["last_hidden_state"] - np.concatenate([y for y, _ in wanted])).max() < 2e-5
