// RUN: transformer-opt %s --transformer-form-regions --split-input-file | FileCheck %s

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

// -----

// An uninitialized tensor of a computed size comes from outside.
// CHECK-LABEL: func.func private @generic_0(
// CHECK-SAME: tensor<?x8xf32> {bufferization.writable = false}, %[[INIT:[^:]*]]: tensor<?x8xf32> {bufferization.writable = false}
// CHECK: linalg.generic {{.*}} outs(%[[INIT]]
// CHECK-LABEL: func.func @forward(
// CHECK: tensor.empty
#map = affine_map<(d0, d1) -> (d0, d1)>
func.func @forward(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %init = tensor.empty(%n) : tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%init : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
