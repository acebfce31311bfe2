// RUN: transformer-opt %s --transformer-fuse --transformer-form-chains --transformer-form-regions | FileCheck %s

// Attention takes the rows of one product whole and cuts its columns out
// itself: no copies of them are made.
// CHECK-LABEL: func.func private @attention_0(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x12xf32>
// CHECK-DAG: %[[Q:.*]] = tensor.extract_slice %[[X]][0, 0] [%{{.*}}, 4]
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %[[X]][0, 4] [%{{.*}}, 4]
// CHECK-DAG: %[[V:.*]] = tensor.extract_slice %[[X]][0, 8] [%{{.*}}, 4]
// CHECK: transformer.attention %[[Q]], %[[K]], %[[V]]
// CHECK-LABEL: func.func @forward(
// CHECK: %[[Y:.*]] = call @chain_0
// CHECK-NOT: extract_slice
// CHECK: call @attention_0(%[[Y]]
func.func @forward(%x: tensor<?x4xf32> {transformer.input = "x"}, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %q = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %k = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %v = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
