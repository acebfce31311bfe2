// A layer with its embeddings and pooling, as small as kernels of each family
// allow. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 32 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<50x64xf32>) : tensor<50x64xf32>
ml_program.global private @places(#ml_program.extern : tensor<32x64xf32>) : tensor<32x64xf32>
ml_program.global private @gamma(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
ml_program.global private @beta(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
ml_program.global private @wqkv(#ml_program.extern : tensor<64x64xf32>) : tensor<64x64xf32>
ml_program.global private @wup(#ml_program.extern : tensor<128x64xf32>) : tensor<128x64xf32>
ml_program.global private @wdown(#ml_program.extern : tensor<64x128xf32>) : tensor<64x128xf32>
ml_program.global private @bup(#ml_program.extern : tensor<128xf32>) : tensor<128xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x64xf32> {transformer.output = "sentence_embedding", transformer.rows = "sequences"}) {
  %words = ml_program.global_load_const @words : tensor<50x64xf32>
  %places = ml_program.global_load_const @places : tensor<32x64xf32>
  %gamma = ml_program.global_load_const @gamma : tensor<64xf32>
  %beta = ml_program.global_load_const @beta : tensor<64xf32>
  %wqkv = ml_program.global_load_const @wqkv : tensor<64x64xf32>
  %wup = ml_program.global_load_const @wup : tensor<128x64xf32>
  %wdown = ml_program.global_load_const @wdown : tensor<64x128xf32>
  %bup = ml_program.global_load_const @bup : tensor<128xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %i = transformer.positions %offsets, %n : (tensor<?xi32>, index) -> tensor<?xi32>
  %0 = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<50x64xf32>) -> tensor<?x64xf32>
  %1 = transformer.embedding %i, %places : (tensor<?xi32>, tensor<32x64xf32>) -> tensor<?x64xf32>
  %2 = arith.addf %0, %1 : tensor<?x64xf32>
  %3 = transformer.layer_norm %2, %gamma, %beta {epsilon = 1.0e-12 : f32}
      : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %q = transformer.linear %3, %wqkv : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %4 = transformer.attention %q, %q, %q offsets(%offsets) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %5 = transformer.layer_norm %4, %gamma, %beta residual(%3) {epsilon = 1.0e-12 : f32}
      : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %6 = transformer.linear %5, %wup bias %bup activation gelu
      : (tensor<?x64xf32>, tensor<128x64xf32>, tensor<128xf32>) -> tensor<?x128xf32>
  %7 = transformer.linear %6, %wdown bias %beta : (tensor<?x128xf32>, tensor<64x128xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %8 = arith.addf %7, %5 : tensor<?x64xf32>
  %9 = transformer.pool mean %8 offsets(%offsets) : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %10 = transformer.l2_normalize %9 {epsilon = 1.0e-12 : f32} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %10 : tensor<?x64xf32>
}
}
