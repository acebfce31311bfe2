// RUN: transformer-opt %s --transformer-bind-destinations --remarks-filter=transformer-bind-destinations --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// The uninitialized tensor at the bottom of a loop is the destination itself.
// CHECK-LABEL: func.func @loop
// CHECK-SAME: %[[OUT:[^:,]*]]: tensor<4xf32>)
func.func @loop(%v: f32, %out: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4xf32>
  // CHECK: %[[R:[^ ]*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[OUT]])
  %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%acc = %e) -> tensor<4xf32> {
    %n = tensor.insert %v into %acc[%i] : tensor<4xf32>
    scf.yield %n : tensor<4xf32>
  }
  // CHECK-NOT: materialize_in_destination
  // CHECK: return %[[R]]
  %m = bufferization.materialize_in_destination %r in %out : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %m : tensor<4xf32>
}

// CHECK-LABEL: func.func @negative_not_built_here
// CHECK: materialize_in_destination
func.func @negative_not_built_here(%x: tensor<4xf32>, %out: tensor<4xf32>) -> tensor<4xf32> {
  // expected-remark @+1 {{the result is copied to its destination}}
  %m = bufferization.materialize_in_destination %x in %out : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %m : tensor<4xf32>
}
