// The kernels that layer.mlir has no place for: products of wide tiles, of i8
// and of shapes that tensor cores don't take; wide rows, rounded rows, and rows
// that get from others of their sequence; attention of wide heads, causal and
// with heads that share keys, with a mask, and with one query per sequence.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
module attributes {transformer.model = {max_length = 32 : i64}} {
ml_program.global private @words(#ml_program.extern : tensor<50x256xf32>) : tensor<50x256xf32>
ml_program.global private @places(#ml_program.extern : tensor<40x2056xf32>) : tensor<40x2056xf32>
ml_program.global private @factors(#ml_program.extern : tensor<3x256xf32>) : tensor<3x256xf32>
ml_program.global private @gamma(#ml_program.extern : tensor<2056xf32>) : tensor<2056xf32>
ml_program.global private @w8(#ml_program.extern : tensor<256x256xi8>) : tensor<256x256xi8>
ml_program.global private @scales(#ml_program.extern : tensor<256xf32>) : tensor<256xf32>
ml_program.global private @w(#ml_program.extern : tensor<256x256xf32>) : tensor<256x256xf32>
ml_program.global private @narrow(#ml_program.extern : tensor<64x256xf32>) : tensor<64x256xf32>
ml_program.global private @odd(#ml_program.extern : tensor<37x256xf32>) : tensor<37x256xf32>
ml_program.global private @mask(#ml_program.extern : tensor<2x32x32xf32>) : tensor<2x32x32xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x37xf32> {transformer.output = "odd", transformer.rows = "tokens"},
        tensor<?x2056xf32> {transformer.output = "wide", transformer.rows = "tokens"},
        tensor<?x256xf32> {transformer.output = "single", transformer.rows = "sequences"}) {
  %words = ml_program.global_load_const @words : tensor<50x256xf32>
  %places = ml_program.global_load_const @places : tensor<40x2056xf32>
  %factors = ml_program.global_load_const @factors : tensor<3x256xf32>
  %gamma = ml_program.global_load_const @gamma : tensor<2056xf32>
  %w8 = ml_program.global_load_const @w8 : tensor<256x256xi8>
  %scales = ml_program.global_load_const @scales : tensor<256xf32>
  %w = ml_program.global_load_const @w : tensor<256x256xf32>
  %narrow = ml_program.global_load_const @narrow : tensor<64x256xf32>
  %odd = ml_program.global_load_const @odd : tensor<37x256xf32>
  %mask = ml_program.global_load_const @mask : tensor<2x32x32xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  // RoBERTa's positions, and rows of several warps.
  %i = transformer.positions %offsets, %n ids(%ids) {start = 2 : i64, padding_id = 1 : i64}
      : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  %place = transformer.embedding %i, %places : (tensor<?xi32>, tensor<40x2056xf32>) -> tensor<?x2056xf32>
  %wide = transformer.rms_norm %place, %gamma {epsilon = 1.0e-5 : f32} : (tensor<?x2056xf32>, tensor<2056xf32>) -> tensor<?x2056xf32>
  // Rounded rows, i8 products.
  %0 = transformer.embedding %ids, %words : (tensor<?xi32>, tensor<50x256xf32>) -> tensor<?x256xf32>
  %q, %s = transformer.quantize %0 : (tensor<?x256xf32>) -> (tensor<?x256xi8>, tensor<?xf32>)
  %1 = transformer.linear %q, %w8 scales(%s, %scales) : (tensor<?x256xi8>, tensor<256x256xi8>, tensor<?xf32>, tensor<256xf32>) -> tensor<?x256xf32>
  %2 = transformer.linear %1, %w : (tensor<?x256xf32>, tensor<256x256xf32>) -> tensor<?x256xf32>
  // Head dims of 64 and 128.
  %k = transformer.linear %2, %narrow : (tensor<?x256xf32>, tensor<64x256xf32>) -> tensor<?x64xf32>
  %3 = transformer.attention %2, %k, %k offsets(%offsets) {num_heads = 4 : i64, num_kv_heads = 1 : i64, causal}
      : (tensor<?x256xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  %4 = transformer.attention %3, %3, %3 offsets(%offsets) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  %5 = transformer.attention %4, %4, %4 offsets(%offsets) mask(%mask) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>, tensor<?xi32>, tensor<2x32x32xf32>) -> tensor<?x256xf32>
  // Neighbours, and the row of the sequence.
  %mixed = transformer.token_mix %5, %factors offsets(%offsets) : (tensor<?x256xf32>, tensor<3x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  %most = transformer.pool max %5 offsets(%offsets) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  %all = transformer.unpool %most, %n offsets(%offsets) : (tensor<?x256xf32>, index, tensor<?xi32>) -> tensor<?x256xf32>
  %6 = arith.addf %mixed, %all : tensor<?x256xf32>
  %8 = transformer.linear %6, %odd : (tensor<?x256xf32>, tensor<37x256xf32>) -> tensor<?x37xf32>
  // One query per sequence.
  %zero = arith.constant 0 : i32
  %m = tensor.dim %offsets, %c0 : tensor<?xi32>
  %last = arith.index_cast %m : index to i32
  %ends = tensor.from_elements %zero, %last : tensor<2xi32>
  %each = transformer.positions %ends, %m : (tensor<2xi32>, index) -> tensor<?xi32>
  %9 = transformer.attention %most, %6, %6 offsets(%each, %offsets) {num_heads = 4 : i64, num_kv_heads = 4 : i64}
      : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x256xf32>
  return %8, %wide, %9 : tensor<?x37xf32>, tensor<?x2056xf32>, tensor<?x256xf32>
}
}
