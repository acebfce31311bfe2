// RUN: transformer-opt %s --transformer-expand-copies | FileCheck %s

// CHECK-LABEL: func.func @strided
func.func @strided(%a: memref<?x4xf32>, %b: memref<?x4xf32, strided<[8, 1]>>) {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : memref<?x4xf32>) outs(%{{.*}} : memref<?x4xf32, strided<[8, 1]>>)
  // CHECK-NOT: memref.copy
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32, strided<[8, 1]>>
  return
}
