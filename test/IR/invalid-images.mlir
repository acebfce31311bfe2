// What the verifiers reject of patches and prepend: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<3x4x4xf32>) {
  // expected-error @+1 {{input has rank 3, but rank 4 is expected}}
  %y = transformer.patches %x {size = 2} : (tensor<3x4x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @result_rank(%x: tensor<1x3x4x4xf32>) {
  // expected-error @+1 {{result has rank 3, but rank 2 is expected}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x4x4xf32>) -> tensor<1x4x12xf32>
  return
}

// -----

func.func @result_type(%x: tensor<1x3x4x4xf32>) {
  // expected-error @+1 {{result holds 'f16', but input holds 'f32'}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x4x4xf32>) -> tensor<4x12xf16>
  return
}

// -----

func.func @no_size(%x: tensor<1x3x4x4xf32>) {
  // expected-error @+1 {{attribute 'size' failed to satisfy constraint}}
  %y = transformer.patches %x {size = 0} : (tensor<1x3x4x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @dynamic_channels(%x: tensor<1x?x4x4xf32>) {
  // expected-error @+1 {{channels, height and width of input must be static}}
  %y = transformer.patches %x {size = 2} : (tensor<1x?x4x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @dynamic_height(%x: tensor<1x3x?x4xf32>) {
  // expected-error @+1 {{channels, height and width of input must be static}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x?x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @height(%x: tensor<1x3x5x4xf32>) {
  // expected-error @+1 {{dimension 2 of input is 5, which does not divide into patches of 2}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x5x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @width(%x: tensor<1x3x4x5xf32>) {
  // expected-error @+1 {{dimension 3 of input is 5, which does not divide into patches of 2}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x4x5xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @result_width(%x: tensor<1x3x4x4xf32>) {
  // expected-error @+1 {{the last dimension of result is 4, but channels * size * size is 12}}
  %y = transformer.patches %x {size = 2} : (tensor<1x3x4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @result_rows(%x: tensor<2x3x4x4xf32>) {
  // expected-error @+1 {{dimension 0 of result is 4, but the number of all patches is 8}}
  %y = transformer.patches %x {size = 2} : (tensor<2x3x4x4xf32>) -> tensor<4x12xf32>
  return
}

// -----

func.func @too_large(%x: tensor<2x3x0x0xf32>) {
  // expected-error @+1 {{size is too large}}
  %y = transformer.patches %x {size = 9223372036854775807}
      : (tensor<2x3x0x0xf32>) -> tensor<0x12xf32>
  return
}

// -----

func.func @i8(%x: tensor<2x3x4x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.patches %x {size = 2} : (tensor<2x3x4x4xi8>) -> tensor<8x12xi8>
  return
}

// -----

func.func @prepend_rank(%x: tensor<1x6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{input has rank 3, but rank 2 is expected}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<1x6x4xf32>, tensor<1x4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_rows_rank(%x: tensor<6x4xf32>, %r: tensor<4xf32>) {
  // expected-error @+1 {{rows has rank 1, but rank 2 is expected}}
  %y = transformer.prepend %x, %r {length = 6} : (tensor<6x4xf32>, tensor<4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_rows_width(%x: tensor<6x4xf32>, %r: tensor<1x5xf32>) {
  // expected-error @+1 {{dimension 1 of rows is 5, but dimension 1 of input is 4}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<6x4xf32>, tensor<1x5xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_rows_type(%x: tensor<6x4xf32>, %r: tensor<1x4xf16>) {
  // expected-error @+1 {{rows holds 'f16', but input holds 'f32'}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<6x4xf32>, tensor<1x4xf16>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_result_rank(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{result has rank 3, but rank 2 is expected}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<1x7x4xf32>
  return
}

// -----

func.func @prepend_result_width(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{dimension 1 of result is 5, but dimension 1 of input is 4}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<7x5xf32>
  return
}

// -----

func.func @prepend_result_type(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{result holds 'f16', but input holds 'f32'}}
  %y = transformer.prepend %x, %r {length = 6}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<7x4xf16>
  return
}

// -----

func.func @prepend_length(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{input has 6 rows, which do not divide into sequences of 4}}
  %y = transformer.prepend %x, %r {length = 4}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_no_length(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{attribute 'length' failed to satisfy constraint}}
  %y = transformer.prepend %x, %r {length = 0}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_result_rows(%x: tensor<6x4xf32>, %r: tensor<1x4xf32>) {
  // expected-error @+1 {{dimension 0 of result is 7, but the number of old and new rows is 8}}
  %y = transformer.prepend %x, %r {length = 3}
      : (tensor<6x4xf32>, tensor<1x4xf32>) -> tensor<7x4xf32>
  return
}

// -----

func.func @prepend_too_many(%x: tensor<1152921504606846975x1xf32>, %r: tensor<1152921504606846975x1xf32>) {
  // expected-error @+1 {{the result has too many rows}}
  %y = transformer.prepend %x, %r {length = 1}
      : (tensor<1152921504606846975x1xf32>, tensor<1152921504606846975x1xf32>) -> tensor<7x1xf32>
  return
}
