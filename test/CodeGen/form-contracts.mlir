// RUN: transformer-opt %s --transformer-form-contracts | FileCheck %s
// RUN: transformer-opt %s --transformer-form-contracts=epilogues=false | FileCheck %s --check-prefix=PLAIN

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>
// The bias, the product's only user, becomes the epilogue.
// CHECK-LABEL: func @bias
// CHECK: scf.forall
// CHECK-NOT: linalg.matmul
// CHECK: %[[Y:.*]] = transformer_kernel.contract %{{.*}}, %{{.*}} extras(%{{.*}}) outs(%{{.*}})
// CHECK: ^bb0(%[[SUM:.*]]: f32, %[[B:.*]]: f32):
// CHECK: %[[T:.*]] = arith.addf %[[SUM]], %[[B]] : f32
// CHECK: transformer_kernel.yield %[[T]] : f32
// CHECK-NOT: linalg.generic
// CHECK: tensor.parallel_insert_slice %[[Y]]
// PLAIN-LABEL: func @bias
// PLAIN: transformer_kernel.contract %{{.*}} extras() outs(
// PLAIN: linalg.generic
func.func @bias(%x: tensor<16x4xf32>, %w: tensor<16x4xf32>, %b: tensor<16xf32>, %out: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %zero = arith.constant 0.0 : f32
  %r = scf.forall (%i) = (0) to (16) step (8) shared_outs(%o = %out) -> tensor<16x16xf32> {
    %xs = tensor.extract_slice %x[%i, 0] [8, 4] [1, 1] : tensor<16x4xf32> to tensor<8x4xf32>
    %os = tensor.extract_slice %o[%i, 0] [8, 16] [1, 1] : tensor<16x16xf32> to tensor<8x16xf32>
    %e = tensor.empty() : tensor<8x16xf32>
    %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8x16xf32>) -> tensor<8x16xf32>
    %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%xs, %w : tensor<8x4xf32>, tensor<16x4xf32>) outs(%z : tensor<8x16xf32>) -> tensor<8x16xf32>
    %s = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
        ins(%y, %b : tensor<8x16xf32>, tensor<16xf32>) outs(%os : tensor<8x16xf32>) {
    ^bb0(%p: f32, %q: f32, %ignored: f32):
      %t = arith.addf %p, %q : f32
      linalg.yield %t : f32
    } -> tensor<8x16xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%i, 0] [8, 16] [1, 1] : tensor<8x16xf32> into tensor<16x16xf32>
    }
  }
  return %r : tensor<16x16xf32>
}

// CHECK-LABEL: func @negative_outside_of_a_loop
// CHECK: linalg.matmul
func.func @negative_outside_of_a_loop(%x: tensor<8x4xf32>, %w: tensor<16x4xf32>, %z: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w : tensor<8x4xf32>, tensor<16x4xf32>) outs(%z : tensor<8x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// A weight of 4 bits goes to the kernel as it is.
// CHECK-LABEL: func @packed
// CHECK: transformer_kernel.contract %{{.*}}, %arg1 unpack(%arg2) extras() outs(%{{.*}})
// CHECK-SAME: attributes {maps = []}
func.func @packed(%x: tensor<16x4xi8>, %w: tensor<16x4xi8>, %m: tensor<16x1xi8>, %out: tensor<16x16xi32>) -> tensor<16x16xi32> {
  %zero = arith.constant 0 : i32
  %u = transformer.unpack_i4 %w, %m : (tensor<16x4xi8>, tensor<16x1xi8>) -> tensor<16x4xi8>
  %r = scf.forall (%i) = (0) to (16) step (8) shared_outs(%o = %out) -> tensor<16x16xi32> {
    %xs = tensor.extract_slice %x[%i, 0] [8, 4] [1, 1] : tensor<16x4xi8> to tensor<8x4xi8>
    %os = tensor.extract_slice %o[%i, 0] [8, 16] [1, 1] : tensor<16x16xi32> to tensor<8x16xi32>
    %z = linalg.fill ins(%zero : i32) outs(%os : tensor<8x16xi32>) -> tensor<8x16xi32>
    %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%xs, %u : tensor<8x4xi8>, tensor<16x4xi8>) outs(%z : tensor<8x16xi32>) -> tensor<8x16xi32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %y into %o[%i, 0] [8, 16] [1, 1] : tensor<8x16xi32> into tensor<16x16xi32>
    }
  }
  return %r : tensor<16x16xi32>
}
