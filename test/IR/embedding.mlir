// Parses and prints embedding and positions in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: transformer.embedding %{{.*}}, %{{.*}} : (tensor<?xi32>, tensor<30522x384xf32>) -> tensor<?x384xf32>
func.func @packed(%i: tensor<?xi32>, %t: tensor<30522x384xf32>) -> tensor<?x384xf32> {
  %y = transformer.embedding %i, %t : (tensor<?xi32>, tensor<30522x384xf32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}

// CHECK-LABEL: func.func @dense_i64(
// CHECK: transformer.embedding %{{.*}}, %{{.*}} : (tensor<2x?xi64>, tensor<?x8xf16>) -> tensor<2x?x8xf16>
func.func @dense_i64(%i: tensor<2x?xi64>, %t: tensor<?x8xf16>) -> tensor<2x?x8xf16> {
  %y = transformer.embedding %i, %t : (tensor<2x?xi64>, tensor<?x8xf16>) -> tensor<2x?x8xf16>
  return %y : tensor<2x?x8xf16>
}

// CHECK-LABEL: func.func @one_id(
// CHECK: transformer.embedding %{{.*}}, %{{.*}} : (tensor<i32>, tensor<9x8xbf16>) -> tensor<8xbf16>
func.func @one_id(%i: tensor<i32>, %t: tensor<9x8xbf16>) -> tensor<8xbf16> {
  %y = transformer.embedding %i, %t : (tensor<i32>, tensor<9x8xbf16>) -> tensor<8xbf16>
  return %y : tensor<8xbf16>
}

// CHECK-LABEL: func.func @i8(
// CHECK: transformer.embedding %{{.*}}, %{{.*}} scales(%{{.*}}) : (tensor<?xi32>, tensor<9x8xi8>, tensor<9xf32>) -> tensor<?x8xf32>
func.func @i8(%i: tensor<?xi32>, %t: tensor<9x8xi8>, %s: tensor<9xf32>) -> tensor<?x8xf32> {
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<?xi32>, tensor<9x8xi8>, tensor<9xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @positions(
// CHECK: transformer.positions %{{.*}}, %{{.*}} : (tensor<?xi32>, index) -> tensor<?xi32>
func.func @positions(%o: tensor<?xi32>, %n: index) -> tensor<?xi32> {
  %y = transformer.positions %o, %n : (tensor<?xi32>, index) -> tensor<?xi32>
  return %y : tensor<?xi32>
}

// CHECK-LABEL: func.func @positions_from(
// CHECK: transformer.positions %{{.*}}, %{{.*}} {start = 2 : i64} : (tensor<3xi32>, index) -> tensor<7xi32>
func.func @positions_from(%o: tensor<3xi32>, %n: index) -> tensor<7xi32> {
  %y = transformer.positions %o, %n {start = 2 : i64} : (tensor<3xi32>, index) -> tensor<7xi32>
  return %y : tensor<7xi32>
}

// CHECK-LABEL: func.func @positions_of_ids(
// CHECK: transformer.positions %{{.*}}, %{{.*}} ids(%{{.*}}) {padding_id = 1 : i64, start = 2 : i64} : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
func.func @positions_of_ids(%o: tensor<?xi32>, %n: index, %i: tensor<?xi32>) -> tensor<?xi32> {
  %y = transformer.positions %o, %n ids(%i) {padding_id = 1 : i64, start = 2 : i64}
      : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  return %y : tensor<?xi32>
}

// CHECK-LABEL: func.func @bf16_scales(
// CHECK: transformer.embedding %{{.*}}, %{{.*}} scales(%{{.*}}) : (tensor<?xi32>, tensor<9x8xi8>, tensor<9xbf16>) -> tensor<?x8xf32>
func.func @bf16_scales(%i: tensor<?xi32>, %t: tensor<9x8xi8>, %s: tensor<9xbf16>) -> tensor<?x8xf32> {
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<?xi32>, tensor<9x8xi8>, tensor<9xbf16>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
