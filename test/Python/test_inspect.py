# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""inspect reads the model's text: who owns an operation, and for how many rows it is computed."""
from transformer_mlir._inspect import Reader, total

MODEL = """
  ml_program.global private @body.dense.weight_i8(#extern) : tensor<4x4xi8>
  ml_program.global private @pooler.dense.weight_i8(#extern) : tensor<3x4xi8>
  %w = ml_program.global_load_const @body.dense.weight_i8 : tensor<4x4xi8>
  %v = ml_program.global_load_const @pooler.dense.weight_i8 : tensor<3x4xi8>
  %a, %b = transformer.quantize %arg0 : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  %1 = transformer.linear %a, %w scales(%b, %s) : (tensor<?x4xi8>, tensor<4x4xi8>, tensor<?xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = transformer.pool cls %1 offsets(%arg1) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %c, %d = transformer.quantize %2 : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  %3 = transformer.linear %c, %v scales(%d, %s) : (tensor<?x4xi8>, tensor<3x4xi8>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
"""


def test_rows_and_owners():
    modules = Reader(100, None).read(MODEL)
    assert modules["body.dense"] == {"ops": 3, "parameters": 16, "bytes": 16, "macs": 1600}  # per token; pools and quantizes, too
    assert modules["pooler.dense"] == {"ops": 1, "parameters": 12, "bytes": 12, "macs": 12}  # one row per sequence
    assert total(modules)["macs"] == 1612
