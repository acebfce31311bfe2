// Every op in every form, as version 0.1 of the dialect has it. Kept as it is:
// 0.1.mlirbc beside it was written from this text by transformer-opt --emit-bytecode.
func.func @linear_packed(%x: tensor<?x384xf32>, %w: tensor<1536x384xf32>) -> tensor<?x1536xf32> {
  %y = transformer.linear %x, %w : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
func.func @linear_bias_and_activation(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>, %b: tensor<3xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w bias %b activation gelu : (tensor<7x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
func.func @linear_gelu_tanh(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation gelu_tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
func.func @linear_relu(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation relu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
func.func @linear_silu(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation silu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
func.func @linear_tanh(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}
func.func @linear_dense_f16(%x: tensor<?x?x384xf16>, %w: tensor<8x384xf16>, %b: tensor<8xf16>) -> tensor<?x?x8xf16> {
  %y = transformer.linear %x, %w bias %b : (tensor<?x?x384xf16>, tensor<8x384xf16>, tensor<8xf16>) -> tensor<?x?x8xf16>
  return %y : tensor<?x?x8xf16>
}
func.func @linear_static_bf16(%x: tensor<2x5x4xbf16>, %w: tensor<3x4xbf16>) -> tensor<2x5x3xbf16> {
  %y = transformer.linear %x, %w : (tensor<2x5x4xbf16>, tensor<3x4xbf16>) -> tensor<2x5x3xbf16>
  return %y : tensor<2x5x3xbf16>
}
func.func @linear_one_row(%x: tensor<4xf32>, %w: tensor<3x4xf32>) -> tensor<3xf32> {
  %y = transformer.linear %x, %w : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
func.func @linear_dynamic_weight(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>, %b: tensor<?xf32>) -> tensor<?x?xf32> {
  %y = transformer.linear %x, %w bias %b : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
func.func @linear_no_columns(%x: tensor<2x0xf32>, %w: tensor<3x0xf32>) -> tensor<2x3xf32> {
  %y = transformer.linear %x, %w : (tensor<2x0xf32>, tensor<3x0xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
func.func @linear_i8(%x: tensor<?x4xi8>, %w: tensor<3x4xi8>, %xs: tensor<?xf32>, %ws: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
  %y = transformer.linear %x, %w bias %b scales(%xs, %ws) activation relu : (tensor<?x4xi8>, tensor<3x4xi8>, tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
func.func @linear_i8_dense_to_f16(%x: tensor<2x5x4xi8>, %w: tensor<3x4xi8>, %xs: tensor<2x5xf32>, %ws: tensor<3xf32>) -> tensor<2x5x3xf16> {
  %y = transformer.linear %x, %w scales(%xs, %ws) : (tensor<2x5x4xi8>, tensor<3x4xi8>, tensor<2x5xf32>, tensor<3xf32>) -> tensor<2x5x3xf16>
  return %y : tensor<2x5x3xf16>
}
func.func @attention_packed(%q: tensor<?x384xf32>, %o: tensor<?xi32>) -> tensor<?x384xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 12 : i64, num_kv_heads = 12 : i64} : (tensor<?x384xf32>, tensor<?x384xf32>, tensor<?x384xf32>, tensor<?xi32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}
func.func @attention_causal_and_scale(%q: tensor<9x8xf32>, %o: tensor<3xi32>) -> tensor<9x8xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o) {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 2.500000e-01 : f32} : (tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32>, tensor<3xi32>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}
func.func @attention_cross(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.attention %q, %k, %k offsets(%o, %p) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @attention_grouped_heads_wide_values(%q: tensor<?x32xf16>, %k: tensor<?x8xf16>, %v: tensor<?x10xf16>, %o: tensor<?xi32>) -> tensor<?x40xf16> {
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 8 : i64, num_kv_heads = 2 : i64} : (tensor<?x32xf16>, tensor<?x8xf16>, tensor<?x10xf16>, tensor<?xi32>) -> tensor<?x40xf16>
  return %y : tensor<?x40xf16>
}
func.func @attention_packed_bias(%q: tensor<?x8xbf16>, %o: tensor<?xi32>, %m: tensor<2x64x64xbf16>) -> tensor<?x8xbf16> {
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?xi32>, tensor<2x64x64xbf16>) -> tensor<?x8xbf16>
  return %y : tensor<?x8xbf16>
}
func.func @attention_dense(%q: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = transformer.attention %q, %q, %q {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
func.func @attention_key_mask(%q: tensor<2x5x8xf32>, %k: tensor<2x6x8xf32>, %m: tensor<2x6xi1>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %k, %k mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}
func.func @attention_float_key_mask(%q: tensor<2x5x8xf32>, %m: tensor<2x5xf32>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xf32>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}
func.func @attention_full_mask(%q: tensor<2x5x8xf32>, %m: tensor<2x2x5x5xi1>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x2x5x5xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}
func.func @attention_broadcast_mask(%q: tensor<?x?x8xf32>, %m: tensor<1x1x?x?xf32>) -> tensor<?x?x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<1x1x?x?xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
func.func @fft_mix_packed(%x: tensor<?x256xf32>, %o: tensor<?xi32>) -> tensor<?x256xf32> {
  %y = transformer.fft_mix %x offsets(%o) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
func.func @fft_mix_static_f16(%x: tensor<9x8xf16>, %o: tensor<4xi32>) -> tensor<9x8xf16> {
  %y = transformer.fft_mix %x offsets(%o) : (tensor<9x8xf16>, tensor<4xi32>) -> tensor<9x8xf16>
  return %y : tensor<9x8xf16>
}
func.func @fft_mix_dense(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xf32> {
  %y = transformer.fft_mix %x : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32>
  return %y : tensor<?x?x256xf32>
}
func.func @fft_mix_dense_static_bf16(%x: tensor<2x7x8xbf16>) -> tensor<2x7x8xbf16> {
  %y = transformer.fft_mix %x : (tensor<2x7x8xbf16>) -> tensor<2x7x8xbf16>
  return %y : tensor<2x7x8xbf16>
}
func.func @token_mix_channels(%x: tensor<?x64xf32>, %w: tensor<3x64xf32>, %o: tensor<?xi32>) -> tensor<?x64xf32> {
  %y = transformer.token_mix %x, %w offsets(%o) : (tensor<?x64xf32>, tensor<3x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
func.func @token_mix_matrices(%x: tensor<9x4xf16>, %w: tensor<5x4x4xf16>, %o: tensor<3xi32>) -> tensor<9x4xf16> {
  %y = transformer.token_mix %x, %w offsets(%o) : (tensor<9x4xf16>, tensor<5x4x4xf16>, tensor<3xi32>) -> tensor<9x4xf16>
  return %y : tensor<9x4xf16>
}
func.func @token_mix_dense(%x: tensor<?x?x4xf32>, %w: tensor<1x4xf32>) -> tensor<?x?x4xf32> {
  %y = transformer.token_mix %x, %w : (tensor<?x?x4xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
func.func @token_mix_dense_static_bf16(%x: tensor<2x3x4xbf16>, %w: tensor<?x4x4xbf16>) -> tensor<2x3x4xbf16> {
  %y = transformer.token_mix %x, %w : (tensor<2x3x4xbf16>, tensor<?x4x4xbf16>) -> tensor<2x3x4xbf16>
  return %y : tensor<2x3x4xbf16>
}
func.func @quantize_dynamic(%x: tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>) {
  %y, %z = transformer.quantize %x : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
  return %y, %z : tensor<?x384xi8>, tensor<?xf32>
}
func.func @quantize_dense_f16(%x: tensor<2x3x4xf16>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>) {
  %y, %z = transformer.quantize %x : (tensor<2x3x4xf16>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>)
  return %y, %z : tensor<2x3x4xi8>, tensor<2x3xf32>
}
func.func @quantize_multiplier(%x: tensor<?x4xf32>, %m: tensor<4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>) {
  %y, %z = transformer.quantize %x multiplier %m : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return %y, %z : tensor<?x4xi8>, tensor<?xf32>
}
func.func @quantize_static_scale(%x: tensor<?x?x4xbf16>, %m: tensor<4xbf16>, %s: tensor<f32>) -> (tensor<?x?x4xi8>, tensor<?x?xf32>) {
  %y, %z = transformer.quantize %x multiplier %m scale(%s) : (tensor<?x?x4xbf16>, tensor<4xbf16>, tensor<f32>) -> (tensor<?x?x4xi8>, tensor<?x?xf32>)
  return %y, %z : tensor<?x?x4xi8>, tensor<?x?xf32>
}
func.func @quantize_one_row(%x: tensor<4xf32>) -> (tensor<4xi8>, tensor<f32>) {
  %y, %z = transformer.quantize %x : (tensor<4xf32>) -> (tensor<4xi8>, tensor<f32>)
  return %y, %z : tensor<4xi8>, tensor<f32>
}
func.func @quantize_back(%q: tensor<?x384xi8>, %s: tensor<?xf32>) -> tensor<?x384xf32> {
  %y = transformer.dequantize %q, %s : (tensor<?x384xi8>, tensor<?xf32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}
func.func @quantize_back_to_f16(%q: tensor<2x3x4xi8>, %s: tensor<2x3xf32>) -> tensor<2x3x4xf16> {
  %y = transformer.dequantize %q, %s : (tensor<2x3x4xi8>, tensor<2x3xf32>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @quantize_one_row_back(%q: tensor<4xi8>, %s: tensor<f32>) -> tensor<4xbf16> {
  %y = transformer.dequantize %q, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}
func.func @embedding_packed(%i: tensor<?xi32>, %t: tensor<30522x384xf32>) -> tensor<?x384xf32> {
  %y = transformer.embedding %i, %t : (tensor<?xi32>, tensor<30522x384xf32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}
func.func @embedding_dense_i64(%i: tensor<2x?xi64>, %t: tensor<?x8xf16>) -> tensor<2x?x8xf16> {
  %y = transformer.embedding %i, %t : (tensor<2x?xi64>, tensor<?x8xf16>) -> tensor<2x?x8xf16>
  return %y : tensor<2x?x8xf16>
}
func.func @embedding_one_id(%i: tensor<i32>, %t: tensor<9x8xbf16>) -> tensor<8xbf16> {
  %y = transformer.embedding %i, %t : (tensor<i32>, tensor<9x8xbf16>) -> tensor<8xbf16>
  return %y : tensor<8xbf16>
}
func.func @embedding_i8(%i: tensor<?xi32>, %t: tensor<9x8xi8>, %s: tensor<9xf32>) -> tensor<?x8xf32> {
  %y = transformer.embedding %i, %t scales(%s) : (tensor<?xi32>, tensor<9x8xi8>, tensor<9xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @embedding_positions(%o: tensor<?xi32>, %n: index) -> tensor<?xi32> {
  %y = transformer.positions %o, %n : (tensor<?xi32>, index) -> tensor<?xi32>
  return %y : tensor<?xi32>
}
func.func @embedding_positions_from(%o: tensor<3xi32>, %n: index) -> tensor<7xi32> {
  %y = transformer.positions %o, %n {start = 2 : i64} : (tensor<3xi32>, index) -> tensor<7xi32>
  return %y : tensor<7xi32>
}
func.func @embedding_positions_of_ids(%o: tensor<?xi32>, %n: index, %i: tensor<?xi32>) -> tensor<?xi32> {
  %y = transformer.positions %o, %n ids(%i) {padding_id = 1 : i64, start = 2 : i64} : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  return %y : tensor<?xi32>
}
func.func @norms_layer_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.layer_norm %x, %w {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @norms_layer_norm_bias(%x: tensor<2x3x4xf16>, %w: tensor<4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.layer_norm %x, %w, %w {epsilon = 0.000000e+00 : f32} : (tensor<2x3x4xf16>, tensor<4xf16>, tensor<4xf16>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @norms_layer_norm_residual(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.layer_norm %x, %w, %w residual(%x) {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @norms_layer_norm_residual_alone(%x: tensor<4xbf16>, %w: tensor<4xbf16>) -> tensor<4xbf16> {
  %y = transformer.layer_norm %x, %w residual(%x) {epsilon = 9.99999974E-6 : f32} : (tensor<4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}
func.func @norms_rms_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.rms_norm %x, %w {epsilon = 9.99999974E-6 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @norms_rms_norm_residual(%x: tensor<?x?x4xf32>, %w: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %y = transformer.rms_norm %x, %w residual(%x) {epsilon = 9.99999974E-6 : f32} : (tensor<?x?x4xf32>, tensor<4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
func.func @norms_l2_normalize(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.l2_normalize %x {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @norms_l2_normalize_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.l2_normalize %x {epsilon = 0.000000e+00 : f32} : (tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_gelu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @activations_gelu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.gelu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_gelu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.gelu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}
func.func @activations_gelu_tanh_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu_tanh %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @activations_gelu_tanh_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.gelu_tanh %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_gelu_tanh_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.gelu_tanh %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}
func.func @activations_relu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.relu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @activations_relu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.relu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_relu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.relu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}
func.func @activations_silu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.silu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @activations_silu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.silu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_silu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.silu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}
func.func @activations_tanh_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.tanh %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @activations_tanh_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.tanh %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
func.func @activations_tanh_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.tanh %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}
func.func @activations_scalar(%x: tensor<f32>) -> tensor<f32> {
  %y = transformer.tanh %x : tensor<f32>
  return %y : tensor<f32>
}
func.func @activations_observe(%x: tensor<?x4xf32>) {
  transformer.observe %x site "encoder.layer.0" : tensor<?x4xf32>
  return
}
func.func @rope_packed(%x: tensor<?x768xf32>, %p: tensor<?xi32>) -> tensor<?x768xf32> {
  %y = transformer.rope %x, %p {num_heads = 12 : i64, theta = 1.000000e+04 : f32} : (tensor<?x768xf32>, tensor<?xi32>) -> tensor<?x768xf32>
  return %y : tensor<?x768xf32>
}
func.func @rope_dense_i64(%x: tensor<2x?x8xf16>, %p: tensor<2x?xi64>) -> tensor<2x?x8xf16> {
  %y = transformer.rope %x, %p {num_heads = 2 : i64, theta = 1.000000e+04 : f32} : (tensor<2x?x8xf16>, tensor<2x?xi64>) -> tensor<2x?x8xf16>
  return %y : tensor<2x?x8xf16>
}
func.func @rope_part_interleaved(%x: tensor<5x8xbf16>, %p: tensor<5xi32>) -> tensor<5x8xbf16> {
  %y = transformer.rope %x, %p {interleaved, num_heads = 2 : i64, rotary_dim = 2 : i64, theta = 1.000000e+04 : f32} : (tensor<5x8xbf16>, tensor<5xi32>) -> tensor<5x8xbf16>
  return %y : tensor<5x8xbf16>
}
func.func @pooling_mean(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.pool mean %x offsets(%o) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @pooling_cls(%x: tensor<9x4xf16>, %o: tensor<3xi32>) -> tensor<2x4xf16> {
  %y = transformer.pool cls %x offsets(%o) : (tensor<9x4xf16>, tensor<3xi32>) -> tensor<2x4xf16>
  return %y : tensor<2x4xf16>
}
func.func @pooling_max(%x: tensor<?x4xbf16>, %o: tensor<?xi32>) -> tensor<?x4xbf16> {
  %y = transformer.pool max %x offsets(%o) : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
  return %y : tensor<?x4xbf16>
}
func.func @pooling_dense(%x: tensor<?x?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.pool mean %x : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @pooling_dense_mask(%x: tensor<2x3x4xf32>, %m: tensor<2x3xi1>) -> tensor<2x4xf32> {
  %y = transformer.pool max %x mask(%m) : (tensor<2x3x4xf32>, tensor<2x3xi1>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
func.func @pooling_unpool(%x: tensor<?x4xf32>, %n: index, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.unpool %x, %n offsets(%o) : (tensor<?x4xf32>, index, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @pooling_unpool_static(%x: tensor<2x4xf16>, %n: index, %o: tensor<3xi32>) -> tensor<9x4xf16> {
  %y = transformer.unpool %x, %n offsets(%o) : (tensor<2x4xf16>, index, tensor<3xi32>) -> tensor<9x4xf16>
  return %y : tensor<9x4xf16>
}
func.func @pooling_unpool_dense(%x: tensor<2x4xbf16>, %n: index) -> tensor<2x?x4xbf16> {
  %y = transformer.unpool %x, %n : (tensor<2x4xbf16>, index) -> tensor<2x?x4xbf16>
  return %y : tensor<2x?x4xbf16>
}
func.func @images_patches(%x: tensor<?x3x224x224xf32>) -> tensor<?x768xf32> {
  %y = transformer.patches %x {size = 16 : i64} : (tensor<?x3x224x224xf32>) -> tensor<?x768xf32>
  return %y : tensor<?x768xf32>
}
func.func @images_patches_static(%x: tensor<2x1x4x6xf16>) -> tensor<12x4xf16> {
  %y = transformer.patches %x {size = 2 : i64} : (tensor<2x1x4x6xf16>) -> tensor<12x4xf16>
  return %y : tensor<12x4xf16>
}
func.func @images_prepend(%x: tensor<?x4xf32>, %r: tensor<1x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.prepend %x, %r {length = 196 : i64} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func @images_prepend_static(%x: tensor<6x4xbf16>, %r: tensor<2x4xbf16>) -> tensor<10x4xbf16> {
  %y = transformer.prepend %x, %r {length = 3 : i64} : (tensor<6x4xbf16>, tensor<2x4xbf16>) -> tensor<10x4xbf16>
  return %y : tensor<10x4xbf16>
}
