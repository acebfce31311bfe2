// RUN: transformer-opt %s --transformer-outline-parallel --split-input-file --verify-diagnostics | FileCheck %s

// The iteration's buffer is a view of the thread's workspace, as large as the
// bound of its size.
// CHECK: module attributes {transformer.thread_workspace = 2048 : i64}
module {
  // CHECK: func.func private @chain_body({{.*}}: index, %[[WS:[^:,]*]]: memref<?xi8>)
  // CHECK: memref.view %[[WS]][%{{.*}}][] : memref<?xi8> to memref<64x8xf32>
  // CHECK: func.func private @chain_parallel(!llvm.ptr, {{.*}}memref<?x8xf32>, {{.*}}index) attributes {transformer.body = @chain_body}
  // CHECK-LABEL: func.func private @chain(
  // CHECK-SAME: %[[CALL:[^:,]*]]: !llvm.ptr, %{{.*}}: memref<?x8xf32>)
  // CHECK: call @chain_parallel(%[[CALL]],
  func.func private @chain(%x: memref<?x8xf32>) attributes {transformer.chain} {
    %c0 = arith.constant 0 : index
    %n = memref.dim %x, %c0 : memref<?x8xf32>
    scf.forall (%i) = (0) to (%n) step (64) {
      %size = affine.min affine_map<(i)[n] -> (64, n - i)>(%i)[%n]
      %tile = memref.alloc(%size) : memref<?x8xf32>
      %row = memref.subview %x[%i, 0] [%size, 8] [1, 1] : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1], offset: ?>>
      memref.copy %tile, %row : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1], offset: ?>>
    }
    return
  }
  // CHECK-LABEL: func.func @forward(
  // CHECK-SAME: %[[CALL:[^:,]*]]: !llvm.ptr
  // CHECK: call @chain(%[[CALL]]
  func.func @forward(%x: memref<?x8xf32>) {
    call @chain(%x) : (memref<?x8xf32>) -> ()
    return
  }
}

// -----

func.func private @chain(%x: memref<?xf32>) attributes {transformer.chain} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    // expected-error @+1 {{has no bound that is known when compiling}}
    %tile = memref.alloc(%n) : memref<?xf32>
    memref.copy %tile, %x : memref<?xf32> to memref<?xf32>
  }
  return
}
