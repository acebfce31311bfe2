// Parses and prints select in every form.
// RUN: transformer-opt %s | transformer-opt | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

ml_program.global private @known(dense<[3, 0]> : tensor<2xi32>) : tensor<2xi32>
ml_program.global private @unknown(#ml_program.extern<tensor<2xi32>>) : tensor<2xi32>

// CHECK-LABEL: func.func @select(
// CHECK: transformer.select %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<?x2xf32>
// CHECK: transformer.select %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<?x2xf32>
func.func @select(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %i = ml_program.global_load_const @known : tensor<2xi32>
  %j = ml_program.global_load_const @unknown : tensor<2xi32>
  %y = transformer.select %x, %i : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<?x2xf32>
  %z = transformer.select %x, %j : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// CHECK-LABEL: func.func @dense(
// CHECK: transformer.select %{{.*}}, %{{.*}} : (tensor<2x?x4xbf16>, tensor<?xi32>) -> tensor<2x?x?xbf16>
func.func @dense(%x: tensor<2x?x4xbf16>, %i: tensor<?xi32>) -> tensor<2x?x?xbf16> {
  %y = transformer.select %x, %i : (tensor<2x?x4xbf16>, tensor<?xi32>) -> tensor<2x?x?xbf16>
  return %y : tensor<2x?x?xbf16>
}

// CHECK-LABEL: func.func @none(
// CHECK: transformer.select %{{.*}}, %{{.*}} : (tensor<4xf16>, tensor<0xi32>) -> tensor<0xf16>
func.func @none(%x: tensor<4xf16>) -> tensor<0xf16> {
  %i = arith.constant dense<[]> : tensor<0xi32>
  %y = transformer.select %x, %i : (tensor<4xf16>, tensor<0xi32>) -> tensor<0xf16>
  return %y : tensor<0xf16>
}
