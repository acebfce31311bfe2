// RUN: transformer-opt %s --transformer-factorize-svd='rank=1 multiple=1 skip=spared' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-factorize-svd='error=1e-6 multiple=1 damping=0' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: transformer-opt %s --transformer-factorize-svd='ratio=0.5 multiple=1 share=false' --split-input-file | FileCheck %s --check-prefix=RATIO
// RUN: transformer-opt %s --transformer-factorize-svd='max-bytes=96 multiple=1' --split-input-file | FileCheck %s --check-prefix=BYTES
// RUN: transformer-opt %s --transformer-factorize-svd='rank=1 multiple=1' --transformer-quantize-i8 --split-input-file | FileCheck %s --check-prefix=I8
// RUN: transformer-opt %s --transformer-factorize-svd='rank=1 multiple=1 pivoted=true skip=spared' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2> %t.pivoted | FileCheck %s --check-prefix=PIVOT
// RUN: FileCheck %s --check-prefix=REMARK-PIVOT < %t.pivoted
// RUN: transformer-opt %s --transformer-factorize-svd='rank=2 multiple=1' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: transformer-opt %s --transformer-factorize-svd='rank=5 multiple=1' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=NAMES5
// RUN: not transformer-opt %s --transformer-factorize-svd='rank=1 energy=0.5' --split-input-file 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: transformer-factorize-svd: several options say which rank: give one of rank=, energy=, error=, ratio= and max-bytes=
// RUN: not transformer-opt %s --transformer-factorize-svd='rank=0' 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: transformer-factorize-svd: rank is 0, expected 1 to 2147483647
// RUN: transformer-opt %s --transformer-factorize-svd='rank=1 multiple=1 damping=1e308' --split-input-file --remarks-filter='transformer-factorize-svd' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=LARGE
// LARGE-DAG: loc("example"): {{.*}}the linear keeps its rank: f32 does not hold its factors

// CHECK-LABEL: func @example
// CHECK: %[[Z:.*]] = transformer.linear %arg0, %{{.*}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
// CHECK: transformer.linear %[[Z]], %{{.*}} activation gelu : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
// REMARK-DAG: loc("example"): {{.*}}rank 1, 8 numbers in place of 16, with {{.*}} of the output's variance lost, by activations assumed, because there is no profile
// ERROR: loc("example"): {{.*}}spectrum{{.*}}"channels 1:1.00e+00"
// ERROR: loc("example"): {{.*}}rank 1, 8 numbers in place of 16, with {{[0-9.]+e-1[0-9]}} of the output's variance lost
// PIVOT-LABEL: func @example
// PIVOT: %[[P:.*]] = transformer.select %arg0, %{{.*}} : (tensor<?x4xf32>, tensor<1xi32>) -> tensor<?x1xf32>
// PIVOT: %[[R:.*]] = transformer.select %arg0, %{{.*}} : (tensor<?x4xf32>, tensor<3xi32>) -> tensor<?x3xf32>
// PIVOT: %[[M:.*]] = transformer.linear %[[R]], %{{.*}} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
// PIVOT: %[[Z:.*]] = arith.addf %[[M]], %[[P]] : tensor<?x1xf32>
// PIVOT: transformer.linear %[[Z]], %{{.*}} activation gelu : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
// REMARK-PIVOT-DAG: loc("example"): {{.*}}rank 1, of inputs, 11 numbers in place of 16, with
// NAMES-DAG: loc("example"): {{.*}}the linear keeps its rank: rank 2 would take 16 numbers in place of 16; below 2 it would pay
// I8-LABEL: func @example
// I8: transformer.linear {{.*}} scales({{.*}}) : (tensor<?x4xi8>, tensor<1x4xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
// I8: transformer.linear {{.*}} activation gelu : (tensor<?x1xi8>, tensor<4x1xi8>, tensor<?xf32>, tensor<4xf32>) -> tensor<?x4xf32>
func.func @example(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 0.0, 1.0], [2.0, 4.0, 0.0, 2.0], [3.0, 6.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %y = transformer.linear %x, %w activation gelu : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("example")
  return %y : tensor<?x4xf32>
}

// -----

