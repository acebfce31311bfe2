// RUN: transformer-opt %s --transformer-emit-observe | FileCheck %s
// RUN: transformer-opt %s --transformer-emit-observe --transformer-to-llvm=target-cpu=x86-64-v3 | FileCheck %s --check-prefix=LLVM

// CHECK: transformer.sites = ["first", "second"]
// CHECK-LABEL: func.func @forward
// CHECK: %[[ONE:.*]] = arith.constant 0 : i64
// CHECK: call @tm_observe.4(%[[ONE]], %[[X:.*]]) : (i64, tensor<?x4xf32>) -> ()
// CHECK: %[[TWO:.*]] = arith.constant 1 : i64
// CHECK: call @tm_observe.4(%[[TWO]], %{{.*}}) : (i64, tensor<?x4xf32>) -> ()
// CHECK: func.func private @tm_observe.4(i64, tensor<?x4xf32> {bufferization.access = "read"})
// CHECK-NOT: func.func private

// The rows are handed over where they are, by the thread that runs the model.
// LLVM-LABEL: llvm.func {{.*}}@forward(
// LLVM-COUNT-2: llvm.call @tm_observe.4
// LLVM: llvm.func @tm_observe.4(i64, !llvm.ptr, !llvm.ptr, i64, i64, i64, i64, i64)
module attributes {transformer.model = {max_length = 8 : i64}} {
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids"},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x4xf32> {transformer.output = "y", transformer.rows = "tokens"}) {
    %t = arith.constant dense<1.0> : tensor<3x4xf32>
    %w = arith.constant dense<0.5> : tensor<4x4xf32>
    %x = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<3x4xf32>) -> tensor<?x4xf32>
    transformer.observe %x site "first" : tensor<?x4xf32>
    %y = transformer.linear %x, %w activation gelu : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    transformer.observe %y site "second" : tensor<?x4xf32>
    %z = transformer.linear %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    return %z : tensor<?x4xf32>
  }
}
