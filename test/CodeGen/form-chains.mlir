// RUN: transformer-opt %s --transformer-form-chains | FileCheck %s
// RUN: transformer-opt %s --transformer-form-chains=fuse=false | FileCheck %s --check-prefix=ALONE
// RUN: sed 's/%w1 : (\(.*\)/%w1 activation silu : (\1/' %s | transformer-opt --transformer-form-chains=epilogues=false | FileCheck %s --check-prefix=SPLIT

ml_program.global private @w0(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
ml_program.global private @w1(#ml_program.extern : tensor<8x8xf32>) : tensor<8x8xf32>
ml_program.global private @head(#ml_program.extern : tensor<2x8xf32>) : tensor<2x8xf32>

// Two layers that differ in their weights only share a chain; the classifier,
// which one output needs, is a chain of its own.
// CHECK-LABEL: func.func private @chain_0(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32> {bufferization.writable = false}
// CHECK-SAME: %[[W:.*]]: tensor<8x8xf32> {bufferization.writable = false}
// CHECK-SAME: %[[D:.*]]: tensor<?x8xf32> {bufferization.writable = true}
// CHECK: %[[L:.*]] = transformer.linear %[[X]], %[[W]]
// CHECK: transformer.relu %[[L]]
// CHECK-LABEL: func.func private @chain_1(
// CHECK: transformer.linear
// CHECK-NOT: func.func private
// CHECK-LABEL: func.func @forward(
// CHECK: call @chain_0({{.*}}) {transformer.wanted = 3 : i64}
// CHECK: transformer.attention {{.*}} transformer.wanted = 3
// CHECK: call @chain_0({{.*}}) {transformer.wanted = 3 : i64}
// CHECK: transformer.pool mean {{.*}} {transformer.wanted = 2 : i64}
// CHECK: call @chain_1({{.*}}) {transformer.wanted = 2 : i64}

// Each op alone, and still one function for equal ones.
// ALONE: func.func private @chain_0(
// ALONE-NEXT: transformer.linear
// ALONE-NEXT: return
// ALONE: func.func private @chain_1(
// ALONE-NEXT: transformer.relu
// ALONE-NEXT: return
// ALONE-LABEL: func.func @forward(
// ALONE: call @chain_0(
// ALONE: call @chain_1(
// ALONE: transformer.attention
// ALONE: call @chain_0(
// ALONE: call @chain_1(

// The activation of a linear as an op behind it.
// SPLIT-LABEL: func.func private @chain_1(
// SPLIT-NEXT: %[[L:.*]] = transformer.linear
// SPLIT-NEXT: %[[S:.*]] = transformer.silu %[[L]]
// SPLIT-NEXT: transformer.relu %[[S]]
func.func @forward(%x: tensor<?x8xf32> {transformer.input = "x"},
                   %offsets: tensor<?xi32> {transformer.input = "offsets"})
    -> (tensor<?x8xf32>, tensor<?x2xf32>) {
  %w0 = ml_program.global_load_const @w0 : tensor<8x8xf32>
  %w1 = ml_program.global_load_const @w1 : tensor<8x8xf32>
  %wh = ml_program.global_load_const @head : tensor<2x8xf32>
  %0 = transformer.linear %x, %w0 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %1 = transformer.relu %0 : tensor<?x8xf32>
  %2 = transformer.attention %1, %1, %1 offsets(%offsets) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %3 = transformer.linear %2, %w1 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %4 = transformer.relu %3 : tensor<?x8xf32>
  %5 = transformer.pool mean %4 offsets(%offsets) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %6 = transformer.linear %5, %wh : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %4, %6 : tensor<?x8xf32>, tensor<?x2xf32>
}
