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
