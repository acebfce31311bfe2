// Parses and prints token_mix in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @channels(
// CHECK: transformer.token_mix %{{.*}}, %{{.*}} offsets(%{{.*}}) : (tensor<?x64xf32>, tensor<3x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
func.func @channels(%x: tensor<?x64xf32>, %w: tensor<3x64xf32>, %o: tensor<?xi32>) -> tensor<?x64xf32> {
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x64xf32>, tensor<3x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @matrices(
// CHECK: transformer.token_mix %{{.*}}, %{{.*}} offsets(%{{.*}}) : (tensor<9x4xf16>, tensor<5x4x4xf16>, tensor<3xi32>) -> tensor<9x4xf16>
func.func @matrices(%x: tensor<9x4xf16>, %w: tensor<5x4x4xf16>, %o: tensor<3xi32>) -> tensor<9x4xf16> {
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<9x4xf16>, tensor<5x4x4xf16>, tensor<3xi32>) -> tensor<9x4xf16>
  return %y : tensor<9x4xf16>
}

// CHECK-LABEL: func.func @dense(
// CHECK: transformer.token_mix %{{.*}}, %{{.*}} : (tensor<?x?x4xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
func.func @dense(%x: tensor<?x?x4xf32>, %w: tensor<1x4xf32>) -> tensor<?x?x4xf32> {
  %y = transformer.token_mix %x, %w : (tensor<?x?x4xf32>, tensor<1x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @dense_static_bf16(
// CHECK: transformer.token_mix %{{.*}}, %{{.*}} : (tensor<2x3x4xbf16>, tensor<?x4x4xbf16>) -> tensor<2x3x4xbf16>
func.func @dense_static_bf16(%x: tensor<2x3x4xbf16>, %w: tensor<?x4x4xbf16>) -> tensor<2x3x4xbf16> {
  %y = transformer.token_mix %x, %w : (tensor<2x3x4xbf16>, tensor<?x4x4xbf16>) -> tensor<2x3x4xbf16>
  return %y : tensor<2x3x4xbf16>
}
