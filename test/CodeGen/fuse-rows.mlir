// RUN: transformer-opt %s --transformer-fuse-rows | FileCheck %s
// RUN: transformer-opt %s --transformer-fuse-rows=merge=false | FileCheck %s --check-prefix=APART

// CHECK-LABEL: func private @chain
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x8xf32>, %[[OUT:[^:]*]]: tensor<?x8xf32>
// CHECK: scf.forall (%[[I:.*]]) = (0) to (%{{.*}}) step (%{{.*}}) shared_outs(%[[O:.*]] = %[[OUT]])
// CHECK: tensor.extract_slice %[[X]][%[[I]], 0]
// CHECK: %[[E:.*]] = linalg.exp
// CHECK: %[[A:.*]] = linalg.abs ins(%[[E]]
// CHECK: tensor.parallel_insert_slice %[[A]] into %[[O]][%[[I]], 0]
// CHECK-NOT: linalg.
func.func private @chain(%x: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> attributes {transformer.chain} {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %y = linalg.exp ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = linalg.abs ins(%y : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func private @negative_no_chain
// CHECK-NOT: scf.forall
// CHECK: return
func.func private @negative_no_chain(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %y = linalg.exp ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Threads get the same number of blocks each; the count is the running call's.
// CHECK-LABEL: func.func private @even
// CHECK: %[[T:.*]] = transformer_kernel.threads
// CHECK: arith.muli %{{.*}}, %[[T]] : index
// CHECK: affine.min
// CHECK: scf.forall
func.func private @even(%x: tensor<?x8xf32>, %out: tensor<?x8xf32> {bufferization.writable = true}) -> tensor<?x8xf32>
    attributes {transformer.chain} {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %y = linalg.exp ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Sums that follow each other become one loop over the elements, or stay two.
// CHECK-LABEL: func.func private @merged
// CHECK: scf.forall
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK-NEXT: arith.mulf
// CHECK-NOT: linalg.generic
// APART-LABEL: func.func private @merged
// APART: scf.forall
// APART: linalg.generic
// APART: arith.addf
// APART-NEXT: linalg.yield
// APART: linalg.generic
// APART: arith.mulf
func.func private @merged(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %out: tensor<?x8xf32> {bufferization.writable = true}) -> tensor<?x8xf32>
    attributes {transformer.chain} {
  %s = arith.addf %x, %y : tensor<?x8xf32>
  %m = arith.mulf %s, %y : tensor<?x8xf32>
  return %m : tensor<?x8xf32>
}

// A body that reads rows one by one reads them from the block; its producer is
// computed there.
// CHECK-LABEL: func.func private @selected
// CHECK: scf.forall
// CHECK: %[[E:.*]] = linalg.generic
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK: %[[R:.*]] = linalg.index 0
// CHECK: tensor.extract %[[E]][%[[R]], %{{.*}}]
// CHECK-NOT: linalg.generic
func.func private @selected(%x: tensor<?x8xf32>, %i: tensor<3xi32>, %out: tensor<?x3xf32> {bufferization.writable = true}) -> tensor<?x3xf32>
    attributes {transformer.chain} {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %y = math.exp %x : tensor<?x8xf32>
  %f = tensor.empty(%rows) : tensor<?x3xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%i : tensor<3xi32>) outs(%f : tensor<?x3xf32>) {
  ^bb0(%in: i32, %o: f32):
    %r = linalg.index 0 : index
    %c = arith.index_cast %in : i32 to index
    %v = tensor.extract %y[%r, %c] : tensor<?x8xf32>
    linalg.yield %v : f32
  } -> tensor<?x3xf32>
  return %z : tensor<?x3xf32>
}
