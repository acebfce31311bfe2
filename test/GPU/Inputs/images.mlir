// Patches of images behind a class token.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 7 : i64}} {
ml_program.global private @w(#ml_program.extern : tensor<64x48xf32>) : tensor<64x48xf32>
ml_program.global private @cls(#ml_program.extern : tensor<1x64xf32>) : tensor<1x64xf32>
func.func @forward(%x: tensor<?x3x8x12xf32> {transformer.input = "pixel_values"},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x64xf32> {transformer.output = "y", transformer.rows = "sequences"}) {
  %w = ml_program.global_load_const @w : tensor<64x48xf32>
  %cls = ml_program.global_load_const @cls : tensor<1x64xf32>
  %0 = transformer.patches %x {size = 4 : i64} : (tensor<?x3x8x12xf32>) -> tensor<?x48xf32>
  %1 = transformer.linear %0, %w : (tensor<?x48xf32>, tensor<64x48xf32>) -> tensor<?x64xf32>
  %2 = transformer.prepend %1, %cls {length = 6 : i64} : (tensor<?x64xf32>, tensor<1x64xf32>) -> tensor<?x64xf32>
  %3 = transformer.pool cls %2 offsets(%offsets) : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
}
}
