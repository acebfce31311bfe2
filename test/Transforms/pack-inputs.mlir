// RUN: transformer-opt %s --transformer-pack-inputs --split-input-file --verify-diagnostics --remarks-filter='transformer-pack-inputs' --remark-format=emitRemark | FileCheck %s

// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x8xf32> {transformer.input = "features"}, %[[O:[a-z0-9]+]]: tensor<?xi32> {transformer.input = "offsets"})
// CHECK-SAME: -> (tensor<?x8xf32> {transformer.rows = "sequences"})
// CHECK: transformer.pool mean %[[X]] offsets(%[[O]]) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
// expected-remark @below {{1 ops of @forward are packed}}
func.func @forward(%x: tensor<2x5x8xf32> {transformer.input = "features"},
                   %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> tensor<2x8xf32> {
  %s = transformer.pool mean %x mask(%m) : (tensor<2x5x8xf32>, tensor<2x5xi1>) -> tensor<2x8xf32>
  return %s : tensor<2x8xf32>
}

// -----

// As other compilers have an encoder: ids and a mask of i64, positions as a
// constant, a number for all, and what follows the first token.
// CHECK: module attributes {transformer.model = {max_length = 3 : i64}}
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 9 : i64},
// CHECK-SAME: %[[O:[a-z0-9]+]]: tensor<?xi32> {transformer.input = "offsets"})
// CHECK-SAME: -> (tensor<?x4xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}, tensor<?x4xf32> {transformer.output = "pooler_output", transformer.rows = "sequences"}, index)
// CHECK: %[[N:.*]] = tensor.dim %[[IDS]], %{{.*}} : tensor<?xi32>
// CHECK-DAG: %[[P:.*]] = transformer.positions %[[O]], %[[N]] {start = 2 : i64}
// CHECK-DAG: %[[HALF:.*]] = tensor.splat %{{.*}}[%[[N]]] : tensor<?x4xf32>
// CHECK: transformer.embedding %[[P]], %{{.*}} : (tensor<?xi32>, tensor<7x4xf32>) -> tensor<?x4xf32>
// CHECK: arith.mulf %{{.*}}, %[[HALF]] : tensor<?x4xf32>
// CHECK: transformer.attention %{{.*}} offsets(%[[O]]) {causal
// CHECK: %[[C:.*]] = transformer.pool cls %{{.*}} offsets(%[[O]])
// CHECK: transformer.linear %[[C]], %{{.*}} activation tanh : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
// CHECK: tensor.dim %[[O]]
// CHECK: arith.subi
// expected-remark @below {{6 ops of @forward are packed}}
func.func @forward(%ids: tensor<2x3xi64> {transformer.input = "input_ids"},
                   %long: tensor<2x3xi64> {transformer.input = "attention_mask"})
    -> (tensor<2x3x4xf32> {transformer.output = "last_hidden_state"}, tensor<2x4xf32> {transformer.output = "pooler_output"}, index) {
  %words = arith.constant dense<0.1> : tensor<9x4xf32>
  %places = arith.constant dense<0.2> : tensor<7x4xf32>
  %w = arith.constant dense<0.3> : tensor<4x4xf32>
  %p = arith.constant dense<[[2, 3, 4], [2, 3, 4]]> : tensor<2x3xi64>
  %half = arith.constant dense<0.5> : tensor<2x3x4xf32>
  %zero = arith.constant dense<0> : tensor<2x3xi64>
  %c0 = arith.constant 0 : index
  %m = arith.cmpi ne, %long, %zero : tensor<2x3xi64>
  %0 = transformer.embedding %ids, %words : (tensor<2x3xi64>, tensor<9x4xf32>) -> tensor<2x3x4xf32>
  %1 = transformer.embedding %p, %places : (tensor<2x3xi64>, tensor<7x4xf32>) -> tensor<2x3x4xf32>
  %2 = arith.addf %0, %1 : tensor<2x3x4xf32>
  %3 = arith.mulf %2, %half : tensor<2x3x4xf32>
  %4 = transformer.attention %3, %3, %3 mask(%m) {num_heads = 2, num_kv_heads = 2, causal}
      : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3xi1>) -> tensor<2x3x4xf32>
  %5 = transformer.pool cls %4 : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  %6 = transformer.linear %5, %w activation tanh : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %b = tensor.dim %ids, %c0 : tensor<2x3xi64>
  return %4, %6, %b : tensor<2x3x4xf32>, tensor<2x4xf32>, index
}

// -----

