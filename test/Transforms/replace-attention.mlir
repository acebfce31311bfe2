// RUN: transformer-opt %s --transformer-replace-attention='kind=mean skip=spared' --split-input-file --remarks-filter='transformer-replace-attention' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-replace-attention='kind=mq' --split-input-file --remarks-filter='transformer-replace-attention' --remark-format=emitRemark 2> %t.mq | FileCheck %s --check-prefix=MQ
// RUN: FileCheck %s --check-prefix=MQWHY < %t.mq
// RUN: transformer-opt %s --transformer-replace-attention='kinds=residual:drop,after-norm:bias,.:lags' --split-input-file --remarks-filter='transformer-replace-attention' --remark-format=emitRemark 2> %t.kinds | FileCheck %s --check-prefix=KINDS
// RUN: FileCheck %s --check-prefix=WHY < %t.kinds
// RUN: transformer-opt %s --transformer-replace-attention='kind=fft' --split-input-file --remarks-filter='transformer-replace-attention' --remark-format=emitRemark 2> %t.fft -o %t.same
// RUN: FileCheck %s --check-prefix=FFT < %t.fft
// RUN: not transformer-opt %s --transformer-replace-attention --split-input-file 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not transformer-opt %s --transformer-replace-attention='kind=auto' --split-input-file 2>&1 | FileCheck %s --check-prefix=AUTO
// RUN: not transformer-opt %s --transformer-replace-attention='kind=drop max-error=0.1' --split-input-file 2>&1 | FileCheck %s --check-prefix=ERROR
// RUN: not transformer-opt %s --transformer-replace-attention='kind=magic' --split-input-file 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not transformer-opt %s --transformer-replace-attention='kinds=magic' --split-input-file 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not transformer-opt %s --transformer-replace-attention='kinds=(:mq' --split-input-file 2>&1 | FileCheck %s --check-prefix=REGEX
// NOTHING: transformer-replace-attention: what takes its place is not said: give kind= or kinds=
// AUTO: transformer-replace-attention: auto takes the cheapest one that is good enough: give max-error=
// ERROR: transformer-replace-attention: max-error goes with auto, and nothing is auto
// KIND: transformer-replace-attention: kind is 'magic', expected drop, bias, mq, linear, mean, mq+linear, lags, fft or auto
// FORM: transformer-replace-attention: kinds has 'magic', expected a regular expression, ':' and one of drop, bias, mq, linear, mean, mq+linear, lags, fft and auto
// REGEX: transformer-replace-attention: kinds has '(', which is no regular expression
// FFT-COUNT-4: fft without training is worse than the mean of the output: {{.*}} say untuned=true if training follows

// Queries are zero, so all tokens of a sequence count alike.
// CHECK-LABEL: func @example
// CHECK-NOT: attention
// CHECK: %[[M:.*]] = transformer.pool mean %[[X:.*]] offsets(%[[O:.*]]) :
// CHECK: %[[W:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 4.000000e+00], [3.000000e+00, 7.000000e+00]]> : tensor<2x2xf32>
// CHECK: %[[R:.*]] = transformer.linear %[[M]], %[[W]] :
// CHECK: %[[T:.*]] = tensor.dim %[[X]]
// CHECK: %[[Y:.*]] = transformer.unpool %[[R]], %[[T]] offsets(%[[O]])
// CHECK: return %[[Y]]
// REMARK-DAG: loc("example"): {{.*}}mean in its place, with an error that nothing tells, by its weights alone, because there is no profile
// The queries are those of the mean, in terms of x; the scale stays what it was.
// MQ-LABEL: func @example
// MQ: %[[M:.*]] = transformer.pool mean %[[X:.*]] offsets(%[[O:.*]]) :
// MQ: %[[Q:.*]] = transformer.linear %[[M]], {{.*}} tensor<4x2xf32>) -> tensor<?x4xf32>
// MQ: %[[EACH:.*]] = transformer.positions {{.*}} : (tensor<2xi32>, index) -> tensor<?xi32>
// MQ: %[[A:.*]] = transformer.attention %[[Q]], %[[X]], %[[X]] offsets(%[[EACH]], %[[O]]) {num_heads = 2 : i64, num_kv_heads = 1 : i64, scale = 1.000000e+00 : f32}
// MQ: arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00, 0.000000e+00, 2.000000e+00], [3.000000e+00, 6.000000e+00, 0.000000e+00, 1.000000e+00]]> : tensor<2x4xf32>
// MQ: %[[R:.*]] = transformer.linear %[[A]]
// MQ: transformer.unpool %[[R]]
// KINDS-LABEL: func @example
// KINDS: transformer.attention
// WHY-DAG: loc("example"): {{.*}}attention stays as it is: what lags can tell of its output does not follow from weights: give a profile with sums for it
func.func @example(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<0.0> : tensor<2x2xf32>
  %wk = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
  %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("example")
  %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("output")
  return %y : tensor<?x2xf32>
}

