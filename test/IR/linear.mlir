// Parses and prints linear in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
func.func @packed(%x: tensor<?x384xf32>, %w: tensor<1536x384xf32>) -> tensor<?x1536xf32> {
  %y = transformer.linear %x, %w : (tensor<?x384xf32>, tensor<1536x384xf32>) -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}

// CHECK-LABEL: func.func @bias_and_activation(
// CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} activation gelu : (tensor<7x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<7x3xf32>
func.func @bias_and_activation(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>, %b: tensor<3xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w bias %b activation gelu
      : (tensor<7x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// CHECK-LABEL: func.func @gelu_tanh(
// CHECK: transformer.linear %{{.*}}, %{{.*}} activation gelu_tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
func.func @gelu_tanh(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation gelu_tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// CHECK-LABEL: func.func @relu(
// CHECK: transformer.linear %{{.*}}, %{{.*}} activation relu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
func.func @relu(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation relu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// CHECK-LABEL: func.func @silu(
// CHECK: transformer.linear %{{.*}}, %{{.*}} activation silu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
func.func @silu(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation silu : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// CHECK-LABEL: func.func @tanh(
// CHECK: transformer.linear %{{.*}}, %{{.*}} activation tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
func.func @tanh(%x: tensor<7x4xf32>, %w: tensor<3x4xf32>) -> tensor<7x3xf32> {
  %y = transformer.linear %x, %w activation tanh : (tensor<7x4xf32>, tensor<3x4xf32>) -> tensor<7x3xf32>
  return %y : tensor<7x3xf32>
}

// CHECK-LABEL: func.func @dense_f16(
// CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x?x384xf16>, tensor<8x384xf16>, tensor<8xf16>) -> tensor<?x?x8xf16>
func.func @dense_f16(%x: tensor<?x?x384xf16>, %w: tensor<8x384xf16>, %b: tensor<8xf16>) -> tensor<?x?x8xf16> {
  %y = transformer.linear %x, %w bias %b
      : (tensor<?x?x384xf16>, tensor<8x384xf16>, tensor<8xf16>) -> tensor<?x?x8xf16>
  return %y : tensor<?x?x8xf16>
}

// CHECK-LABEL: func.func @static_bf16(
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<2x5x4xbf16>, tensor<3x4xbf16>) -> tensor<2x5x3xbf16>
func.func @static_bf16(%x: tensor<2x5x4xbf16>, %w: tensor<3x4xbf16>) -> tensor<2x5x3xbf16> {
  %y = transformer.linear %x, %w : (tensor<2x5x4xbf16>, tensor<3x4xbf16>) -> tensor<2x5x3xbf16>
  return %y : tensor<2x5x3xbf16>
}

// CHECK-LABEL: func.func @bf16_to_f32(
// CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} activation gelu : (tensor<?x4xbf16>, tensor<3x4xbf16>, tensor<3xf32>) -> tensor<?x3xf32>
func.func @bf16_to_f32(%x: tensor<?x4xbf16>, %w: tensor<3x4xbf16>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
  %y = transformer.linear %x, %w bias %b activation gelu
      : (tensor<?x4xbf16>, tensor<3x4xbf16>, tensor<3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @f16_to_f32(
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<2x?x4xf16>, tensor<3x4xf16>) -> tensor<2x?x3xf32>
func.func @f16_to_f32(%x: tensor<2x?x4xf16>, %w: tensor<3x4xf16>) -> tensor<2x?x3xf32> {
  %y = transformer.linear %x, %w : (tensor<2x?x4xf16>, tensor<3x4xf16>) -> tensor<2x?x3xf32>
  return %y : tensor<2x?x3xf32>
}

// CHECK-LABEL: func.func @one_row(
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
func.func @one_row(%x: tensor<4xf32>, %w: tensor<3x4xf32>) -> tensor<3xf32> {
  %y = transformer.linear %x, %w : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: func.func @dynamic_weight(
// CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
func.func @dynamic_weight(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>, %b: tensor<?xf32>) -> tensor<?x?xf32> {
  %y = transformer.linear %x, %w bias %b
      : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @no_columns(
// CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<2x0xf32>, tensor<3x0xf32>) -> tensor<2x3xf32>
func.func @no_columns(%x: tensor<2x0xf32>, %w: tensor<3x0xf32>) -> tensor<2x3xf32> {
  %y = transformer.linear %x, %w : (tensor<2x0xf32>, tensor<3x0xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @i8(
// CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} scales(%{{.*}}, %{{.*}}) activation relu : (tensor<?x4xi8>, tensor<3x4xi8>, tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
func.func @i8(%x: tensor<?x4xi8>, %w: tensor<3x4xi8>, %xs: tensor<?xf32>, %ws: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
  %y = transformer.linear %x, %w bias %b scales(%xs, %ws) activation relu
      : (tensor<?x4xi8>, tensor<3x4xi8>, tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @i8_dense_to_f16(
// CHECK: transformer.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) : (tensor<2x5x4xi8>, tensor<3x4xi8>, tensor<2x5xf32>, tensor<3xf32>) -> tensor<2x5x3xf16>
func.func @i8_dense_to_f16(%x: tensor<2x5x4xi8>, %w: tensor<3x4xi8>, %xs: tensor<2x5xf32>, %ws: tensor<3xf32>) -> tensor<2x5x3xf16> {
  %y = transformer.linear %x, %w scales(%xs, %ws)
      : (tensor<2x5x4xi8>, tensor<3x4xi8>, tensor<2x5xf32>, tensor<3xf32>) -> tensor<2x5x3xf16>
  return %y : tensor<2x5x3xf16>
}
