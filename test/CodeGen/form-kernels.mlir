// RUN: transformer-opt %s --transformer-form-kernels | FileCheck %s

module attributes {transformer.model = {max_length = 64 : i64}} {
// Grouped heads: query head h uses key head h / 2.
// CHECK-LABEL: func.func @grouped
// Few sequences and heads are cut into blocks of rows, for the threads.
// CHECK: %[[BLOCKS:.*]] = arith.minui
// CHECK: scf.forall (%[[S:.*]], %[[H:.*]], %[[B:.*]]) in (%{{.*}}, 4, %[[BLOCKS]])
// CHECK: arith.divui %[[H]], %{{.*}}
// CHECK: transformer_kernel.attention {{.*}} rows(%{{.*}} of %{{.*}}) outs(%{{.*}}) {causal, max_keys = 64 : i64, scale = 5.000000e-01 : f32}
// CHECK: tensor.parallel_insert_slice
func.func @grouped(%q: tensor<?x16xf32>, %kv: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> tensor<?x16xf32> {
  %y = transformer.attention %q, %kv, %kv offsets(%offsets) {num_heads = 4 : i64, num_kv_heads = 2 : i64, causal}
      : (tensor<?x16xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @rounded
// CHECK: transformer_kernel.attention {{.*}} products = #transformer.products<i8>
func.func @rounded(%x: tensor<?x16xf32>, %offsets: tensor<?xi32>) -> tensor<?x16xf32> {
  %y = transformer.attention %x, %x, %x offsets(%offsets) {num_heads = 4 : i64, num_kv_heads = 4 : i64, products = #transformer.products<i8>}
      : (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @fourier
// CHECK: scf.forall (%{{.*}}) in (%{{.*}})
// CHECK: transformer_kernel.fft_mix {{.*}} {max_rows = 64 : i64}
func.func @fourier(%x: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.fft_mix %x offsets(%offsets) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @negative_dense
// CHECK: transformer.fft_mix
func.func @negative_dense(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %y = transformer.fft_mix %x : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}
}