// -----

// Grouped keys and values, biases, a residual sum: bias = bo + wo (wv 0 + bv).
// KINDS-LABEL: func @residual
// KINDS-SAME: (%[[X:.*]]: tensor<?x2xf32>, %
// KINDS-NOT: attention
// KINDS: transformer.layer_norm %[[X]], %{{.*}} {epsilon
// WHY-DAG: loc("residual"): {{.*}}drop in its place
// CHECK-LABEL: func @residual
// CHECK: arith.constant dense<{{\[}}[3.000000e+00, 6.000000e+00], [4.000000e+00, 8.000000e+00]]>
// CHECK: arith.constant dense<[1.600000e+01, 2.700000e+01]>
// CHECK: transformer.unpool
// MQ-LABEL: func @residual
// MQ: arith.constant dense<{{\[}}[0.000000e+00, 1.000000e+00], [0.000000e+00, 2.000000e+00], [0.000000e+00, 3.000000e+00], [0.000000e+00, 6.000000e+00]]> : tensor<4x2xf32>
// MQ: arith.constant dense<[1.000000e+00, 2.000000e+00, 2.000000e+00, 4.000000e+00]> : tensor<4xf32>
func.func @residual(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<[[0.0, 1.0], [0.0, 3.0]]> : tensor<2x2xf32>
  %bq = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %wk = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %bv = arith.constant dense<5.0> : tensor<1xf32>
  %wo = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
  %bo = arith.constant dense<[1.0, 7.0]> : tensor<2xf32>
  %g = arith.constant dense<1.0> : tensor<2xf32>
  %q = transformer.linear %x, %wq bias %bq : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %v = transformer.linear %x, %wv bias %bv : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("residual")
  %y = transformer.linear %a, %wo bias %bo : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32> loc("output")
  %z = transformer.layer_norm %y, %g residual(%x) {epsilon = 1.0e-5 : f32} : (tensor<?x2xf32>, tensor<2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// The mean of what a norm gives is its bias (1, 0); the output's is
// wo wv (1, 0) = (1, 3), and goes into that bias.
// KINDS-LABEL: func @after_norm
// KINDS: %[[B:.*]] = arith.constant dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>
// KINDS: %[[N:.*]] = transformer.layer_norm %{{.*}}, %{{.*}}, %[[B]]
// KINDS-NEXT: return %[[N]]
// WHY-DAG: loc("after-norm"): {{.*}}bias in its place
// REMARK-DAG: loc("after-norm"): {{.*}}mean in its place
// CHECK-LABEL: func @after_norm
// MQ-LABEL: func @after_norm
func.func @after_norm(%h: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %g = arith.constant dense<1.0> : tensor<2xf32>
  %b = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %wq = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %wk = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %wv = arith.constant dense<[[1.0, 2.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %wo = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
  %x = transformer.layer_norm %h, %g, %b {epsilon = 1.0e-5 : f32} : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("after-norm")
  %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("output")
  %z = arith.addf %y, %x : tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @declined
// CHECK-COUNT-4: transformer.attention
// REMARK-DAG: loc("causal"): {{.*}}attention stays as it is: it is causal, and a mean or a next token would show tokens what comes after them
// REMARK-DAG: loc("spared"): {{.*}}attention stays as it is: skip= names it
// REMARK-DAG: loc("two-inputs"): {{.*}}attention stays as it is: its queries, keys and values are not of one input
// REMARK-DAG: loc("no-output"): {{.*}}attention stays as it is: no linear alone reads its result
// MQWHY-DAG: loc("spared"): {{.*}}attention stays as it is: rope turns its queries and keys by position, and one query for all positions has none
func.func @declined(%x: tensor<?x2xf32>, %h: tensor<?x2xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %q0 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k0 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v0 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a0 = transformer.attention %q0, %k0, %v0 offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64, causal} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("causal")
  %y0 = transformer.linear %a0, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("output0")
  %q1 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k1 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v1 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %r1 = transformer.rope %q1, %p {num_heads = 1 : i64, theta = 1.0e4 : f32} : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %s1 = transformer.rope %k1, %p {num_heads = 1 : i64, theta = 1.0e4 : f32} : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  %a1 = transformer.attention %r1, %s1, %v1 offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("spared")
  %y1 = transformer.linear %a1, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("output1")
  %q2 = transformer.linear %h, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k2 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v2 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a2 = transformer.attention %q2, %k2, %v2 offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("two-inputs")
  %y2 = transformer.linear %a2, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("output2")
  %q3 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k3 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v3 = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %a3 = transformer.attention %q3, %k3, %v3 offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("no-output")
  return %y0, %y1, %y2, %a3 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
