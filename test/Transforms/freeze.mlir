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
