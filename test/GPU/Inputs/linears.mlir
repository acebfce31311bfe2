// Products of each width of tile and each type.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 32 : i64}} {
ml_program.global private @wide(#ml_program.extern : tensor<50x768xf32>) : tensor<50x768xf32>
ml_program.global private @narrow(#ml_program.extern : tensor<50x48xf32>) : tensor<50x48xf32>
ml_program.global private @in(#ml_program.extern : tensor<768x768xf32>) : tensor<768x768xf32>
ml_program.global private @up(#ml_program.extern : tensor<3072x768xf32>) : tensor<3072x768xf32>
ml_program.global private @down(#ml_program.extern : tensor<40x3072xf32>) : tensor<40x3072xf32>
ml_program.global private @back(#ml_program.extern : tensor<768x3072xf32>) : tensor<768x3072xf32>
ml_program.global private @last(#ml_program.extern : tensor<3072x48xi8>) : tensor<3072x48xi8>
ml_program.global private @scales(#ml_program.extern : tensor<3072xf32>) : tensor<3072xf32>
ml_program.global private @bias(#ml_program.extern : tensor<3072xf32>) : tensor<3072xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x40xf32> {transformer.output = "a", transformer.rows = "tokens"},
        tensor<?x3072xf32> {transformer.output = "b", transformer.rows = "tokens"},
        tensor<?x768xf32> {transformer.output = "c", transformer.rows = "tokens"}) {
  %wide = ml_program.global_load_const @wide : tensor<50x768xf32>
  %narrow = ml_program.global_load_const @narrow : tensor<50x48xf32>
  %in = ml_program.global_load_const @in : tensor<768x768xf32>
  %up = ml_program.global_load_const @up : tensor<3072x768xf32>
  %down = ml_program.global_load_const @down : tensor<40x3072xf32>
  %back = ml_program.global_load_const @back : tensor<768x3072xf32>
  %last = ml_program.global_load_const @last : tensor<3072x48xi8>
  %scales = ml_program.global_load_const @scales : tensor<3072xf32>
  %bias = ml_program.global_load_const @bias : tensor<3072xf32>
  %t = transformer.embedding %ids, %wide : (tensor<?xi32>, tensor<50x768xf32>) -> tensor<?x768xf32>
  %0 = transformer.linear %t, %in : (tensor<?x768xf32>, tensor<768x768xf32>) -> tensor<?x768xf32>
  %1 = transformer.linear %0, %up bias %bias activation gelu
      : (tensor<?x768xf32>, tensor<3072x768xf32>, tensor<3072xf32>) -> tensor<?x3072xf32>
  %2 = transformer.linear %1, %down : (tensor<?x3072xf32>, tensor<40x3072xf32>) -> tensor<?x40xf32>
  %5 = transformer.linear %1, %back : (tensor<?x3072xf32>, tensor<768x3072xf32>) -> tensor<?x768xf32>
  %y = transformer.embedding %ids, %narrow : (tensor<?xi32>, tensor<50x48xf32>) -> tensor<?x48xf32>
  %q, %s = transformer.quantize %y : (tensor<?x48xf32>) -> (tensor<?x48xi8>, tensor<?xf32>)
  %3 = transformer.linear %q, %last bias %bias scales(%s, %scales) activation gelu
      : (tensor<?x48xi8>, tensor<3072x48xi8>, tensor<3072xf32>, tensor<?xf32>, tensor<3072xf32>) -> tensor<?x3072xf32>
  %4 = arith.addf %3, %1 : tensor<?x3072xf32>
  return %2, %4, %5 : tensor<?x40xf32>, tensor<?x3072xf32>, tensor<?x768xf32>
}
}
