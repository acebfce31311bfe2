// RUN: transformer-opt %s --transformer-build-entry --split-input-file --verify-diagnostics | FileCheck %s

// A call reads one intermediate and writes the other: two slots. What is returned is an
// argument; the call that the second output needs runs only when it is wanted.
// CHECK: module attributes
// CHECK-SAME: transformer.inputs = [{limit = 9 : i64, name = "input_ids", type = i32, width = 1 : i64}]
// CHECK-SAME: transformer.outputs = [{name = "y", needed_by = 2 : i64, rows = "tokens", width = 8 : i64}, {name = "z", needed_by = 0 : i64, rows = "sequences", width = 8 : i64}]
// CHECK-SAME: transformer.workspace = {fixed = 0 : i64, per_sequence = 0 : i64, per_token = 128 : i64}
module {
  // CHECK: func.func private @step(%{{.*}}: memref<?x8xf32>, %{{.*}}: memref<?x8xf32>) {
  func.func private @step(%in: memref<?x8xf32>, %out: memref<?x8xf32>) -> memref<?x8xf32> {
    return %out : memref<?x8xf32>
  }
  // CHECK-LABEL: func.func @forward(
  // CHECK-SAME: %{{[^:]*}}: memref<?xi32>
  // CHECK-SAME: %{{[^:]*}}: memref<?xi32>
  // CHECK-SAME: %[[W:[^:]*]]: memref<?xi8>, %[[MASK:[^:]*]]: i64, %[[Y:[^:]*]]: memref<?x8xf32>, %[[Z:[^:]*]]: memref<?x8xf32>)
  func.func @forward(%ids: memref<?xi32> {transformer.input = "input_ids", transformer.limit = 9 : i64},
                     %offsets: memref<?xi32> {transformer.input = "offsets"})
      -> (memref<?x8xf32> {transformer.output = "y", transformer.rows = "tokens"},
          memref<?x8xf32> {transformer.output = "z", transformer.rows = "sequences"}) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %t = memref.dim %ids, %c0 : memref<?xi32>
    %n = memref.dim %offsets, %c0 : memref<?xi32>
    %s = arith.subi %n, %c1 : index
    // CHECK-NOT: memref.alloc
    // CHECK: %[[A:.*]] = memref.view %[[W]]
    %a = memref.alloc(%t) : memref<?x8xf32>
    %b = memref.alloc(%t) : memref<?x8xf32>
    %y = memref.alloc(%t) : memref<?x8xf32>
    %z = memref.alloc(%s) : memref<?x8xf32>
    // CHECK: call @step(%[[A]]
    %0 = call @step(%a, %b) {transformer.wanted = 3 : i64} : (memref<?x8xf32>, memref<?x8xf32>) -> memref<?x8xf32>
    // CHECK: call @step(%{{.*}}, %[[Y]])
    %1 = call @step(%0, %y) {transformer.wanted = 3 : i64} : (memref<?x8xf32>, memref<?x8xf32>) -> memref<?x8xf32>
    // CHECK: arith.andi %[[MASK]]
    // CHECK: scf.if
    // CHECK-NEXT: call @step(%[[Y]], %[[Z]])
    %2 = call @step(%1, %z) {transformer.wanted = 2 : i64} : (memref<?x8xf32>, memref<?x8xf32>) -> memref<?x8xf32>
    return %1, %2 : memref<?x8xf32>, memref<?x8xf32>
  }
}

// -----

func.func @forward(%ids: memref<?xi32> {transformer.input = "input_ids"}, %n: memref<1xindex> {transformer.input = "weights"}) -> memref<?x8xf32> {
  %c0 = arith.constant 0 : index
  %t = memref.dim %ids, %c0 : memref<?xi32>
  %m = memref.load %n[%c0] : memref<1xindex>
  // expected-error @+1 {{the size of this intermediate does not follow from the numbers of tokens and sequences}}
  %a = memref.alloc(%m) : memref<?x8xf32>
  %y = memref.alloc(%t) : memref<?x8xf32>
  memref.copy %a, %y : memref<?x8xf32> to memref<?x8xf32>
  return %y : memref<?x8xf32>
}

// -----

module {
  // expected-error @+1 {{argument 1 is 'index'; a model takes and gives bufferized tensors only}}
  func.func @forward(%ids: memref<?xi32> {transformer.input = "input_ids"}, %tokens: index) {
    return
  }
}

// -----

module {
  // expected-error @+1 {{result 0 is 'index'; a model takes and gives bufferized tensors only}}
  func.func @forward(%ids: memref<?xi32> {transformer.input = "input_ids"}) -> index {
    %c0 = arith.constant 0 : index
    return %c0 : index
  }
}
