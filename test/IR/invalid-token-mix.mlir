// What the verifiers reject of token_mix: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<8xf32>, %w: tensor<3x8xf32>) {
  // expected-error @+1 {{input has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.token_mix %x, %w : (tensor<8xf32>, tensor<3x8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @packed_without_offsets(%x: tensor<?x8xf32>, %w: tensor<3x8xf32>) {
  // expected-error @+1 {{input is packed (rank 2), so offsets are needed}}
  %y = transformer.token_mix %x, %w : (tensor<?x8xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @dense_with_offsets(%x: tensor<1x3x8xf32>, %w: tensor<3x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{input is dense (rank 3), so it takes no offsets}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<1x3x8xf32>, tensor<3x8xf32>, tensor<?xi32>) -> tensor<1x3x8xf32>
  return
}

// -----

func.func @no_offsets(%x: tensor<?x8xf32>, %w: tensor<3x8xf32>, %o: tensor<0xi32>) {
  // expected-error @+1 {{offsets must hold one value more}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<3x8xf32>, tensor<0xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @even_lags(%x: tensor<?x8xf32>, %w: tensor<2x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{weight has 2 lags, but lags -K..K are an odd number}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<2x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @no_lags(%x: tensor<?x8xf32>, %w: tensor<0x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{weight has 0 lags, but lags -K..K are an odd number}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<0x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @weight_rank(%x: tensor<?x8xf32>, %w: tensor<3xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{weight has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<3xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @weight_width(%x: tensor<?x8xf32>, %w: tensor<3x7xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{dimension 1 of weight is 7, but the last dimension of input is 8}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<3x7xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @weight_columns(%x: tensor<?x8xf32>, %w: tensor<3x8x7xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{dimension 2 of weight is 7, but the last dimension of input is 8}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<3x8x7xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @weight_type(%x: tensor<?x8xf32>, %w: tensor<3x8xbf16>, %o: tensor<?xi32>) {
  // expected-error @+1 {{weight holds 'bf16', but input holds 'f32'}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<?x8xf32>, tensor<3x8xbf16>, tensor<?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @result_shape(%x: tensor<3x8xf32>, %w: tensor<3x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.token_mix %x, %w offsets(%o)
      : (tensor<3x8xf32>, tensor<3x8xf32>, tensor<?xi32>) -> tensor<4x8xf32>
  return
}
