// What the verifiers reject of linear: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @width(%x: tensor<?x4xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+1 {{dimension 1 of weight is 5, but the last dimension of input is 4}}
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<3x5xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @rank_zero(%x: tensor<f32>, %w: tensor<3x5xf32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y = transformer.linear %x, %w : (tensor<f32>, tensor<3x5xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @weight_rank(%x: tensor<?x4xf32>, %w: tensor<1x3x4xf32>) {
  // expected-error @+1 {{weight has rank 3, but rank 2 is expected}}
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<1x3x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @bias_width(%x: tensor<?x4xf32>, %w: tensor<3x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{dimension 0 of bias is 4, but dimension 0 of weight is 3}}
  %y = transformer.linear %x, %w bias %b
      : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @bias_rank(%x: tensor<?x4xf32>, %w: tensor<3x4xf32>, %b: tensor<1x3xf32>) {
  // expected-error @+1 {{operand #2 must be 1D tensor}}
  %y = transformer.linear %x, %w bias %b
      : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @result_rank(%x: tensor<?x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{result and input must have the same rank}}
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<1x?x3xf32>
  return
}

// -----

func.func @result_rows(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{dimension 0 of result is 5, but dimension 0 of input is 2}}
  %y = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<5x3xf32>
  return
}

// -----

func.func @result_dense_rows(%x: tensor<?x2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{dimension 1 of result is 5, but dimension 1 of input is 2}}
  %y = transformer.linear %x, %w : (tensor<?x2x4xf32>, tensor<3x4xf32>) -> tensor<?x5x3xf32>
  return
}

// -----

func.func @result_width(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{the last dimension of result is 4, but dimension 0 of weight is 3}}
  %y = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @weight_type(%x: tensor<2x4xf32>, %w: tensor<3x4xf16>) {
  // expected-error @+1 {{weight holds 'f16', but input holds 'f32': they must be of one type}}
  %y = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @i8_weight_only(%x: tensor<2x4xf32>, %w: tensor<3x4xi8>) {
  // expected-error @+1 {{weight holds 'i8', but input holds 'f32'}}
  %y = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xi8>) -> tensor<2x3xf32>
  return
}

// -----

func.func @result_type(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{result holds 'f16', but input holds 'f32'}}
  %y = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x3xf16>
  return
}

// -----

