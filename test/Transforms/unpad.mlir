// RUN: transformer-opt %s --transformer-unpad --split-input-file --remarks-filter='transformer-unpad' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// The offsets and the places of the tokens come from the mask; then everything
// between the gathered input and the pooled output is packed.
// REMARK: 3 ops of f are packed
// CHECK-LABEL: func.func @f(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x?x8xf32>, %[[M:[a-z0-9]+]]: tensor<?x?xi1>
// CHECK: %[[SUMS:.*]]:2 = scf.for {{.*}} -> (tensor<?xi32>, i32)
// CHECK: %[[TOKENS:.*]] = arith.index_cast %[[SUMS]]#1 : i32 to index
// CHECK: %[[ROWS:.*]] = scf.for {{.*}} -> (tensor<?xindex>)
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
// CHECK: %[[P:.*]] = linalg.generic
// CHECK: %[[FROM:.*]] = tensor.extract %[[ROWS]]
// CHECK: tensor.extract %[[FLAT]][%[[FROM]],
// CHECK: %[[Y:.*]] = transformer.attention %[[P]], %[[P]], %[[P]] offsets(%[[SUMS]]#0) {num_heads
// CHECK: %[[Z:.*]] = transformer.gelu %[[Y]] : tensor<?x8xf32>
// CHECK: %[[S:.*]] = transformer.pool mean %[[Z]] offsets(%[[SUMS]]#0)
// CHECK-NOT: transformer.
// CHECK: return %[[S]]
func.func @f(%x: tensor<?x?x8xf32>, %m: tensor<?x?xi1>) -> tensor<?x8xf32> {
  %y = transformer.attention %x, %x, %x mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x?x8xf32>
  %z = transformer.gelu %y : tensor<?x?x8xf32>
  %s = transformer.pool mean %z mask(%m) : (tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

// -----

// From ids and an i64 mask to every token, with residuals: the ids are gathered
// instead of the embeddings, and the result is scattered among zeros.
// CHECK-LABEL: func.func @encoder(
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<2x5xi64>, %[[LONG:[a-z0-9]+]]: tensor<2x5xi64>
// CHECK: %[[M:.*]] = arith.cmpi ne, %[[LONG]]
// CHECK: tensor.collapse_shape %[[IDS]]
// CHECK: %[[X:.*]] = transformer.embedding %{{.*}}, %{{.*}} : (tensor<?xi64>, tensor<9x4xf32>) -> tensor<?x4xf32>
// CHECK: %[[N:.*]] = transformer.layer_norm %[[X]]
// CHECK: %[[Q:.*]] = transformer.linear %[[N]]
// CHECK: %[[Y:.*]] = transformer.attention %[[Q]], %[[N]], %[[N]] offsets(%[[O:[a-z0-9#]+]]) {causal
// CHECK: %[[R:.*]] = arith.addf %[[Y]], %[[X]] : tensor<?x4xf32>
// CHECK: %[[D:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<2x5x4xf32>)
// CHECK: tensor.extract %[[M]]
// CHECK: scf.if
// CHECK: tensor.extract %[[R]]
// CHECK: %[[C:.*]] = transformer.pool cls %[[R]] offsets(%[[O]]) : (tensor<?x4xf32>, tensor<3xi32>) -> tensor<2x4xf32>
// CHECK: return %[[D]], %[[C]]
func.func @encoder(%ids: tensor<2x5xi64>, %long: tensor<2x5xi64>, %table: tensor<9x4xf32>, %g: tensor<4xf32>, %w: tensor<4x4xf32>)
    -> (tensor<2x5x4xf32>, tensor<2x4xf32>) {
  %x = transformer.embedding %ids, %table : (tensor<2x5xi64>, tensor<9x4xf32>) -> tensor<2x5x4xf32>
  %n = transformer.layer_norm %x, %g {epsilon = 1.0e-5 : f32} : (tensor<2x5x4xf32>, tensor<4xf32>) -> tensor<2x5x4xf32>
  %q = transformer.linear %n, %w : (tensor<2x5x4xf32>, tensor<4x4xf32>) -> tensor<2x5x4xf32>
  %zero = arith.constant dense<0> : tensor<2x5xi64>
  %m = arith.cmpi ne, %long, %zero : tensor<2x5xi64>
  %y = transformer.attention %q, %n, %n mask(%m) {num_heads = 2, num_kv_heads = 2, causal}
      : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x5x4xf32>
  %r = arith.addf %y, %x : tensor<2x5x4xf32>
  %s = transformer.pool cls %r : (tensor<2x5x4xf32>) -> tensor<2x4xf32>
  return %r, %s : tensor<2x5x4xf32>, tensor<2x4xf32>
}

// -----

// Sizes of the batch are those of the mask; quantized rows are packed with
// their scales, positions with what they turn, and a row per sequence spreads
// over the tokens.
// CHECK-LABEL: func.func @all_kinds(
// CHECK-SAME: %[[M:[a-z0-9]+]]: tensor<?x?xi1>
// CHECK: transformer.rope {{.*}} : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
// CHECK: transformer.quantize {{.*}} -> (tensor<?x8xi8>, tensor<?xf32>)
// CHECK: transformer.linear {{.*}} -> tensor<?x4xf32>
// CHECK: transformer.dequantize {{.*}} -> tensor<?x8xf32>
// CHECK: transformer.attention {{.*}} -> tensor<?x4xf32>
// CHECK: transformer.pool max
// CHECK: tensor.dim %[[M]], %c1
// CHECK: transformer.unpool %{{.*}}, %{{.*}} offsets(%{{.*}}) : (tensor<?x4xf32>, index, tensor<?xi32>) -> tensor<?x4xf32>
// CHECK: arith.mulf {{.*}} : tensor<?x4xf32>
func.func @all_kinds(%m: tensor<?x?xi1>, %x: tensor<?x?x8xf32>, %p: tensor<?x?xi32>, %w: tensor<4x8xi8>, %ws: tensor<4xf32>)
    -> (tensor<?x?x4xf32>, index) {
  %c1 = arith.constant 1 : index
  %r = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32} : (tensor<?x?x8xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  %q, %s = transformer.quantize %r : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi8>, tensor<?x?xf32>)
  %v = transformer.linear %q, %w scales(%s, %ws)
      : (tensor<?x?x8xi8>, tensor<4x8xi8>, tensor<?x?xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %d = transformer.dequantize %q, %s : (tensor<?x?x8xi8>, tensor<?x?xf32>) -> tensor<?x?x8xf32>
  %y = transformer.attention %d, %d, %v mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?xi1>) -> tensor<?x?x4xf32>
  %t = transformer.pool max %y mask(%m) : (tensor<?x?x4xf32>, tensor<?x?xi1>) -> tensor<?x4xf32>
  %n = tensor.dim %y, %c1 : tensor<?x?x4xf32>
  %u = transformer.unpool %t, %n : (tensor<?x4xf32>, index) -> tensor<?x?x4xf32>
  %z = arith.mulf %u, %y : tensor<?x?x4xf32>
  return %z, %n : tensor<?x?x4xf32>, index
}

// -----

// REMARK-DAG: transformer.fft_mix stays dense: it mixes the padding into the tokens
// REMARK-DAG: transformer.pool stays dense: it pools over the padding too
// CHECK-LABEL: func.func @negative_sees_padding(
// CHECK: transformer.pool mean %{{.*}} offsets
// CHECK: transformer.pool mean %{{.*}} : (tensor<2x5x4xf32>) -> tensor<2x4xf32>
// CHECK: transformer.fft_mix %{{.*}} : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
func.func @negative_sees_padding(%x: tensor<2x5x4xf32>, %m: tensor<2x5xi1>)
    -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x5x4xf32>) {
  %y = transformer.gelu %x : tensor<2x5x4xf32>
  %a = transformer.pool mean %y mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  %b = transformer.pool mean %y : (tensor<2x5x4xf32>) -> tensor<2x4xf32>
  %c = transformer.fft_mix %y : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  return %a, %b, %c : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x5x4xf32>
}

// -----

// REMARK: only a mask [batch, keys] of i1 says where the padding is
// CHECK-LABEL: func.func @negative_mask_of_numbers(
// CHECK-NEXT: transformer.attention
// CHECK-NEXT: return
func.func @negative_mask_of_numbers(%x: tensor<2x5x4xf32>, %m: tensor<2x5xf32>) -> tensor<2x5x4xf32> {
  %y = transformer.attention %x, %x, %x mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5xf32>) -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// Keys of the encoder, queries of the decoder.
// REMARK: transformer.attention stays dense: its queries are of another batch than the mask
// CHECK-LABEL: func.func @negative_other_queries(
// CHECK-NEXT: transformer.attention {{.*}} mask(
func.func @negative_other_queries(%x: tensor<2x5x4xf32>, %k: tensor<2x7x4xf32>, %m: tensor<2x7xi1>) -> tensor<2x5x4xf32> {
  %y = transformer.attention %x, %k, %k mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x4xf32>, tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7xi1>) -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}
