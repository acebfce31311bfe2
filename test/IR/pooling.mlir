// Parses and prints pool and unpool in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @mean(
// CHECK: transformer.pool mean %{{.*}} offsets(%{{.*}}) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
func.func @mean(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.pool mean %x offsets(%o) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @cls(
// CHECK: transformer.pool cls %{{.*}} offsets(%{{.*}}) : (tensor<9x4xf16>, tensor<3xi32>) -> tensor<2x4xf16>
func.func @cls(%x: tensor<9x4xf16>, %o: tensor<3xi32>) -> tensor<2x4xf16> {
  %y = transformer.pool cls %x offsets(%o) : (tensor<9x4xf16>, tensor<3xi32>) -> tensor<2x4xf16>
  return %y : tensor<2x4xf16>
}

// CHECK-LABEL: func.func @max(
// CHECK: transformer.pool max %{{.*}} offsets(%{{.*}}) : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
func.func @max(%x: tensor<?x4xbf16>, %o: tensor<?xi32>) -> tensor<?x4xbf16> {
  %y = transformer.pool max %x offsets(%o) : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
  return %y : tensor<?x4xbf16>
}

// CHECK-LABEL: func.func @dense(
// CHECK: transformer.pool mean %{{.*}} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
func.func @dense(%x: tensor<?x?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.pool mean %x : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @dense_mask(
// CHECK: transformer.pool max %{{.*}} mask(%{{.*}}) : (tensor<2x3x4xf32>, tensor<2x3xi1>) -> tensor<2x4xf32>
func.func @dense_mask(%x: tensor<2x3x4xf32>, %m: tensor<2x3xi1>) -> tensor<2x4xf32> {
  %y = transformer.pool max %x mask(%m) : (tensor<2x3x4xf32>, tensor<2x3xi1>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @unpool(
// CHECK: transformer.unpool %{{.*}}, %{{.*}} offsets(%{{.*}}) : (tensor<?x4xf32>, index, tensor<?xi32>) -> tensor<?x4xf32>
func.func @unpool(%x: tensor<?x4xf32>, %n: index, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.unpool %x, %n offsets(%o) : (tensor<?x4xf32>, index, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @unpool_static(
// CHECK: transformer.unpool %{{.*}}, %{{.*}} offsets(%{{.*}}) : (tensor<2x4xf16>, index, tensor<3xi32>) -> tensor<9x4xf16>
func.func @unpool_static(%x: tensor<2x4xf16>, %n: index, %o: tensor<3xi32>) -> tensor<9x4xf16> {
  %y = transformer.unpool %x, %n offsets(%o) : (tensor<2x4xf16>, index, tensor<3xi32>) -> tensor<9x4xf16>
  return %y : tensor<9x4xf16>
}

// CHECK-LABEL: func.func @unpool_dense(
// CHECK: transformer.unpool %{{.*}}, %{{.*}} : (tensor<2x4xbf16>, index) -> tensor<2x?x4xbf16>
func.func @unpool_dense(%x: tensor<2x4xbf16>, %n: index) -> tensor<2x?x4xbf16> {
  %y = transformer.unpool %x, %n : (tensor<2x4xbf16>, index) -> tensor<2x?x4xbf16>
  return %y : tensor<2x?x4xbf16>
}
