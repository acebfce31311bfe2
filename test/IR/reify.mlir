// Result sizes come from the operands: no tensor.dim of a result is left.
// RUN: transformer-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?xf32>, %[[W:[a-z0-9]+]]: tensor<?x?xf32>
// CHECK-DAG: %[[ROWS:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[COLUMNS:.*]] = tensor.dim %[[W]], %c0
// CHECK: return %[[ROWS]], %[[COLUMNS]]
func.func @linear(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = transformer.linear %x, %w : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %d0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %d0, %d1 : index, index
}

// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x8xf32>, %{{.*}}: tensor<?x8xf32>
// CHECK: %[[ROWS:.*]] = tensor.dim %[[Q]], %c0
// CHECK: return %[[ROWS]]
func.func @attention(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> index {
  %c0 = arith.constant 0 : index
  %y = transformer.attention %q, %k, %k offsets(%o, %p) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x8xf32>
  %d0 = tensor.dim %y, %c0 : tensor<?x8xf32>
  return %d0 : index
}

// CHECK-LABEL: func.func @embedding(
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<2x?xi32>
// CHECK: %[[N:.*]] = tensor.dim %[[IDS]], %c1
// CHECK: return %[[N]]
func.func @embedding(%ids: tensor<2x?xi32>, %t: tensor<9x4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %y = transformer.embedding %ids, %t : (tensor<2x?xi32>, tensor<9x4xf32>) -> tensor<2x?x4xf32>
  %z = transformer.gelu %y : tensor<2x?x4xf32>
  %d = tensor.dim %z, %c1 : tensor<2x?x4xf32>
  return %d : index
}

// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4xf32>, %[[W:[a-z0-9]+]]: tensor<4xf32>, %[[O:[a-z0-9]+]]: tensor<?xi32>
// CHECK: %[[T:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[T]], %[[T]]
func.func @rows(%x: tensor<?x4xf32>, %w: tensor<4xf32>, %o: tensor<?xi32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %m = arith.constant dense<1.0> : tensor<3x4xf32>
  %1 = transformer.layer_norm %x, %w {epsilon = 0.0 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = transformer.rms_norm %1, %w {epsilon = 0.0 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %3 = transformer.l2_normalize %2 {epsilon = 0.0 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %4 = transformer.fft_mix %3 offsets(%o) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %5 = transformer.token_mix %4, %m offsets(%o) : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %6 = transformer.gelu_tanh %5 : tensor<?x4xf32>
  %7 = transformer.relu %6 : tensor<?x4xf32>
  %8 = transformer.silu %7 : tensor<?x4xf32>
  %9 = transformer.tanh %8 : tensor<?x4xf32>
  %q, %s = transformer.quantize %9 : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf32>)
  %y = transformer.dequantize %q, %s : (tensor<?x4xi8>, tensor<?xf32>) -> tensor<?x4xf32>
  %d = tensor.dim %y, %c0 : tensor<?x4xf32>
  %e = tensor.dim %s, %c0 : tensor<?xf32>
  return %d, %e : index, index
}

// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x8xf32>, %[[O:[a-z0-9]+]]: tensor<?xi32>, %[[N:[a-z0-9]+]]: index
// CHECK: %[[T:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[T]], %[[N]]
func.func @rope(%x: tensor<?x8xf32>, %o: tensor<?xi32>, %n: index) -> (index, index) {
  %c0 = arith.constant 0 : index
  %p = transformer.positions %o, %n : (tensor<?xi32>, index) -> tensor<?xi32>
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %d = tensor.dim %y, %c0 : tensor<?x8xf32>
  %e = tensor.dim %p, %c0 : tensor<?xi32>
  return %d, %e : index, index
}

// CHECK-LABEL: func.func @pool_and_back(
// CHECK-SAME: %{{.*}}: tensor<?x4xf32>, %[[O:[a-z0-9]+]]: tensor<?xi32>, %[[N:[a-z0-9]+]]: index
// CHECK: %[[ENDS:.*]] = tensor.dim %[[O]], %c0
// CHECK: %[[BATCH:.*]] = arith.{{sub|add}}i %[[ENDS]]
// CHECK: return %[[BATCH]], %[[N]]
func.func @pool_and_back(%x: tensor<?x4xf32>, %o: tensor<?xi32>, %n: index) -> (index, index) {
  %c0 = arith.constant 0 : index
  %s = transformer.pool mean %x offsets(%o) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %y = transformer.unpool %s, %n offsets(%o) : (tensor<?x4xf32>, index, tensor<?xi32>) -> tensor<?x4xf32>
  %d = tensor.dim %s, %c0 : tensor<?x4xf32>
  %e = tensor.dim %y, %c0 : tensor<?x4xf32>
  return %d, %e : index, index
}

// CHECK-LABEL: func.func @dense_pool_and_back(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?x4xf32>, %[[N:[a-z0-9]+]]: index
// CHECK: %[[BATCH:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[BATCH]], %[[N]]
func.func @dense_pool_and_back(%x: tensor<?x?x4xf32>, %n: index) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %s = transformer.pool mean %x : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %y = transformer.unpool %s, %n : (tensor<?x4xf32>, index) -> tensor<?x?x4xf32>
  %d = tensor.dim %y, %c0 : tensor<?x?x4xf32>
  %e = tensor.dim %y, %c1 : tensor<?x?x4xf32>
  return %d, %e : index, index
}

// Two images of 196 patches each give 196 * batch rows, then 197 * batch.
// CHECK-LABEL: func.func @images(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x3x224x224xf32>
// CHECK-DAG: %[[BATCH:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[PATCHES:.*]] = arith.muli %[[BATCH]], %c196
// CHECK-DAG: %[[SEQUENCES:.*]] = arith.divui %[[PATCHES]], %c196
// CHECK-DAG: %[[ROWS:.*]] = arith.muli %[[SEQUENCES]], %c197
// CHECK: return %[[PATCHES]], %[[ROWS]]
func.func @images(%x: tensor<?x3x224x224xf32>, %r: tensor<1x768xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %p = transformer.patches %x {size = 16} : (tensor<?x3x224x224xf32>) -> tensor<?x768xf32>
  %y = transformer.prepend %p, %r {length = 196} : (tensor<?x768xf32>, tensor<1x768xf32>) -> tensor<?x768xf32>
  %d = tensor.dim %p, %c0 : tensor<?x768xf32>
  %e = tensor.dim %y, %c0 : tensor<?x768xf32>
  return %d, %e : index, index
}

// CHECK-LABEL: func.func @select(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4xf32>, %[[I:[a-z0-9]+]]: tensor<?xi32>
// CHECK-DAG: %[[T:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[I]], %c0
// CHECK: return %[[T]], %[[N]]
func.func @select(%x: tensor<?x4xf32>, %i: tensor<?xi32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = transformer.select %x, %i : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x?xf32>
  %d = tensor.dim %y, %c0 : tensor<?x?xf32>
  %e = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %d, %e : index, index
}