func.func @bias_type(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>, %b: tensor<3xbf16>) {
  // expected-error @+1 {{bias holds 'bf16', but result holds 'f32'}}
  %y = transformer.linear %x, %w bias %b
      : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<3xbf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f64(%x: tensor<2x4xf64>, %w: tensor<3x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.linear %x, %w : (tensor<2x4xf64>, tensor<3x4xf64>) -> tensor<2x3xf64>
  return
}

// -----

func.func @i8_result(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>) {
  // expected-error @+1 {{result #0 must be ranked tensor of 32-bit float}}
  %y = transformer.linear %x, %w : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xi8>
  return
}

// -----

func.func @i8_without_scales(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>) {
  // expected-error @+1 {{an i8 input and weight need their scales}}
  %y = transformer.linear %x, %w : (tensor<2x4xi8>, tensor<3x4xi8>) -> tensor<2x3xf32>
  return
}

// -----

func.func @float_with_scales(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>, %s: tensor<2xf32>, %t: tensor<3xf32>) {
  // expected-error @+1 {{scales belong to i8 operands, but input holds floats}}
  %y = transformer.linear %x, %w scales(%s, %t)
      : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @one_scale_alone(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{row scales and channel scales go together}}
  %y = "transformer.linear"(%x, %w, %s) <{operandSegmentSizes = array<i32: 1, 1, 0, 1, 0>}>
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @row_scales_size(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<3xf32>) {
  // expected-error @+1 {{dimension 0 of the row scales is 3, but dimension 0 of input is 2}}
  %y = transformer.linear %x, %w scales(%s, %s)
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @row_scales_rank(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<f32>, %t: tensor<3xf32>) {
  // expected-error @+1 {{the row scales has rank 0, but it must have the shape of input without its last dimension}}
  %y = transformer.linear %x, %w scales(%s, %t)
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<f32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @channel_scales_size(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{dimension 0 of the channel scales is 2, but dimension 0 of weight is 3}}
  %y = transformer.linear %x, %w scales(%s, %s)
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<2xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @channel_scales_rank(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<2xf32>, %t: tensor<f32>) {
  // expected-error @+1 {{the channel scales has rank 0, but rank 1 is expected}}
  %y = transformer.linear %x, %w scales(%s, %t)
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<2xf32>, tensor<f32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @scales_type(%x: tensor<2x4xi8>, %w: tensor<3x4xi8>, %s: tensor<2xf16>, %t: tensor<3xf32>) {
  // expected-error @+1 {{operand #2 must be ranked tensor of 32-bit float}}
  %y = transformer.linear %x, %w scales(%s, %t)
      : (tensor<2x4xi8>, tensor<3x4xi8>, tensor<2xf16>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @activation(%x: tensor<2x4xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{unknown word 'swish', known are none, gelu, gelu_tanh, relu, silu, tanh}}
  %y = transformer.linear %x, %w activation swish
      : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @uncountable(%x: tensor<2x4xf32>, %w: tensor<9223372036854775807x4xf32>) {
  // expected-error @+1 {{operand #1 has more elements than a 64-bit index can count}}
  %y = transformer.linear %x, %w
      : (tensor<2x4xf32>, tensor<9223372036854775807x4xf32>) -> tensor<2x9223372036854775807xf32>
  return
}

// -----

func.func @uncountable_result(%x: tensor<4611686018427387904x0xf32>, %w: tensor<4x0xf32>) {
  // expected-error @+1 {{has more elements than a 64-bit index can count}}
  %y = transformer.linear %x, %w
      : (tensor<4611686018427387904x0xf32>, tensor<4x0xf32>) -> tensor<4611686018427387904x4xf32>
  return
}

// -----

func.func @unranked(%x: tensor<*xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor}}
  %y = transformer.linear %x, %w : (tensor<*xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @result_of_other_narrow_type(%x: tensor<2x4xbf16>, %w: tensor<3x4xbf16>) {
  // expected-error @+1 {{result holds 'f16', but input holds 'bf16': they must be of one type}}
  %y = transformer.linear %x, %w : (tensor<2x4xbf16>, tensor<3x4xbf16>) -> tensor<2x3xf16>
  return
}

// -----

// The input's size is unknown, but the two others contradict each other.
func.func @contradiction(%x: tensor<?x4xi8>, %w: tensor<8x4xi8>, %xs: tensor<5xf32>, %ws: tensor<8xf32>) -> tensor<3x8xf32> {
  // expected-error @+1 {{'transformer.linear' op dimension 0 of result is 3, but dimension 0 of the row scales is 5}}
  %y = transformer.linear %x, %w scales(%xs, %ws) : (tensor<?x4xi8>, tensor<8x4xi8>, tensor<5xf32>, tensor<8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// -----

func.func @bias_of_wide_result(%x: tensor<2x4xbf16>, %w: tensor<3x4xbf16>, %b: tensor<3xbf16>) {
  // expected-error @+1 {{bias holds 'bf16', but result holds 'f32'}}
  %y = transformer.linear %x, %w bias %b
      : (tensor<2x4xbf16>, tensor<3x4xbf16>, tensor<3xbf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @two_weights(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  // expected-error @+1 {{'transformer.linear' op operand group #0 holds 0 values, but it must hold one}}
  %y = "transformer.linear"(%x, %w) <{activation = #transformer<activation<none>>, operandSegmentSizes = array<i32: 0, 2, 0, 0, 0>}>
      : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
