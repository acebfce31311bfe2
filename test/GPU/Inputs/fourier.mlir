// Fourier transforms of rows and along sequences.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 32 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<50x256xf32>) : tensor<50x256xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x256xf32> {transformer.output = "y", transformer.rows = "tokens"}) {
  %words = ml_program.global_load_const @words : tensor<50x256xf32>
  %0 = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<50x256xf32>) -> tensor<?x256xf32>
  %1 = transformer.fft_mix %0 offsets(%offsets) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  return %1 : tensor<?x256xf32>
}
}