// Queries, keys and values share a factor, of which more channels pay.
// CHECK-LABEL: ml_program.global private @q.down.weight
// CHECK-LABEL: func @shared
// CHECK-COUNT-1: (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
// CHECK-COUNT-3: transformer.linear {{.*}} : (tensor<?x1xf32>, tensor<4x1xf32>{{.*}}) -> tensor<?x4xf32>
// CHECK: transformer.attention
// REMARK-DAG: loc("q"): {{.*}}rank 1, 16 numbers in place of 48, with one factor for 3 linears, with
// One pair of selections for all of them.
// PIVOT-LABEL: func @shared
// PIVOT-COUNT-2: transformer.select
// PIVOT-NOT: transformer.select
// PIVOT: transformer.attention
// REMARK-PIVOT-DAG: loc("q"): {{.*}}rank 1, of inputs, 19 numbers in place of 48, with one factor for 3 linears, with
// RATIO-LABEL: func @shared
// RATIO-COUNT-3: (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
// BYTES-LABEL: func @shared
// BYTES: tensor<1x4xf32>) -> tensor<?x1xf32>
ml_program.global private @q(dense<[[1.0, 2.0, 0.0, 1.0], [2.0, 4.0, 1.0, 2.0], [3.0, 1.0, 0.0, 3.0], [1.0, 0.0, 5.0, 0.0]]> : tensor<4x4xf32>) : tensor<4x4xf32>
ml_program.global private @k(dense<[[1.0, 2.0, 3.0, 1.0], [2.0, 4.0, 1.0, 2.0], [3.0, 1.0, 0.0, 3.0], [1.0, 0.0, 5.0, 0.0]]> : tensor<4x4xf32>) : tensor<4x4xf32>
ml_program.global private @v(dense<[[1.0, 2.0, 0.0, 1.0], [2.0, 4.0, 1.0, 2.0], [3.0, 1.0, 2.0, 3.0], [1.0, 0.0, 5.0, 0.0]]> : tensor<4x4xf32>) : tensor<4x4xf32>
func.func @shared(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %wq = ml_program.global_load_const @q : tensor<4x4xf32>
  %wk = ml_program.global_load_const @k : tensor<4x4xf32>
  %wv = ml_program.global_load_const @v : tensor<4x4xf32>
  %q = transformer.linear %x, %wq : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("q")
  %k = transformer.linear %x, %wk : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("k")
  %v = transformer.linear %x, %wv : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> loc("v")
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %a : tensor<?x4xf32>
}

// -----

// A small weight has no rank that pays.
// CHECK-LABEL: func @declined
// CHECK-COUNT-3: transformer.linear
// CHECK-NOT: transformer.linear
// REMARK-DAG: loc("small"): {{.*}}the linear keeps its rank: rank 1 would take 4 numbers in place of 4; below 1 it would pay
// REMARK-DAG: loc("spared"): {{.*}}the linear keeps its rank: skip= names it
// REMARK-DAG: loc("computed"): {{.*}}the linear keeps its rank: its weight is computed
func.func @declined(%x: tensor<?x2xf32>, %u: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<[[1.0, 2.0], [2.0, 4.0]]> : tensor<2x2xf32>
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("small")
  %z = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("spared")
  %a = transformer.linear %x, %u : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("computed")
  return %y, %z, %a : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// What pays only with pivots is said.
// CHECK-LABEL: func @more
// NAMES5-DAG: loc("more"): {{.*}}the linear keeps its rank: rank 5 would take 80 numbers in place of 64; below 4 it would pay, and with pivoted=true below 6
// REMARK-PIVOT-DAG: loc("open"): {{.*}}rank 1, of inputs
func.func @more(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x8xf32>
  %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32> loc("more")
  return %y : tensor<?x8xf32>
}

// -----

// Of a width that the text leaves open, the weight knows it.
// CHECK-LABEL: func @open
// CHECK: transformer.linear %arg0, %{{.*}} : (tensor<?x?xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
func.func @open(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 0.0, 1.0], [2.0, 4.0, 0.0, 2.0], [3.0, 6.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %y = transformer.linear %x, %w : (tensor<?x?xf32>, tensor<4x4xf32>) -> tensor<?x?xf32> loc("open")
  return %y : tensor<?x?xf32>
}
