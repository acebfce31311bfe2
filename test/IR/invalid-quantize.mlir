// What the verifiers reject of quantize, dequantize and unpack_i4: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<f32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y, %z = transformer.quantize %x : (tensor<f32>) -> (tensor<i8>, tensor<f32>)
  return
}

// -----

func.func @input_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y, %z = transformer.quantize %x : (tensor<?x4xi8>) -> (tensor<?x4xi8>, tensor<?xf32>)
  return
}

// -----

func.func @result_type(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{result #0 must be ranked tensor of 8-bit signless integer}}
  %y, %z = transformer.quantize %x : (tensor<?x4xf32>) -> (tensor<?x4xi16>, tensor<?xf32>)
  return
}

// -----

func.func @scales_type(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{result #1 must be ranked tensor of 32-bit float}}
  %y, %z = transformer.quantize %x : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?xf16>)
  return
}

// -----

func.func @result_shape(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{dimension 1 of result is 5, but dimension 1 of input is 4}}
  %y, %z = transformer.quantize %x : (tensor<2x4xf32>) -> (tensor<2x5xi8>, tensor<2xf32>)
  return
}

// -----

func.func @result_rank(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{result has rank 1, but it must have the shape of input}}
  %y, %z = transformer.quantize %x : (tensor<2x4xf32>) -> (tensor<8xi8>, tensor<2xf32>)
  return
}

// -----

func.func @scales_shape(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{dimension 0 of scales is 3, but dimension 0 of input is 2}}
  %y, %z = transformer.quantize %x : (tensor<2x4xf32>) -> (tensor<2x4xi8>, tensor<3xf32>)
  return
}

// -----

func.func @scales_rank(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{scales has rank 2, but it must have the shape of input without its last dimension}}
  %y, %z = transformer.quantize %x : (tensor<2x4xf32>) -> (tensor<2x4xi8>, tensor<2x1xf32>)
  return
}

// -----

func.func @multiplier_width(%x: tensor<2x4xf32>, %m: tensor<3xf32>) {
  // expected-error @+1 {{dimension 0 of multiplier is 3, but the last dimension of input is 4}}
  %y, %z = transformer.quantize %x multiplier %m
      : (tensor<2x4xf32>, tensor<3xf32>) -> (tensor<2x4xi8>, tensor<2xf32>)
  return
}

// -----

func.func @multiplier_type(%x: tensor<2x4xbf16>, %m: tensor<4xf32>) {
  // expected-error @+1 {{multiplier holds 'f32', but input holds 'bf16'}}
  %y, %z = transformer.quantize %x multiplier %m
      : (tensor<2x4xbf16>, tensor<4xf32>) -> (tensor<2x4xi8>, tensor<2xf32>)
  return
}

// -----

func.func @multiplier_rank(%x: tensor<2x4xf32>, %m: tensor<1x4xf32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor}}
  %y, %z = transformer.quantize %x multiplier %m
      : (tensor<2x4xf32>, tensor<1x4xf32>) -> (tensor<2x4xi8>, tensor<2xf32>)
  return
}

// -----

func.func @static_scale_rank(%x: tensor<2x4xf32>, %m: tensor<2xf32>) {
  // expected-error @+1 {{operand #1 must be 0D tensor of 32-bit float}}
  %y, %z = transformer.quantize %x scale(%m)
      : (tensor<2x4xf32>, tensor<2xf32>) -> (tensor<2x4xi8>, tensor<2xf32>)
  return
}

// -----

func.func @back_rank(%q: tensor<i8>, %s: tensor<f32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y = transformer.dequantize %q, %s : (tensor<i8>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @back_input_type(%q: tensor<2x4xf32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 8-bit signless integer}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @back_result_type(%q: tensor<2x4xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{result #0 must be ranked tensor of 32-bit float}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<2xf32>) -> tensor<2x4xi32>
  return
}

// -----

func.func @back_result_shape(%q: tensor<2x4xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{dimension 0 of result is 3, but dimension 0 of input is 2}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @back_result_rank(%q: tensor<2x4xi8>, %s: tensor<2xf32>) {
  // expected-error @+1 {{result has rank 3, but it must have the shape of input}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<2xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @back_scales_size(%q: tensor<2x4xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{dimension 0 of scales is 4, but dimension 0 of input is 2}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @back_scales_rank(%q: tensor<2x4xi8>, %s: tensor<2x4xf32>) {
  // expected-error @+1 {{scales has rank 2, but it must have the shape of input without its last dimension}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @back_scales_type(%q: tensor<2x4xi8>, %s: tensor<2xf16>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 32-bit float}}
  %y = transformer.dequantize %q, %s : (tensor<2x4xi8>, tensor<2xf16>) -> tensor<2x4xf32>
  return
}

// -----

func.func @contradiction(%x: tensor<?x4xf32>) -> (tensor<3x4xi8>, tensor<5xf32>) {
  // expected-error @+1 {{'transformer.quantize' op dimension 0 of scales is 5, but dimension 0 of result is 3}}
  %q, %s = transformer.quantize %x : (tensor<?x4xf32>) -> (tensor<3x4xi8>, tensor<5xf32>)
  return %q, %s : tensor<3x4xi8>, tensor<5xf32>
}

// -----

func.func @unpack_rank(%p: tensor<36xi8>, %m: tensor<3x2xi8>) {
  // expected-error @+1 {{packed has rank 1, but rank 2 is expected}}
  %w = transformer.unpack_i4 %p, %m : (tensor<36xi8>, tensor<3x2xi8>) -> tensor<3x65xi8>
  return
}

// -----

func.func @unpack_dynamic(%p: tensor<?x36xi8>, %m: tensor<?x2xi8>) {
  // expected-error @+1 {{result must have a static shape}}
  %w = transformer.unpack_i4 %p, %m : (tensor<?x36xi8>, tensor<?x2xi8>) -> tensor<?x65xi8>
  return
}

// -----

func.func @unpack_rows(%p: tensor<2x36xi8>, %m: tensor<3x2xi8>) {
  // expected-error @+1 {{dimension 0 of packed is 2, but dimension 0 of result is 3}}
  %w = transformer.unpack_i4 %p, %m : (tensor<2x36xi8>, tensor<3x2xi8>) -> tensor<3x65xi8>
  return
}

// -----

func.func @unpack_bytes(%p: tensor<3x32xi8>, %m: tensor<3x2xi8>) {
  // expected-error @+1 {{dimension 1 of packed is 32, but 4 bytes for each 8 columns is 36}}
  %w = transformer.unpack_i4 %p, %m : (tensor<3x32xi8>, tensor<3x2xi8>) -> tensor<3x65xi8>
  return
}

// -----

func.func @unpack_groups(%p: tensor<3x36xi8>, %m: tensor<3x1xi8>) {
  // expected-error @+1 {{dimension 1 of multipliers is 1, but one for each 64 columns is 2}}
  %w = transformer.unpack_i4 %p, %m : (tensor<3x36xi8>, tensor<3x1xi8>) -> tensor<3x65xi8>
  return
}

// -----

func.func @unpack_type(%p: tensor<3x36xi8>, %m: tensor<3x2xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 8-bit signless integer}}
  %w = transformer.unpack_i4 %p, %m : (tensor<3x36xi8>, tensor<3x2xf32>) -> tensor<3x65xi8>
  return
}
