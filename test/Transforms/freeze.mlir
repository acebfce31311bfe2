// RUN: transformer-opt %s --transformer-freeze --remarks-filter='transformer-freeze' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// REMARK-DAG: the key bias shifts every score of a query by the same number: dropped
// REMARK-DAG: nothing reads key.bias: dropped
// CHECK-NOT: @key.bias
// CHECK: ml_program.global private @query.bias
// CHECK: ml_program.global public @kept
ml_program.global private @"key.bias"(dense<1.0> : tensor<4xf32>) : tensor<4xf32>
ml_program.global private @"query.bias"(dense<1.0> : tensor<4xf32>) : tensor<4xf32>
ml_program.global public @kept(dense<1.0> : tensor<4xf32>) : tensor<4xf32>

// CHECK-LABEL: func.func @keys(
// CHECK: transformer.linear {{.*}} bias
// CHECK: transformer.linear %{{.*}}, %{{[a-z0-9]+}} :
// CHECK: transformer.attention
func.func @keys(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %b = ml_program.global_load_const @"key.bias" : tensor<4xf32>
  %c = ml_program.global_load_const @"query.bias" : tensor<4xf32>
  %q = transformer.linear %x, %w bias %c : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %k = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %q, %k, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// REMARK-DAG: a key bias would stay: rope turns it differently at each position
// CHECK-LABEL: func.func @negative_rope(
// CHECK: transformer.linear {{.*}} bias
func.func @negative_rope(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> tensor<?x4xf32> {
  %k = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %r = transformer.rope %k, %p {num_heads = 2, theta = 1.0e4 : f32} : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %r, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// REMARK-DAG: the key bias stays: its sum is used elsewhere or goes through an activation
// CHECK-LABEL: func.func @negative_values_too(
// CHECK: transformer.linear {{.*}} bias
func.func @negative_values_too(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %k = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %k, %k offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @negative_activation(
// CHECK: transformer.linear {{.*}} bias {{.*}} activation relu
func.func @negative_activation(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %k = transformer.linear %x, %w bias %b activation relu : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %k, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// W b + c = [1 + 2 + 3 + 4, 4, 3, 2] * 1 + 0.5
// REMARK-DAG: the value bias went through the output linear into its bias
// CHECK-LABEL: func.func @values(
// CHECK: %[[W:[a-z0-9_]+]] = arith.constant dense<{{\[}}[1.0
// CHECK: %[[V:[a-z0-9]+]] = transformer.linear %{{[a-z0-9]+}}, %[[W]] :
// CHECK: transformer.attention %{{[a-z0-9]+}}, %{{[a-z0-9]+}}, %[[V]]
// CHECK: %[[C:[a-z0-9_]+]] = arith.constant dense<[1.050000e+01, 4.500000e+00, 3.500000e+00, 2.500000e+00]> : tensor<4xf32>
// CHECK: transformer.linear %{{[a-z0-9]+}}, %[[W]] bias %[[C]]
func.func @values(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]> : tensor<4x4xf32>
  %b = arith.constant dense<1.0> : tensor<4xf32>
  %c = arith.constant dense<0.5> : tensor<4xf32>
  %v = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %x, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %z = transformer.linear %y, %w bias %c : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// Two query heads share a key head: [b0, b1, b0, b1] reaches the output.
// CHECK-LABEL: func.func @grouped_values(
// CHECK: arith.constant dense<[1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00]>
func.func @grouped_values(%x: tensor<?x4xf32>, %k: tensor<?x2xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]> : tensor<4x4xf32>
  %u = arith.constant dense<3.0> : tensor<2x4xf32>
  %b = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %v = transformer.linear %x, %u bias %b : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %y = transformer.attention %x, %k, %v offsets(%o) {num_heads = 2, num_kv_heads = 1}
      : (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %z = transformer.linear %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// REMARK-DAG: the value bias stays: a row may see no key
// CHECK-LABEL: func.func @negative_may_see_no_key(
// CHECK: transformer.linear {{.*}} bias
func.func @negative_may_see_no_key(%x: tensor<?x4xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %v = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %x, %v offsets(%o, %p) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32>
  %z = transformer.linear %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// REMARK-DAG: the value bias stays: the weights are not known or not f32: load them first
// CHECK-LABEL: func.func @negative_unknown_weights(
// CHECK: transformer.linear {{.*}} bias
func.func @negative_unknown_weights(%x: tensor<?x4xf32>, %o: tensor<?xi32>, %w: tensor<4x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %v = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.attention %x, %x, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %z = transformer.linear %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
