// RUN: transformer-opt %s --transformer-form-regions | FileCheck %s

// Two equal ops share one function; what a result is called by goes to the call.
// CHECK-LABEL: func.func private @pool_0(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32> {bufferization.writable = false}
// CHECK-SAME: %[[D:[^:,]*]]: tensor<?x8xf32> {bufferization.writable = true}
// CHECK-SAME: attributes {transformer.region}
// CHECK: %[[P:.*]] = transformer.pool mean %[[X]]
// CHECK: bufferization.materialize_in_destination %[[P]] in %[[D]]
// CHECK-NOT: func.func private
// CHECK-LABEL: func.func @forward(
// CHECK: call @pool_0({{.*}}) {transformer.wanted = 1 : i64}
// CHECK: call @pool_0({{.*}}) {transformer.wanted = 2 : i64}
func.func @forward(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = transformer.pool mean %x offsets(%offsets) {transformer.wanted = 1 : i64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %1 = transformer.pool mean %y offsets(%offsets) {transformer.wanted = 2 : i64} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}
