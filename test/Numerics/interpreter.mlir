// RUN: transformer-check %s --print | FileCheck %s
// The interpreter on numbers that can be checked by hand.

// 1*1 + 2*2 + 10 = 15; relu(3*-1 + 4*0 + 1) = 0
// CHECK: linear#0: tensor<2x2xf32> {{\[\[}}15, 0], [21, 0]]
func.func @linear() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 2.0], [-1.0, 0.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[10.0, 1.0]> : tensor<2xf32>
  %y = transformer.linear %x, %w bias %b activation relu
      : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// (1*3 + 2*4) * (0.5 * 2) = 11
// CHECK: linear_i8#0: tensor<1x1xf32> {{\[\[}}11]]
func.func @linear_i8() -> tensor<1x1xf32> {
  %x = arith.constant dense<[[1, 2]]> : tensor<1x2xi8>
  %w = arith.constant dense<[[3, 4]]> : tensor<1x2xi8>
  %xs = arith.constant dense<0.5> : tensor<1xf32>
  %ws = arith.constant dense<2.0> : tensor<1xf32>
  %y = transformer.linear %x, %w scales(%xs, %ws)
      : (tensor<1x2xi8>, tensor<1x2xi8>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// Bytes of a low and a high half: 1 and -8, 2 and 7; a negative multiplier.
// CHECK: unpack_i4#0: tensor<1x6xi8> {{\[\[}}-3, -6, 0, 0, 24, -21]]
func.func @unpack_i4() -> tensor<1x6xi8> {
  %p = arith.constant dense<[[129, 114, 0, 0]]> : tensor<1x4xi8>
  %m = arith.constant dense<-3> : tensor<1x1xi8>
  %w = transformer.unpack_i4 %p, %m : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x6xi8>
  return %w : tensor<1x6xi8>
}

// Two sequences of 2 and 1 tokens. Scores of token 1 are ln 3 and 0: weights 3/4 and 1/4.
// CHECK: attention#0: tensor<3x1xf32> {{\[\[}}1.5], [1.25], [7]]
func.func @attention() -> tensor<3x1xf32> {
  %q = arith.constant dense<[[0.0], [1.0], [5.0]]> : tensor<3x1xf32>
  %k = arith.constant dense<[[1.09861228867], [0.0], [9.0]]> : tensor<3x1xf32>
  %v = arith.constant dense<[[1.0], [2.0], [7.0]]> : tensor<3x1xf32>
  %o = arith.constant dense<[0, 2, 3]> : tensor<3xi32>
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1, num_kv_heads = 1}
      : (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>, tensor<3xi32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// Values 254 and 1 have the scales 2 and 1/127; weights are alike, so that the
// second is rounded to a multiple of 2/255 in units of its scale: 1.
// CHECK: attention_i8#0: tensor<1x1xf32> {{\[\[}}127.498{{[0-9]*}}]]
func.func @attention_i8() -> tensor<1x1xf32> {
  %q = arith.constant dense<0.0> : tensor<1x1xf32>
  %k = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %v = arith.constant dense<[[254.0], [1.0]]> : tensor<2x1xf32>
  %o = arith.constant dense<[0, 1]> : tensor<2xi32>
  %p = arith.constant dense<[0, 2]> : tensor<2xi32>
  %y = transformer.attention %q, %k, %v offsets(%o, %p) products i8 {num_heads = 1, num_kv_heads = 1}
      : (tensor<1x1xf32>, tensor<2x1xf32>, tensor<2x1xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// One query, three keys of which the mask hides the NaN; the second sequence
// of the batch has no key at all and is zeros.
// CHECK: masked#0: tensor<2x1x1xf32> {{\[\[}}[3]], {{\[\[}}0]]]
func.func @masked() -> tensor<2x1x1xf32> {
  %q = arith.constant dense<1.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<[[[0.0], [0x7FC00000], [0.0]], [[1.0], [1.0], [1.0]]]> : tensor<2x3x1xf32>
  %v = arith.constant dense<[[[2.0], [0x7FC00000], [4.0]], [[1.0], [1.0], [1.0]]]> : tensor<2x3x1xf32>
  %m = arith.constant dense<[[true, false, true], [false, false, false]]> : tensor<2x3xi1>
  %y = transformer.attention %q, %k, %v mask(%m) {num_heads = 1, num_kv_heads = 1}
      : (tensor<2x1x1xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>, tensor<2x3xi1>) -> tensor<2x1x1xf32>
  return %y : tensor<2x1x1xf32>
}

// Two queries, three keys: the first query sees keys 0 and 1, the last sees all.
// CHECK: causal#0: tensor<1x2x1xf32> {{\[\[}}[1.5], [2]]]
func.func @causal() -> tensor<1x2x1xf32> {
  %q = arith.constant dense<0.0> : tensor<1x2x1xf32>
  %v = arith.constant dense<[[[1.0], [2.0], [3.0]]]> : tensor<1x3x1xf32>
  %y = transformer.attention %q, %v, %v {num_heads = 1, num_kv_heads = 1, causal}
      : (tensor<1x2x1xf32>, tensor<1x3x1xf32>, tensor<1x3x1xf32>) -> tensor<1x2x1xf32>
  return %y : tensor<1x2x1xf32>
}

// Of [[1, 2], [3, 4]]: the sum, and the differences along each dimension.
// CHECK: fft_mix#0: tensor<3x2xf32> {{\[\[}}10, -2], [-4, 0], [11, -1]]
func.func @fft_mix() -> tensor<3x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %o = arith.constant dense<[0, 2, 2, 3]> : tensor<4xi32>
  %y = transformer.fft_mix %x offsets(%o) : (tensor<3x2xf32>, tensor<4xi32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK: token_mix#0: tensor<3x1xf32> {{\[\[}}210], [321], [32]]
func.func @token_mix() -> tensor<3x1xf32> {
  %x = arith.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32>
  %w = arith.constant dense<[[1.0], [10.0], [100.0]]> : tensor<3x1xf32>
  %o = arith.constant dense<[0, 3]> : tensor<2xi32>
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<3x1xf32>, tensor<3x1xf32>, tensor<2xi32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// Halves go to the even number; a row of zeros has scale 1, one with NaN none.
// CHECK: quantize#0: tensor<4x3xi8> {{\[\[}}127, 2, -4], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
// CHECK: quantize#1: tensor<4xf32> [1, 1, nan, nan]
func.func @quantize() -> (tensor<4x3xi8>, tensor<4xf32>) {
  %x = arith.constant dense<[[127.0, 2.5, -3.5], [0.0, 1.0e-35, 0.0], [1.0, 0x7FC00000, 0.0], [0x7F800000, 1.0, 1.0]]> : tensor<4x3xf32>
  %q, %s = transformer.quantize %x : (tensor<4x3xf32>) -> (tensor<4x3xi8>, tensor<4xf32>)
  return %q, %s : tensor<4x3xi8>, tensor<4xf32>
}

// CHECK: quantize_static#0: tensor<1x4xi8> {{\[\[}}2, -127, 4, 127]]
// CHECK: dequantized#0: tensor<1x4xf32> {{\[\[}}1, -63.5, 2, 63.5]]
func.func @quantize_static() -> (tensor<1x4xi8>, tensor<1xf32>) {
  %x = arith.constant dense<[[1.25, -1.0e9, 0.9, 63.5]]> : tensor<1x4xf32>
  %m = arith.constant dense<[1.0, 1.0, 2.0, 1.0]> : tensor<4xf32>
  %half = arith.constant dense<0.5> : tensor<f32>
  %q, %s = transformer.quantize %x multiplier %m scale(%half)
      : (tensor<1x4xf32>, tensor<4xf32>, tensor<f32>) -> (tensor<1x4xi8>, tensor<1xf32>)
  return %q, %s : tensor<1x4xi8>, tensor<1xf32>
}
func.func @dequantized() -> tensor<1x4xf32> {
  %q, %s = call @quantize_static() : () -> (tensor<1x4xi8>, tensor<1xf32>)
  %y = transformer.dequantize %q, %s : (tensor<1x4xi8>, tensor<1xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// CHECK: embedding#0: tensor<2x2xf32> {{\[\[}}50, 60], [0.1, 0.2]]
func.func @embedding() -> tensor<2x2xf32> {
  %t = arith.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi8>
  %s = arith.constant dense<[0.1, 1.0, 10.0]> : tensor<3xf32>
  %ids = arith.constant dense<[2, 0]> : tensor<2xi64>
  %y = transformer.embedding %ids, %t scales(%s)
      : (tensor<2xi64>, tensor<3x2xi8>, tensor<3xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// As RoBERTa counts: 1 is padding, the others begin at 2.
// CHECK: positions#0: tensor<5xi32> [0, 1, 2, 0, 1]
// CHECK: positions#1: tensor<5xi32> [2, 1, 3, 1, 2]
func.func @positions() -> (tensor<5xi32>, tensor<5xi32>) {
  %o = arith.constant dense<[0, 3, 3, 5]> : tensor<4xi32>
  %ids = arith.constant dense<[8, 1, 9, 1, 7]> : tensor<5xi32>
  %n = arith.constant 5 : index
  %a = transformer.positions %o, %n : (tensor<4xi32>, index) -> tensor<5xi32>
  %b = transformer.positions %o, %n ids(%ids) {start = 2, padding_id = 1}
      : (tensor<4xi32>, index, tensor<5xi32>) -> tensor<5xi32>
  return %a, %b : tensor<5xi32>, tensor<5xi32>
}

// Rows 1 3 and 2 2: the first is -1 1 times 2 plus 1, the second constant.
// CHECK: layer_norm#0: tensor<2x2xf32> {{\[\[}}-1, 3], [1, 1]]
func.func @layer_norm() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %r = arith.constant dense<[[0.0, 1.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<2.0> : tensor<2xf32>
  %b = arith.constant dense<1.0> : tensor<2xf32>
  %y = transformer.layer_norm %x, %w, %b residual(%r) {epsilon = 1.0e-12 : f32}
      : (tensor<2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK: rms_norm#0: tensor<1x4xf32> {{\[\[}}2, 2, -2, 2]]
func.func @rms_norm() -> tensor<1x4xf32> {
  %x = arith.constant dense<[[3.0, 3.0, -3.0, 3.0]]> : tensor<1x4xf32>
  %w = arith.constant dense<2.0> : tensor<4xf32>
  %y = transformer.rms_norm %x, %w {epsilon = 0.0 : f32}
      : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// CHECK: l2_normalize#0: tensor<2x2xf32> {{\[\[}}0.6, 0.8], [0, 0]]
func.func @l2_normalize() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[3.0, 4.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %y = transformer.l2_normalize %x {epsilon = 1.0e-12 : f32} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK: select#0: tensor<2x3xf32> {{\[\[}}3, 1, 4], [7, 5, 8]]
func.func @select() -> tensor<2x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %i = arith.constant dense<[2, 0, 3]> : tensor<3xi32>
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<3xi32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK: activations#0: tensor<4xf32> [-0.158655, 0, 0.841345, nan]
// CHECK: activations#1: tensor<4xf32> [-0.158808, 0, 0.841192, nan]
// CHECK: activations#2: tensor<4xf32> [0, 0, 1, nan]
// CHECK: activations#3: tensor<4xf32> [-0.268941, 0, 0.731059, nan]
// CHECK: activations#4: tensor<4xf32> [-0.761594, 0, 0.761594, nan]
func.func @activations() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %x = arith.constant dense<[-1.0, 0.0, 1.0, 0x7FC00000]> : tensor<4xf32>
  %0 = transformer.gelu %x : tensor<4xf32>
  %1 = transformer.gelu_tanh %x : tensor<4xf32>
  %2 = transformer.relu %x : tensor<4xf32>
  %3 = transformer.silu %x : tensor<4xf32>
  %4 = transformer.tanh %x : tensor<4xf32>
  return %0, %1, %2, %3, %4 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// The pair (1, 0) turns to (cos, sin) of 1, and of 1 / 100 in the second pair.
// CHECK: rope#0: tensor<1x4xf32> {{\[\[}}0.540302, 0.99995, 0.841471, 0.00999983]]
// CHECK: rope#1: tensor<1x4xf32> {{\[\[}}0.540302, 0.841471, 0, 1]]
func.func @rope() -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %p = arith.constant dense<1> : tensor<1xi32>
  %x = arith.constant dense<[[1.0, 1.0, 0.0, 0.0]]> : tensor<1x4xf32>
  %z = arith.constant dense<[[1.0, 0.0, 0.0, 1.0]]> : tensor<1x4xf32>
  %a = transformer.rope %x, %p {num_heads = 1, theta = 1.0e4 : f32}
      : (tensor<1x4xf32>, tensor<1xi32>) -> tensor<1x4xf32>
  %b = transformer.rope %z, %p {num_heads = 1, theta = 1.0e4 : f32, rotary_dim = 2, interleaved}
      : (tensor<1x4xf32>, tensor<1xi32>) -> tensor<1x4xf32>
  return %a, %b : tensor<1x4xf32>, tensor<1x4xf32>
}

// The second sequence is empty.
// CHECK: pool#0: tensor<3x1xf32> {{\[\[}}-2], [0], [5]]
// CHECK: pool#1: tensor<3x1xf32> {{\[\[}}-3], [0], [5]]
// CHECK: pool#2: tensor<3x1xf32> {{\[\[}}-1], [0], [5]]
func.func @pool() -> (tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>) {
  %x = arith.constant dense<[[-3.0], [-1.0], [5.0]]> : tensor<3x1xf32>
  %o = arith.constant dense<[0, 2, 2, 3]> : tensor<4xi32>
  %a = transformer.pool mean %x offsets(%o) : (tensor<3x1xf32>, tensor<4xi32>) -> tensor<3x1xf32>
  %b = transformer.pool cls %x offsets(%o) : (tensor<3x1xf32>, tensor<4xi32>) -> tensor<3x1xf32>
  %c = transformer.pool max %x offsets(%o) : (tensor<3x1xf32>, tensor<4xi32>) -> tensor<3x1xf32>
  return %a, %b, %c : tensor<3x1xf32>, tensor<3x1xf32>, tensor<3x1xf32>
}

// CHECK: unpool#0: tensor<3x1xf32> {{\[\[}}1], [1], [2]]
func.func @unpool() -> tensor<3x1xf32> {
  %x = arith.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %o = arith.constant dense<[0, 2, 3]> : tensor<3xi32>
  %n = arith.constant 3 : index
  %y = transformer.unpool %x, %n offsets(%o) : (tensor<2x1xf32>, index, tensor<3xi32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// CHECK: patches#0: tensor<2x4xf32> {{\[\[}}1, 2, 5, 6], [3, 4, 7, 8]]
func.func @patches() -> tensor<2x4xf32> {
  %x = arith.constant dense<[[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]]> : tensor<1x1x2x4xf32>
  %y = transformer.patches %x {size = 2} : (tensor<1x1x2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK: prepend#0: tensor<6x1xf32> {{\[\[}}9], [1], [2], [9], [3], [4]]
func.func @prepend() -> tensor<6x1xf32> {
  %x = arith.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
  %r = arith.constant dense<[[9.0]]> : tensor<1x1xf32>
  %y = transformer.prepend %x, %r {length = 2} : (tensor<4x1xf32>, tensor<1x1xf32>) -> tensor<6x1xf32>
  return %y : tensor<6x1xf32>
}

// CHECK: 24 passed, 0 failed
