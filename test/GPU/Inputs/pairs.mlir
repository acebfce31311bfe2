// Two linears in a row, as factors of low rank are: of f16 with a bias, an
// activation and a residual, and of i8, which is rounded between them.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 32 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<50x384xf32>) : tensor<50x384xf32>
ml_program.global private @down(#ml_program.extern : tensor<96x384xf32>) : tensor<96x384xf32>
ml_program.global private @up(#ml_program.extern : tensor<384x96xf32>) : tensor<384x96xf32>
ml_program.global private @bias(#ml_program.extern : tensor<384xf32>) : tensor<384xf32>
ml_program.global private @narrow(#ml_program.extern : tensor<64x384xf32>) : tensor<64x384xf32>
ml_program.global private @wide(#ml_program.extern : tensor<64x64xf32>) : tensor<64x64xf32>
ml_program.global private @down8(#ml_program.extern : tensor<160x384xi8>) : tensor<160x384xi8>
ml_program.global private @up8(#ml_program.extern : tensor<384x160xi8>) : tensor<384x160xi8>
ml_program.global private @down_scales(#ml_program.extern : tensor<160xf32>) : tensor<160xf32>
ml_program.global private @up_scales(#ml_program.extern : tensor<384xf32>) : tensor<384xf32>
ml_program.global private @down_bias(#ml_program.extern : tensor<160xf32>) : tensor<160xf32>
ml_program.global private @multiplier(#ml_program.extern : tensor<160xf32>) : tensor<160xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x64xf32> {transformer.output = "wide", transformer.rows = "tokens"}) {
  %words = ml_program.global_load_const @words : tensor<50x384xf32>
  %down = ml_program.global_load_const @down : tensor<96x384xf32>
  %up = ml_program.global_load_const @up : tensor<384x96xf32>
  %bias = ml_program.global_load_const @bias : tensor<384xf32>
  %narrow = ml_program.global_load_const @narrow : tensor<64x384xf32>
  %wide = ml_program.global_load_const @wide : tensor<64x64xf32>
  %down8 = ml_program.global_load_const @down8 : tensor<160x384xi8>
  %up8 = ml_program.global_load_const @up8 : tensor<384x160xi8>
  %down_scales = ml_program.global_load_const @down_scales : tensor<160xf32>
  %up_scales = ml_program.global_load_const @up_scales : tensor<384xf32>
  %down_bias = ml_program.global_load_const @down_bias : tensor<160xf32>
  %multiplier = ml_program.global_load_const @multiplier : tensor<160xf32>
  %x = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<50x384xf32>) -> tensor<?x384xf32>
  %0 = transformer.linear %x, %down : (tensor<?x384xf32>, tensor<96x384xf32>) -> tensor<?x96xf32>
  %1 = transformer.linear %0, %up bias %bias activation gelu : (tensor<?x96xf32>, tensor<384x96xf32>, tensor<384xf32>) -> tensor<?x384xf32>
  %2 = arith.addf %1, %x : tensor<?x384xf32>
  %q, %s = transformer.quantize %2 : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
  %3 = transformer.linear %q, %down8 bias %down_bias scales(%s, %down_scales) : (tensor<?x384xi8>, tensor<160x384xi8>, tensor<160xf32>, tensor<?xf32>, tensor<160xf32>) -> tensor<?x160xf32>
  %q3, %s3 = transformer.quantize %3 multiplier %multiplier : (tensor<?x160xf32>, tensor<160xf32>) -> (tensor<?x160xi8>, tensor<?xf32>)
  %4 = transformer.linear %q3, %up8 bias %bias scales(%s3, %up_scales) : (tensor<?x160xi8>, tensor<384x160xi8>, tensor<384xf32>, tensor<?xf32>, tensor<384xf32>) -> tensor<?x384xf32>
  // Narrow tiles of both products.
  %5 = transformer.linear %4, %narrow : (tensor<?x384xf32>, tensor<64x384xf32>) -> tensor<?x64xf32>
  %6 = transformer.linear %5, %wide : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %6 : tensor<?x64xf32>
}
}
