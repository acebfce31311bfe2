// RUN: transformer-opt %s --transformer-fuse --remarks-filter='transformer-fuse' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// REMARK-DAG: transformer.gelu went into the linear before it
// REMARK-DAG: arith.addf went into transformer.layer_norm
// CHECK-LABEL: func.func @encoder(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4xf32>
// CHECK: %[[Y:.*]] = transformer.linear %[[X]], %{{.*}} bias %{{.*}} activation gelu
// CHECK-NEXT: transformer.layer_norm %[[Y]], %{{.*}} residual(%[[X]])
// CHECK-NEXT: return
func.func @encoder(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>, %g: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %z = transformer.gelu %y : tensor<?x4xf32>
  %s = arith.addf %z, %x : tensor<?x4xf32>
  %n = transformer.layer_norm %s, %g {epsilon = 1.0e-5 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %n : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @others(
// CHECK: activation gelu_tanh
// CHECK: activation relu
// CHECK: activation silu
// CHECK: activation tanh
// CHECK: transformer.rms_norm %{{.*}} residual(
func.func @others(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %g: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %1 = transformer.gelu_tanh %0 : tensor<?x4xf32>
  %2 = transformer.linear %1, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %3 = transformer.relu %2 : tensor<?x4xf32>
  %4 = transformer.linear %3, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %5 = transformer.silu %4 : tensor<?x4xf32>
  %6 = transformer.linear %5, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %7 = transformer.tanh %6 : tensor<?x4xf32>
  %8 = arith.addf %x, %7 : tensor<?x4xf32>
  %9 = transformer.rms_norm %8, %g {epsilon = 1.0e-5 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %9 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @negative_other_uses(
// CHECK: transformer.gelu
// CHECK: arith.addf
func.func @negative_other_uses(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %g: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = transformer.gelu %y : tensor<?x4xf32>
  %s = arith.addf %z, %y : tensor<?x4xf32>
  %n = transformer.layer_norm %s, %g {epsilon = 1.0e-5 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %z, %s, %n : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// CHECK-LABEL: func.func @negative_rounds_between(
// CHECK: transformer.relu
// CHECK: arith.addf
func.func @negative_rounds_between(%x: tensor<?x4xf16>, %w: tensor<4x4xf16>, %g: tensor<4xf16>) -> tensor<?x4xf16> {
  %y = transformer.linear %x, %w : (tensor<?x4xf16>, tensor<4x4xf16>) -> tensor<?x4xf16>
  %z = transformer.relu %y : tensor<?x4xf16>
  %s = arith.addf %z, %x : tensor<?x4xf16>
  %n = transformer.layer_norm %s, %g {epsilon = 1.0e-5 : f32} : (tensor<?x4xf16>, tensor<4xf16>) -> tensor<?x4xf16>
  return %n : tensor<?x4xf16>
}

// CHECK-LABEL: func.func @negative_taken(
// CHECK: activation relu
// CHECK: transformer.gelu
// CHECK: arith.addf
func.func @negative_taken(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %g: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.linear %x, %w activation relu : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %z = transformer.gelu %y : tensor<?x4xf32>
  %s = arith.addf %z, %x : tensor<?x4xf32>
  %n = transformer.layer_norm %s, %g residual(%x) {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %n : tensor<?x4xf32>
}

// REMARK-DAG: 3 linears of one input became one
// CHECK-LABEL: func.func @projections(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x2xf32>
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 1.000000e+00], [1.000000e+00, 1.000000e+00], [2.000000e+00, 3.000000e+00], [4.000000e+00, 5.000000e+00], [6.000000e+00, 7.000000e+00], [8.000000e+00, 9.000000e+00]]>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<[1.000000e+01, 1.100000e+01, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00]>
// CHECK: %[[Y:.*]] = transformer.linear %[[X]], %[[W]] bias %[[B]]
// CHECK-DAG: %[[Q:.*]] = tensor.extract_slice %[[Y]][0, 0]
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %[[Y]][0, 2]
// CHECK-DAG: %[[V:.*]] = tensor.extract_slice %[[Y]][0, 4]
// CHECK: transformer.attention %[[Q]], %[[K]], %[[V]]
func.func @projections(%x: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %wq = arith.constant dense<1.0> : tensor<2x2xf32>
  %wk = arith.constant dense<[[2.0, 3.0], [4.0, 5.0]]> : tensor<2x2xf32>
  %wv = arith.constant dense<[[6.0, 7.0], [8.0, 9.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[10.0, 11.0]> : tensor<2xf32>
  %q = transformer.linear %x, %wq bias %b : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1, num_kv_heads = 1}
      : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// REMARK-DAG: the projections stay 2 linears: of one, its weight is not known: load the weights first
// CHECK-LABEL: func.func @negative_unknown_weights(
// CHECK-COUNT-2: transformer.linear
func.func @negative_unknown_weights(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %q = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %y = transformer.attention %q, %k, %x offsets(%o) {num_heads = 1, num_kv_heads = 1}
      : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
