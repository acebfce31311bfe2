// Parses and prints patches and prepend in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @patches(
// CHECK: transformer.patches %{{.*}} {size = 16 : i64} : (tensor<?x3x224x224xf32>) -> tensor<?x768xf32>
func.func @patches(%x: tensor<?x3x224x224xf32>) -> tensor<?x768xf32> {
  %y = transformer.patches %x {size = 16 : i64} : (tensor<?x3x224x224xf32>) -> tensor<?x768xf32>
  return %y : tensor<?x768xf32>
}

// CHECK-LABEL: func.func @patches_static(
// CHECK: transformer.patches %{{.*}} {size = 2 : i64} : (tensor<2x1x4x6xf16>) -> tensor<12x4xf16>
func.func @patches_static(%x: tensor<2x1x4x6xf16>) -> tensor<12x4xf16> {
  %y = transformer.patches %x {size = 2 : i64} : (tensor<2x1x4x6xf16>) -> tensor<12x4xf16>
  return %y : tensor<12x4xf16>
}

// CHECK-LABEL: func.func @prepend(
// CHECK: transformer.prepend %{{.*}}, %{{.*}} {length = 196 : i64} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
func.func @prepend(%x: tensor<?x4xf32>, %r: tensor<1x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.prepend %x, %r {length = 196 : i64} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @prepend_static(
// CHECK: transformer.prepend %{{.*}}, %{{.*}} {length = 3 : i64} : (tensor<6x4xbf16>, tensor<2x4xbf16>) -> tensor<10x4xbf16>
func.func @prepend_static(%x: tensor<6x4xbf16>, %r: tensor<2x4xbf16>) -> tensor<10x4xbf16> {
  %y = transformer.prepend %x, %r {length = 3 : i64}
      : (tensor<6x4xbf16>, tensor<2x4xbf16>) -> tensor<10x4xbf16>
  return %y : tensor<10x4xbf16>
}
