// RUN: transformer-opt %s --transformer-narrow-heads='heads=1' --split-input-file --remarks-filter='transformer-narrow-heads' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-narrow-heads='qk-rank=1 vo-rank=1 multiple=1 skip=spared' --split-input-file --remarks-filter='transformer-narrow-heads' --remark-format=emitRemark 2> %t.ranks | FileCheck %s --check-prefix=RANK
// RUN: FileCheck %s --check-prefix=WHY < %t.ranks
// RUN: transformer-opt %s --transformer-narrow-heads='max-error=1e-3 multiple=1 damping=1e-8' --split-input-file | FileCheck %s --check-prefix=ERROR
// RUN: not transformer-opt %s --transformer-narrow-heads --split-input-file 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not transformer-opt %s --transformer-narrow-heads='heads=1 keep=0.5' --split-input-file 2>&1 | FileCheck %s --check-prefix=BOTH
// NOTHING: transformer-narrow-heads: how narrow is not said: give heads=, keep=, qk-rank=, vo-rank=, max-error=, head-counts= or qk-ranks=
// BOTH: transformer-narrow-heads: heads and keep exclude each other: give one
// RUN: not transformer-opt %s --transformer-narrow-heads='vo-rank=2 multiple=9223372036854775807' 2>&1 | FileCheck %s --check-prefix=HUGE
// HUGE: transformer-narrow-heads: multiple is 9223372036854775807, expected 1 to 2147483647
// RUN: not transformer-opt %s --transformer-narrow-heads='qk-rank=1 single-queries=true' --split-input-file 2>&1 | FileCheck %s --check-prefix=ALONE
// ALONE: transformer-narrow-heads: single-queries stand in for heads that go: give heads=, keep=, head-counts= or max-error= too
// RUN: transformer-opt %s --transformer-narrow-heads='heads=1 single-queries=true' --split-input-file --remarks-filter='transformer-narrow-heads' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=SUMS
// SUMS-DAG: loc("example"): {{.*}}attention stays as it is: single queries beside heads are fitted to what was measured: give a profile with sums for them (transformer-compile --emit=profile --attention=regex:mq)
// RUN: transformer-opt %s --transformer-narrow-heads='qk-rank=1 vo-rank=2 multiple=4' --split-input-file --remarks-filter='transformer-narrow-heads' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=MULTIPLE
// MULTIPLE-DAG: loc("example"): {{.*}}attention stays as it is: scores sum 1 channels, and 1, rounded up to a multiple of 4, are not fewer; values have 1 channels, and 2, rounded up to a multiple of 4, are not fewer

// Two heads with one channel each; the second one's values are zero.
// CHECK-LABEL: func @example
// CHECK: arith.constant dense<{{\[}}[1.000000e+00, 0.000000e+00]]> : tensor<1x2xf32>
// CHECK: transformer.attention {{.*}} {num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 1.000000e+00 : f32} : (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
// CHECK: arith.constant dense<{{\[}}[1.000000e+00], [3.000000e+00]]> : tensor<2x1xf32>
// CHECK: transformer.linear {{.*}} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
// REMARK-DAG: loc("example"): {{.*}}2 heads to 1, 1 channels of scores to 1, 1 channels of values to 1, with 0.00e+00 of the variance of scores and 0.00e+00 of that of the output lost, by activations assumed, because there is no profile
// REMARK-DAG: loc("example"): {{.*}}importance{{.*}}heads 1.00e+00 {{[0-9.]+e-05}}
// WHY-DAG: loc("example"): {{.*}}attention stays as it is: scores sum 1 channels, and 1 are not fewer; values have 1 channels, and 1 are not fewer
// ERROR-LABEL: func @example
// ERROR: num_heads = 1
func.func @example(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wk = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
  %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("example")
  %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// One head of two channels; in scores only one counts, and the bias of keys never.
// The scale stays what it was: 1 / sqrt(2).
// RANK-LABEL: func @ranks
// RANK: transformer.attention {{.*}} {num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 0.707106769 : f32} : (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
// WHY-DAG: loc("ranks"): {{.*}}1 heads to 1, 2 channels of scores to 1, 2 channels of values to 1, with 0.00e+00 of the variance of scores and {{.*}} of that of the output lost
// WHY-DAG: loc("ranks"): {{.*}}spectrum{{.*}}channels {{[1-9][0-9.e+]+}} 0.00e+00
// REMARK-DAG: loc("ranks"): {{.*}}attention stays as it is: it has 1 heads, and 1 are not fewer
// ERROR-LABEL: func @ranks
// ERROR: (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
func.func @ranks(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<[[1.0, 2.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %wk = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %bk = arith.constant dense<[5.0, 7.0]> : tensor<2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [2.0, 1.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
  %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk bias %bk : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("ranks")
  %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Two heads of queries share one of keys and values: they can't be parted, but
// their scores can be narrowed together.
// CHECK-LABEL: func @grouped
// CHECK: num_heads = 2 : i64, num_kv_heads = 1 : i64}
// RANK-LABEL: func @grouped
// RANK: {num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 0.707106769 : f32} : (tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x4xf32>
// REMARK-DAG: loc("grouped"): {{.*}}each head of keys and values serves 2 of queries, and 1 is no multiple
func.func @grouped(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<[[1.0, 2.0], [0.0, 3.0], [2.0, 1.0], [1.0, 1.0]]> : tensor<4x2xf32>
  %wk = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 2.0, 0.0, 1.0], [3.0, 1.0, 1.0, -1.0]]> : tensor<2x4xf32>
  %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x4xf32> loc("grouped")
  %y = transformer.linear %a, %wo : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @declined
// CHECK-COUNT-3: num_heads = 2
// REMARK-DAG: loc("rope"): {{.*}}attention stays as it is: rope turns its queries and keys by position
// REMARK-DAG: loc("merged"): {{.*}}attention stays as it is: its queries, keys and values do not come from a linear each
// REMARK-DAG: loc("twice"): {{.*}}attention stays as it is: its queries, keys or values are read elsewhere too
// WHY-DAG: loc("spared"): {{.*}}attention stays as it is: skip= names it
func.func @declined(%x: tensor<?x4xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %q = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %k = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %v = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %r = transformer.rope %q, %p {num_heads = 2 : i64, theta = 1.0e4 : f32} : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %a = transformer.attention %r, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32> loc("rope")
  %b = transformer.attention %x, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32> loc("merged")
  %s = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %c = transformer.attention %s, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32> loc("twice")
  return %a, %b, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}
func.func @spared(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %a = transformer.attention %x, %x, %x offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("spared")
  return %a : tensor<?x2xf32>
}
