// RUN: transformer-opt %s --transformer-bind-weights | FileCheck %s

// Sizes that are multiples of 64 bytes come first.
// CHECK: module attributes {transformer.weights_bytes = 72 : i64}
// CHECK: ml_program.global private @large{{.*}} {transformer.offset = 0 : i64}
// CHECK: ml_program.global private @small{{.*}} {transformer.offset = 64 : i64}
ml_program.global private @small(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
ml_program.global private @large(#ml_program.extern : tensor<16xf32>) : tensor<16xf32>

// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[BASE:.*]]: memref<?xi8> {transformer.input = "weights"})
func.func @forward() -> (tensor<2xf32>, tensor<16xf32>) {
  // CHECK: %[[OFFSET:.*]] = arith.constant 64 : index
  // CHECK: %[[VIEW:.*]] = memref.view %[[BASE]][%[[OFFSET]]][] : memref<?xi8> to memref<2xf32>
  // CHECK: bufferization.to_tensor %[[VIEW]] restrict : memref<2xf32> to tensor<2xf32>
  %small = ml_program.global_load_const @small : tensor<2xf32>
  %large = ml_program.global_load_const @large : tensor<16xf32>
  return %small, %large : tensor<2xf32>, tensor<16xf32>
}
