// What folds: only rewrites that change no number.
// RUN: transformer-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @bias_of_zeros
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<3x4xf32>)
func.func @bias_of_zeros(%x: tensor<?x4xf32>, %w: tensor<3x4xf32>) -> tensor<?x3xf32> {
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %y = transformer.linear %x, %w bias %zero : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @negative_bias_not_all_zeros
// CHECK: transformer.linear {{.*}} bias
func.func @negative_bias_not_all_zeros(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) -> tensor<?x2xf32> {
  %b = arith.constant dense<[0.0, 1.0]> : tensor<2xf32>
  %y = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @mask_of_ones
// CHECK-NOT: mask(
func.func @mask_of_ones(%q: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %m = arith.constant dense<true> : tensor<2x5xi1>
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// CHECK-LABEL: func.func @mask_adds_zeros
// CHECK-NOT: mask(
func.func @mask_adds_zeros(%q: tensor<?x8xf32>, %o: tensor<?xi32>) -> tensor<?x8xf32> {
  %m = arith.constant dense<0.0> : tensor<2x9x9xf32>
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<2x9x9xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @negative_mask_hides_all
// CHECK: mask(
func.func @negative_mask_hides_all(%q: tensor<2x5x8xf32>) -> tensor<2x5x8xf32> {
  %m = arith.constant dense<false> : tensor<2x5xi1>
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// CHECK-LABEL: func.func @same_offsets_and_default_scale
// CHECK-SAME: %[[O:[a-z0-9]+]]: tensor<?xi32>)
// CHECK: offsets(%[[O]]) {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64}
func.func @same_offsets_and_default_scale(%q: tensor<?x8xf32>, %o: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o, %o) {num_heads = 2, num_kv_heads = 2, scale = 0.5 : f32, causal}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @negative_other_scale
// CHECK: scale = 4.999
func.func @negative_other_scale(%q: tensor<?x8xf32>, %o: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2, scale = 4.9999 : f32}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @norm_operands_of_zeros
// CHECK: transformer.layer_norm %{{[^,]*}}, %{{[^,]*}} {epsilon
// CHECK: transformer.rms_norm %{{[^,]*}}, %{{[^,]*}} {epsilon
func.func @norm_operands_of_zeros(%x: tensor<2x4xf32>, %w: tensor<4xf32>) -> tensor<2x4xf32> {
  %b = arith.constant dense<0.0> : tensor<4xf32>
  %r = arith.constant dense<0.0> : tensor<2x4xf32>
  %y = transformer.layer_norm %x, %w, %b residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %z = transformer.rms_norm %y, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %z : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @relu_again
// CHECK-COUNT-1: transformer.relu
// CHECK-NOT: transformer.relu
func.func @relu_again(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.relu %x : tensor<?x4xf32>
  %z = transformer.relu %y : tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @relu_after_linear
// CHECK: %[[Y:.*]] = transformer.linear {{.*}} activation relu
// CHECK-NEXT: return %[[Y]]
func.func @relu_after_linear(%x: tensor<?x4xf32>, %w: tensor<3x4xf32>) -> tensor<?x3xf32> {
  %y = transformer.linear %x, %w activation relu : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %z = transformer.relu %y : tensor<?x3xf32>
  return %z : tensor<?x3xf32>
}

// The second division would be by a rounded 1, and by epsilon for short rows.
// CHECK-LABEL: func.func @negative_l2_normalize_again
// CHECK-COUNT-2: transformer.l2_normalize
func.func @negative_l2_normalize_again(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.l2_normalize %x {epsilon = 1.0e-12 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %z = transformer.l2_normalize %y {epsilon = 1.0e-12 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @negative_quantization_loses
// CHECK: transformer.quantize
// CHECK: transformer.dequantize
func.func @negative_quantization_loses(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %q, %s = transformer.quantize %x : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  %y = transformer.dequantize %q, %s : (tensor<?x4xi8>, tensor<?xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @multiplier_of_ones
// CHECK: transformer.quantize %{{[^ ]*}} : (tensor<?x4xf16>)
func.func @multiplier_of_ones(%x: tensor<?x4xf16>) -> (tensor<?x4xi8>, tensor<?xf32>) {
  %m = arith.constant dense<1.0> : tensor<4xf16>
  %q, %s = transformer.quantize %x multiplier %m : (tensor<?x4xf16>, tensor<4xf16>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return %q, %s : tensor<?x4xi8>, tensor<?xf32>
}

// CHECK-LABEL: func.func @pool_mask_of_ones
// CHECK-NOT: mask(
func.func @pool_mask_of_ones(%x: tensor<2x3x4xf32>) -> tensor<2x4xf32> {
  %m = arith.constant dense<true> : tensor<2x3xi1>
  %y = transformer.pool mean %x mask(%m) : (tensor<2x3x4xf32>, tensor<2x3xi1>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @rotary_dim_of_whole_head
// CHECK-NOT: rotary_dim
func.func @rotary_dim_of_whole_head(%x: tensor<?x8xf32>, %p: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.rope %x, %p {num_heads = 2, rotary_dim = 4, theta = 1.0e4 : f32}
      : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// An unused value costs nothing; what the profiler is handed stays.
// CHECK-LABEL: func.func @unused
// CHECK-NEXT: transformer.observe
// CHECK-NEXT: return
func.func @unused(%x: tensor<?x8xf32>) {
  %y = transformer.gelu %x : tensor<?x8xf32>
  transformer.observe %x site "here" : tensor<?x8xf32>
  return
}

// CHECK-LABEL: func.func @all_columns
// CHECK-NOT: transformer.select
func.func @all_columns(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %i = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %y = transformer.select %x, %i : (tensor<?x3xf32>, tensor<3xi32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @negative_other_order
// CHECK: transformer.select
func.func @negative_other_order(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %i = arith.constant dense<[0, 2, 1]> : tensor<3xi32>
  %y = transformer.select %x, %i : (tensor<?x3xf32>, tensor<3xi32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
