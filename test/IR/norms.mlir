// Parses and prints layer_norm, rms_norm and l2_normalize in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @layer_norm(
// CHECK: transformer.layer_norm %{{.*}}, %{{.*}} {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
func.func @layer_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.layer_norm %x, %w {epsilon = 9.99999996E-13 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @layer_norm_bias(
// CHECK: transformer.layer_norm %{{.*}}, %{{.*}}, %{{.*}} {epsilon = 0.000000e+00 : f32} : (tensor<2x3x4xf16>, tensor<4xf16>, tensor<4xf16>) -> tensor<2x3x4xf16>
func.func @layer_norm_bias(%x: tensor<2x3x4xf16>, %w: tensor<4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.layer_norm %x, %w, %w {epsilon = 0.000000e+00 : f32}
      : (tensor<2x3x4xf16>, tensor<4xf16>, tensor<4xf16>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @layer_norm_residual(
// CHECK: transformer.layer_norm %{{.*}}, %{{.*}}, %{{.*}} residual(%{{.*}}) {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @layer_norm_residual(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.layer_norm %x, %w, %w residual(%x) {epsilon = 9.99999996E-13 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @layer_norm_residual_alone(
// CHECK: transformer.layer_norm %{{.*}}, %{{.*}} residual(%{{.*}}) {epsilon = 9.99999974E-6 : f32} : (tensor<4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> tensor<4xbf16>
func.func @layer_norm_residual_alone(%x: tensor<4xbf16>, %w: tensor<4xbf16>) -> tensor<4xbf16> {
  %y = transformer.layer_norm %x, %w residual(%x) {epsilon = 9.99999974E-6 : f32}
      : (tensor<4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// CHECK-LABEL: func.func @rms_norm(
// CHECK: transformer.rms_norm %{{.*}}, %{{.*}} {epsilon = 9.99999974E-6 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
func.func @rms_norm(%x: tensor<?x4xf32>, %w: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.rms_norm %x, %w {epsilon = 9.99999974E-6 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @rms_norm_residual(
// CHECK: transformer.rms_norm %{{.*}}, %{{.*}} residual(%{{.*}}) {epsilon = 9.99999974E-6 : f32} : (tensor<?x?x4xf32>, tensor<4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
func.func @rms_norm_residual(%x: tensor<?x?x4xf32>, %w: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %y = transformer.rms_norm %x, %w residual(%x) {epsilon = 9.99999974E-6 : f32}
      : (tensor<?x?x4xf32>, tensor<4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK-LABEL: func.func @l2_normalize(
// CHECK: transformer.l2_normalize %{{.*}} {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @l2_normalize(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.l2_normalize %x {epsilon = 9.99999996E-13 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @l2_normalize_f16(
// CHECK: transformer.l2_normalize %{{.*}} {epsilon = 0.000000e+00 : f32} : (tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
func.func @l2_normalize_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.l2_normalize %x {epsilon = 0.000000e+00 : f32} : (tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}
