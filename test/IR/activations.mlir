// Parses and prints the elementwise ops, and observe.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @gelu_f32(
// CHECK: transformer.gelu %{{.*}} : tensor<?x4xf32>
func.func @gelu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @gelu_f16(
// CHECK: transformer.gelu %{{.*}} : tensor<2x3x4xf16>
func.func @gelu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.gelu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @gelu_bf16(
// CHECK: transformer.gelu %{{.*}} : tensor<?x?x4xbf16>
func.func @gelu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.gelu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @gelu_tanh_f32(
// CHECK: transformer.gelu_tanh %{{.*}} : tensor<?x4xf32>
func.func @gelu_tanh_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu_tanh %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @gelu_tanh_f16(
// CHECK: transformer.gelu_tanh %{{.*}} : tensor<2x3x4xf16>
func.func @gelu_tanh_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.gelu_tanh %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @gelu_tanh_bf16(
// CHECK: transformer.gelu_tanh %{{.*}} : tensor<?x?x4xbf16>
func.func @gelu_tanh_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.gelu_tanh %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @relu_f32(
// CHECK: transformer.relu %{{.*}} : tensor<?x4xf32>
func.func @relu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.relu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @relu_f16(
// CHECK: transformer.relu %{{.*}} : tensor<2x3x4xf16>
func.func @relu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.relu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @relu_bf16(
// CHECK: transformer.relu %{{.*}} : tensor<?x?x4xbf16>
func.func @relu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.relu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @silu_f32(
// CHECK: transformer.silu %{{.*}} : tensor<?x4xf32>
func.func @silu_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.silu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @silu_f16(
// CHECK: transformer.silu %{{.*}} : tensor<2x3x4xf16>
func.func @silu_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.silu %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @silu_bf16(
// CHECK: transformer.silu %{{.*}} : tensor<?x?x4xbf16>
func.func @silu_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.silu %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @tanh_f32(
// CHECK: transformer.tanh %{{.*}} : tensor<?x4xf32>
func.func @tanh_f32(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.tanh %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @tanh_f16(
// CHECK: transformer.tanh %{{.*}} : tensor<2x3x4xf16>
func.func @tanh_f16(%x: tensor<2x3x4xf16>) -> tensor<2x3x4xf16> {
  %y = transformer.tanh %x : tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @tanh_bf16(
// CHECK: transformer.tanh %{{.*}} : tensor<?x?x4xbf16>
func.func @tanh_bf16(%x: tensor<?x?x4xbf16>) -> tensor<?x?x4xbf16> {
  %y = transformer.tanh %x : tensor<?x?x4xbf16>
  return %y : tensor<?x?x4xbf16>
}

// CHECK-LABEL: func.func @scalar(
// CHECK: transformer.tanh %{{.*}} : tensor<f32>
func.func @scalar(%x: tensor<f32>) -> tensor<f32> {
  %y = transformer.tanh %x : tensor<f32>
  return %y : tensor<f32>
}

// CHECK: transformer.observe %{{.*}} site "encoder.layer.0" : tensor<?x4xf32>
func.func @observe(%x: tensor<?x4xf32>) {
  transformer.observe %x site "encoder.layer.0" : tensor<?x4xf32>
  return
}
