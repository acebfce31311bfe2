// Parses and prints fft_mix in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: transformer.fft_mix %{{.*}} offsets(%{{.*}}) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
func.func @packed(%x: tensor<?x256xf32>, %o: tensor<?xi32>) -> tensor<?x256xf32> {
  %y = transformer.fft_mix %x offsets(%o) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// CHECK-LABEL: func.func @static_f16(
// CHECK: transformer.fft_mix %{{.*}} offsets(%{{.*}}) : (tensor<9x8xf16>, tensor<4xi32>) -> tensor<9x8xf16>
func.func @static_f16(%x: tensor<9x8xf16>, %o: tensor<4xi32>) -> tensor<9x8xf16> {
  %y = transformer.fft_mix %x offsets(%o) : (tensor<9x8xf16>, tensor<4xi32>) -> tensor<9x8xf16>
  return %y : tensor<9x8xf16>
}

// CHECK-LABEL: func.func @dense(
// CHECK: transformer.fft_mix %{{.*}} : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32>
func.func @dense(%x: tensor<?x?x256xf32>) -> tensor<?x?x256xf32> {
  %y = transformer.fft_mix %x : (tensor<?x?x256xf32>) -> tensor<?x?x256xf32>
  return %y : tensor<?x?x256xf32>
}

// CHECK-LABEL: func.func @dense_static_bf16(
// CHECK: transformer.fft_mix %{{.*}} : (tensor<2x7x8xbf16>) -> tensor<2x7x8xbf16>
func.func @dense_static_bf16(%x: tensor<2x7x8xbf16>) -> tensor<2x7x8xbf16> {
  %y = transformer.fft_mix %x : (tensor<2x7x8xbf16>) -> tensor<2x7x8xbf16>
  return %y : tensor<2x7x8xbf16>
}
