// RUN: transformer-opt %s --transformer-fold-weights --split-input-file | FileCheck %s

// CHECK-LABEL: func @transpose
// CHECK: %[[W:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 4.000000e+00], [2.000000e+00, 5.000000e+00], [3.000000e+00, 6.000000e+00]]> : tensor<3x2xf32>
// CHECK-NEXT: return %[[W]]
func.func @transpose() -> tensor<3x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
  return %t : tensor<3x2xf32>
}

// -----

// A weight in bf16, of which a transposed slice is needed: one new weight, in
// f32, and the old one is gone.
// CHECK: ml_program.global private @attn.query.weight(dense_resource<attn.query.weight> : tensor<2x2xf32>) : tensor<2x2xf32>
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @chain
// CHECK-NEXT: %[[W:.*]] = ml_program.global_load_const @attn.query.weight : tensor<2x2xf32>
// CHECK-NEXT: return %[[W]]
// CHECK: attn.query.weight: "0x04000000000000400000C0400000404000001041"
ml_program.global private @attn.weight(dense_resource<w> : tensor<2x4xbf16>) : tensor<2x4xbf16>
func.func @chain() -> tensor<2x2xf32> {
  %w = ml_program.global_load_const @attn.weight : tensor<2x4xbf16>
  %f = arith.extf %w : tensor<2x4xbf16> to tensor<2x4xf32>
  %s = tensor.extract_slice %f[0, 1] [2, 2] [1, 1] : tensor<2x4xf32> to tensor<2x2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %t = linalg.transpose ins(%s : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) permutation = [1, 0] loc("attn.query")
  return %t : tensor<2x2xf32>
}
{-#
  dialect_resources: { builtin: { w: "0x02000000803F0040404080400040C04010410C41" } }
#-}

// -----

// Only the shape changes: the bytes are shared, the name stays.
// CHECK: ml_program.global private @proj.weight(dense_resource<w1> : tensor<1x4xf32>) : tensor<1x4xf32>
// CHECK-LABEL: func @collapse
// CHECK-NEXT: ml_program.global_load_const @proj.weight : tensor<1x4xf32>
ml_program.global private @proj.weight(dense_resource<w1> : tensor<1x2x2xf32>) : tensor<1x2x2xf32>
func.func @collapse() -> tensor<1x4xf32> {
  %w = ml_program.global_load_const @proj.weight : tensor<1x2x2xf32>
  %c = tensor.collapse_shape %w [[0], [1, 2]] : tensor<1x2x2xf32> into tensor<1x4xf32> loc("proj")
  return %c : tensor<1x4xf32>
}
{-#
  dialect_resources: { builtin: { w1: "0x040000000000803F000000400000404000008040" } }
#-}

// -----

// Not known yet, so left alone.
// CHECK-LABEL: func @extern
// CHECK: arith.extf
ml_program.global private @w(#ml_program.extern : tensor<4xf16>) : tensor<4xf16>
func.func @extern() -> tensor<4xf32> {
  %w = ml_program.global_load_const @w : tensor<4xf16>
  %f = arith.extf %w : tensor<4xf16> to tensor<4xf32>
  return %f : tensor<4xf32>
}

// -----

// Activations are no weights.
// CHECK-LABEL: func @activation
// CHECK: arith.extf
func.func @activation(%x: tensor<4xf16>) -> tensor<4xf32> {
  %f = arith.extf %x : tensor<4xf16> to tensor<4xf32>
  return %f : tensor<4xf32>
}
