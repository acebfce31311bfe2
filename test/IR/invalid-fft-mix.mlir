// What the verifiers reject of fft_mix: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<8xf32>) {
  // expected-error @+1 {{input has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.fft_mix %x : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @rank_four(%x: tensor<1x1x3x8xf32>) {
  // expected-error @+1 {{input has rank 4, but rank 2 or 3 is expected}}
  %y = transformer.fft_mix %x : (tensor<1x1x3x8xf32>) -> tensor<1x1x3x8xf32>
  return
}

// -----

func.func @packed_without_offsets(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{input is packed (rank 2), so offsets are needed}}
  %y = transformer.fft_mix %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @dense_with_offsets(%x: tensor<1x3x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{input is dense (rank 3), so it takes no offsets}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<1x3x8xf32>, tensor<?xi32>) -> tensor<1x3x8xf32>
  return
}

// -----

func.func @no_offsets(%x: tensor<?x8xf32>, %o: tensor<0xi32>) {
  // expected-error @+1 {{offsets must hold one value more than there are sequences}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<?x8xf32>, tensor<0xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @offsets_rank(%x: tensor<?x8xf32>, %o: tensor<1x3xi32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor of 32-bit signless integer}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<?x8xf32>, tensor<1x3xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @offsets_type(%x: tensor<?x8xf32>, %o: tensor<3xf32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor of 32-bit signless integer}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<?x8xf32>, tensor<3xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @result_shape(%x: tensor<3x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<3x8xf32>, tensor<?xi32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @result_type(%x: tensor<3x8xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.fft_mix %x offsets(%o) : (tensor<3x8xf32>, tensor<?xi32>) -> tensor<3x8xf16>
  return
}

// -----

func.func @complex(%x: tensor<3x8xcomplex<f32>>, %o: tensor<?xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.fft_mix %x offsets(%o)
      : (tensor<3x8xcomplex<f32>>, tensor<?xi32>) -> tensor<3x8xcomplex<f32>>
  return
}