func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"})
    -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %a = transformer.pool mean %x mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  // expected-error @below {{pools over the padding too, so it cannot be packed}}
  %b = transformer.pool mean %x : (tensor<2x5x4xf32>) -> tensor<2x4xf32>
  return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> tensor<2x4xf32> {
  // expected-error @below {{mixes the padding into the tokens, so it cannot be packed}}
  %a = transformer.fft_mix %x : (tensor<2x5x4xf32>) -> tensor<2x5x4xf32>
  %b = transformer.pool mean %a mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"},
                   %other: tensor<2x5xi1>) -> tensor<2x4xf32> {
  // expected-error @below {{does not hide the padding by the attention_mask, so it cannot be packed}}
  %a = transformer.attention %x, %x, %x mask(%other) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x5x4xf32>
  %y = arith.addf %a, %x : tensor<2x5x4xf32>
  %b = transformer.pool mean %y mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

// Keys of an encoder, queries of a decoder.
func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %k: tensor<2x7x4xf32> {transformer.input = "encoded"},
                   %m: tensor<2x7xi1> {transformer.input = "attention_mask"}) -> tensor<2x5x4xf32> {
  // expected-error @below {{has queries of another batch than the attention_mask, so it cannot be packed}}
  %y = transformer.attention %x, %k, %k mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x4xf32>, tensor<2x7x4xf32>, tensor<2x7x4xf32>, tensor<2x7xi1>) -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xi64> {transformer.input = "attention_mask"}) -> tensor<2x4xf32> {
  %one = arith.constant dense<1> : tensor<2x5xi64>
  // expected-error @below {{reads the attention_mask, which only arith.cmpi ne with 0 may, so that it can go}}
  %seen = arith.cmpi eq, %m, %one : tensor<2x5xi64>
  %b = transformer.pool mean %x mask(%seen) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

// expected-error @below {{has an attention_mask of type 'tensor<2x5xf32>'; it must be one [batch, length] of integers or i1}}
func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xf32> {transformer.input = "attention_mask"}) -> tensor<2x5x4xf32> {
  %y = transformer.attention %x, %x, %x mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5x4xf32>, tensor<2x5xf32>) -> tensor<2x5x4xf32>
  return %y : tensor<2x5x4xf32>
}

// -----

// expected-error @below {{argument 0 has a row per token, and no transformer.input that names it}}
func.func @forward(%x: tensor<2x5x4xf32>, %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> tensor<2x4xf32> {
  %b = transformer.pool mean %x mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

// expected-error @below {{has position_ids, which packed models count themselves}}
func.func @forward(%p: tensor<2x5xi64> {transformer.input = "position_ids"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"},
                   %t: tensor<9x4xf32>) -> tensor<2x4xf32> {
  %x = transformer.embedding %p, %t : (tensor<2x5xi64>, tensor<9x4xf32>) -> tensor<2x5x4xf32>
  %b = transformer.pool mean %x mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

func.func @forward(%x: tensor<2x5x4xf32> {transformer.input = "features"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> (tensor<2x4xf32>, index) {
  %c1 = arith.constant 1 : index
  // expected-error @below {{asks for the length of all sequences, and packed ones have each their own}}
  %n = tensor.dim %m, %c1 : tensor<2x5xi1>
  %b = transformer.pool mean %x mask(%m) : (tensor<2x5x4xf32>, tensor<2x5xi1>) -> tensor<2x4xf32>
  return %b, %n : tensor<2x4xf32>, index
}

// -----

func.func @forward(%ids: tensor<2x2xi64> {transformer.input = "input_ids"}, %m: tensor<2x2xi1> {transformer.input = "attention_mask"},
                   %t: tensor<9x4xf32>) -> tensor<2x4xf32> {
  // expected-error @below {{has a row per token that is neither a position, counted up from one number, nor one number for all, so it cannot be packed}}
  %p = arith.constant dense<[[0, 1], [1, 2]]> : tensor<2x2xi64>
  %x = transformer.embedding %ids, %t : (tensor<2x2xi64>, tensor<9x4xf32>) -> tensor<2x2x4xf32>
  %y = transformer.embedding %p, %t : (tensor<2x2xi64>, tensor<9x4xf32>) -> tensor<2x2x4xf32>
  %z = arith.addf %x, %y : tensor<2x2x4xf32>
  %b = transformer.pool mean %z mask(%m) : (tensor<2x2x4xf32>, tensor<2x2xi1>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}

// -----

// expected-remark @below {{nothing is packed: @forward has no argument with transformer.input = "attention_mask"}}
module {
  // CHECK: func.func @forward(%{{.*}}: tensor<2x5x4xf32>)
  func.func @forward(%x: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
    return %x : tensor<2x5x4xf32>
  }
}

// -----

// expected-remark @below {{nothing is packed: @forward has offsets already}}
module {
  func.func @forward(%o: tensor<?xi32> {transformer.input = "offsets"}, %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> tensor<2x5xi1> {
    return %m : tensor<2x5xi1>
  }
}
