// Parses and prints rope in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: transformer.rope %{{.*}}, %{{.*}} {num_heads = 12 : i64, theta = 1.000000e+04 : f32} : (tensor<?x768xf32>, tensor<?xi32>) -> tensor<?x768xf32>
func.func @packed(%x: tensor<?x768xf32>, %p: tensor<?xi32>) -> tensor<?x768xf32> {
  %y = transformer.rope %x, %p {num_heads = 12 : i64, theta = 1.000000e+04 : f32}
      : (tensor<?x768xf32>, tensor<?xi32>) -> tensor<?x768xf32>
  return %y : tensor<?x768xf32>
}

// CHECK-LABEL: func.func @dense_i64(
// CHECK: transformer.rope %{{.*}}, %{{.*}} {num_heads = 2 : i64, theta = 1.000000e+04 : f32} : (tensor<2x?x8xf16>, tensor<2x?xi64>) -> tensor<2x?x8xf16>
func.func @dense_i64(%x: tensor<2x?x8xf16>, %p: tensor<2x?xi64>) -> tensor<2x?x8xf16> {
  %y = transformer.rope %x, %p {num_heads = 2 : i64, theta = 1.000000e+04 : f32}
      : (tensor<2x?x8xf16>, tensor<2x?xi64>) -> tensor<2x?x8xf16>
  return %y : tensor<2x?x8xf16>
}

// CHECK-LABEL: func.func @part_interleaved(
// CHECK: transformer.rope %{{.*}}, %{{.*}} {interleaved, num_heads = 2 : i64, rotary_dim = 2 : i64, theta = 1.000000e+04 : f32} : (tensor<5x8xbf16>, tensor<5xi32>) -> tensor<5x8xbf16>
func.func @part_interleaved(%x: tensor<5x8xbf16>, %p: tensor<5xi32>) -> tensor<5x8xbf16> {
  %y = transformer.rope %x, %p {interleaved, num_heads = 2 : i64, rotary_dim = 2 : i64, theta = 1.000000e+04 : f32}
      : (tensor<5x8xbf16>, tensor<5xi32>) -> tensor<5x8xbf16>
  return %y : tensor<5x8xbf16>
}
