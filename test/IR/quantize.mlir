// Parses and prints quantize, dequantize and unpack_i4 in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @dynamic(
// CHECK: transformer.quantize %{{.*}} : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
func.func @dynamic(%x: tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>) {
  %y, %s = transformer.quantize %x : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
  return %y, %s : tensor<?x384xi8>, tensor<?xf32>
}

// CHECK-LABEL: func.func @dense_f16(
// CHECK: transformer.quantize %{{.*}} : (tensor<2x3x4xf16>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>)
func.func @dense_f16(%x: tensor<2x3x4xf16>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>) {
  %y, %s = transformer.quantize %x : (tensor<2x3x4xf16>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>)
  return %y, %s : tensor<2x3x4xi8>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @multiplier(
// CHECK: transformer.quantize %{{.*}} multiplier %{{.*}} : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
func.func @multiplier(%x: tensor<?x4xf32>, %m: tensor<4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>) {
  %y, %s = transformer.quantize %x multiplier %m
      : (tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return %y, %s : tensor<?x4xi8>, tensor<?xf32>
}

// CHECK-LABEL: func.func @static_scale(
// CHECK: transformer.quantize %{{.*}} multiplier %{{.*}} scale(%{{.*}}) : (tensor<?x?x4xbf16>, tensor<4xbf16>, tensor<f32>) -> (tensor<?x?x4xi8>, tensor<?x?xf32>)
func.func @static_scale(%x: tensor<?x?x4xbf16>, %m: tensor<4xbf16>, %s: tensor<f32>) -> (tensor<?x?x4xi8>, tensor<?x?xf32>) {
  %y, %t = transformer.quantize %x multiplier %m scale(%s)
      : (tensor<?x?x4xbf16>, tensor<4xbf16>, tensor<f32>) -> (tensor<?x?x4xi8>, tensor<?x?xf32>)
  return %y, %t : tensor<?x?x4xi8>, tensor<?x?xf32>
}

// CHECK-LABEL: func.func @one_row(
// CHECK: transformer.quantize %{{.*}} : (tensor<4xf32>) -> (tensor<4xi8>, tensor<f32>)
func.func @one_row(%x: tensor<4xf32>) -> (tensor<4xi8>, tensor<f32>) {
  %y, %s = transformer.quantize %x : (tensor<4xf32>) -> (tensor<4xi8>, tensor<f32>)
  return %y, %s : tensor<4xi8>, tensor<f32>
}

// CHECK-LABEL: func.func @back(
// CHECK: transformer.dequantize %{{.*}}, %{{.*}} : (tensor<?x384xi8>, tensor<?xf32>) -> tensor<?x384xf32>
func.func @back(%q: tensor<?x384xi8>, %s: tensor<?xf32>) -> tensor<?x384xf32> {
  %y = transformer.dequantize %q, %s : (tensor<?x384xi8>, tensor<?xf32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}

// CHECK-LABEL: func.func @back_to_f16(
// CHECK: transformer.dequantize %{{.*}}, %{{.*}} : (tensor<2x3x4xi8>, tensor<2x3xf32>) -> tensor<2x3x4xf16>
func.func @back_to_f16(%q: tensor<2x3x4xi8>, %s: tensor<2x3xf32>) -> tensor<2x3x4xf16> {
  %y = transformer.dequantize %q, %s : (tensor<2x3x4xi8>, tensor<2x3xf32>) -> tensor<2x3x4xf16>
  return %y : tensor<2x3x4xf16>
}

// CHECK-LABEL: func.func @one_row_back(
// CHECK: transformer.dequantize %{{.*}}, %{{.*}} : (tensor<4xi8>, tensor<f32>) -> tensor<4xbf16>
func.func @one_row_back(%q: tensor<4xi8>, %s: tensor<f32>) -> tensor<4xbf16> {
  %y = transformer.dequantize %q, %s : (tensor<4xi8>, tensor<f32>) -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// CHECK-LABEL: func.func @narrow_multiplier(
// CHECK: transformer.quantize %{{.*}} multiplier %{{.*}} : (tensor<?x4xf32>, tensor<4xbf16>) -> (tensor<?x4xi8>, tensor<?xf32>)
func.func @narrow_multiplier(%x: tensor<?x4xf32>, %m: tensor<4xbf16>) -> tensor<?x4xi8> {
  %y, %s = transformer.quantize %x multiplier %m
      : (tensor<?x4xf32>, tensor<4xbf16>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return %y : tensor<?x4xi8>
}

// CHECK-LABEL: func.func @unpack(
// CHECK: transformer.unpack_i4 %{{.*}}, %{{.*}} : (tensor<3x36xi8>, tensor<3x2xi8>) -> tensor<3x65xi8>
func.func @unpack(%p: tensor<3x36xi8>, %m: tensor<3x2xi8>) -> tensor<3x65xi8> {
  %w = transformer.unpack_i4 %p, %m : (tensor<3x36xi8>, tensor<3x2xi8>) -> tensor<3x65xi8>
  return %w : tensor<3x65xi8>
}
