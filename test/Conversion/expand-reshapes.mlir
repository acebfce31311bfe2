// RUN: transformer-opt %s --transformer-expand-reshapes | FileCheck %s

// CHECK-LABEL: func.func @two_unknown_sizes
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %[[B:.*]]: index, %[[N:.*]]: index
func.func @two_unknown_sizes(%x: memref<?x4xf32>, %b: index, %n: index) -> memref<?x?x4xf32> {
  // CHECK: %[[BASE:.*]], %{{.*}}, %{{.*}}:2, %[[S:.*]]:2 = memref.extract_strided_metadata %[[X]]
  // CHECK: %[[STEP:.*]] = arith.muli %[[S]]#0, %[[N]]
  // CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[B]], %[[N]], 4], strides: [%[[STEP]], 4, 1]
  // CHECK-NOT: memref.expand_shape
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %n, 4] : memref<?x4xf32> into memref<?x?x4xf32>
  return %y : memref<?x?x4xf32>
}

// Rows of a wider buffer, from somewhere in it.
// CHECK-LABEL: func.func @strided
// CHECK: %[[BASE:.*]], %[[AT:.*]], %{{.*}}:2, %[[S:.*]]:2 = memref.extract_strided_metadata
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [%[[AT]]], sizes: [%{{.*}}, %{{.*}}, 4], strides: [%{{.*}}, %[[S]]#0, 1]
func.func @strided(%x: memref<?x4xf32, strided<[?, 1], offset: ?>>, %b: index, %n: index)
    -> memref<?x?x4xf32, strided<[?, ?, 1], offset: ?>> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %n, 4]
      : memref<?x4xf32, strided<[?, 1], offset: ?>> into memref<?x?x4xf32, strided<[?, ?, 1], offset: ?>>
  return %y : memref<?x?x4xf32, strided<[?, ?, 1], offset: ?>>
}

// Left alone: upstream takes one unknown size.
// CHECK-LABEL: func.func @one_unknown_size
func.func @one_unknown_size(%x: memref<?x4xf32>, %n: index) -> memref<2x?x4xf32> {
  // CHECK: memref.expand_shape
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [2, %n, 4] : memref<?x4xf32> into memref<2x?x4xf32>
  return %y : memref<2x?x4xf32>
}
