// What the verifiers reject of layer_norm, rms_norm and l2_normalize: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @layer_norm_rank(%x: tensor<f32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @layer_norm_weight(%x: tensor<?x4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{dimension 0 of weight is 5, but the last dimension of input is 4}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @layer_norm_weight_rank(%x: tensor<?x4xf32>, %w: tensor<1x4xf32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @layer_norm_weight_type(%x: tensor<?x4xf32>, %w: tensor<4xf16>) {
  // expected-error @+1 {{weight holds 'f16', but input holds 'f32'}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<4xf16>) -> tensor<?x4xf32>
  return
}

// -----

func.func @layer_norm_residual(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<3x4xf32>) {
  // expected-error @+1 {{dimension 0 of residual is 3, but dimension 0 of input is 2}}
  %y = transformer.layer_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_residual_rank(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<4xf32>) {
  // expected-error @+1 {{residual has rank 1, but it must have the shape of input}}
  %y = transformer.layer_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_residual_type(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<2x4xbf16>) {
  // expected-error @+1 {{residual holds 'bf16', but input holds 'f32'}}
  %y = transformer.layer_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<2x4xbf16>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_negative(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.layer_norm %x, %w {epsilon = -1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_infinite(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.layer_norm %x, %w {epsilon = 0x7F800000 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_nan(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.layer_norm %x, %w {epsilon = 0x7FC00000 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_epsilon_type(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{attribute 'epsilon' failed to satisfy constraint: 32-bit float attribute}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f64}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_no_epsilon(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{requires attribute 'epsilon'}}
  %y = transformer.layer_norm %x, %w : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_result(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.layer_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @rms_norm_rank(%x: tensor<f32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @rms_norm_weight(%x: tensor<?x4xf32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{dimension 0 of weight is 5, but the last dimension of input is 4}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rms_norm_weight_rank(%x: tensor<?x4xf32>, %w: tensor<1x4xf32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rms_norm_weight_type(%x: tensor<?x4xf32>, %w: tensor<4xf16>) {
  // expected-error @+1 {{weight holds 'f16', but input holds 'f32'}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<4xf16>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rms_norm_residual(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<3x4xf32>) {
  // expected-error @+1 {{dimension 0 of residual is 3, but dimension 0 of input is 2}}
  %y = transformer.rms_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_residual_rank(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<4xf32>) {
  // expected-error @+1 {{residual has rank 1, but it must have the shape of input}}
  %y = transformer.rms_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_residual_type(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %r: tensor<2x4xbf16>) {
  // expected-error @+1 {{residual holds 'bf16', but input holds 'f32'}}
  %y = transformer.rms_norm %x, %w residual(%r) {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<2x4xbf16>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_negative(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.rms_norm %x, %w {epsilon = -1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_infinite(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.rms_norm %x, %w {epsilon = 0x7F800000 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_nan(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.rms_norm %x, %w {epsilon = 0x7FC00000 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_epsilon_type(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{attribute 'epsilon' failed to satisfy constraint: 32-bit float attribute}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f64}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_no_epsilon(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{requires attribute 'epsilon'}}
  %y = transformer.rms_norm %x, %w : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rms_norm_result(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.rms_norm %x, %w {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @layer_norm_bias(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{dimension 0 of bias is 5, but the last dimension of input is 4}}
  %y = transformer.layer_norm %x, %w, %b {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<5xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @layer_norm_bias_type(%x: tensor<2x4xf32>, %w: tensor<4xf32>, %b: tensor<4xf16>) {
  // expected-error @+1 {{bias holds 'f16', but input holds 'f32'}}
  %y = transformer.layer_norm %x, %w, %b {epsilon = 1.0e-5 : f32}
      : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf16>) -> tensor<2x4xf32>
  return
}

// -----

func.func @l2_rank(%x: tensor<f32>) {
  // expected-error @+1 {{input has rank 0, but rank at least 1 is expected}}
  %y = transformer.l2_normalize %x {epsilon = 1.0e-5 : f32} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @l2_negative(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.l2_normalize %x {epsilon = -1.0 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @l2_nan(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{epsilon must be finite and not negative}}
  %y = transformer.l2_normalize %x {epsilon = 0x7FC00000 : f32}
      : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @l2_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.l2_normalize %x {epsilon = 1.0e-5 : f32} : (tensor<2x4xf32>) -> tensor<2x4xf16>
  return
}

// -----

func.func @l2_i8(%x: tensor<2x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.l2_normalize %x {epsilon = 1.0e-5 : f32} : (tensor<2x4xi8>) -> tensor<2x4xi8>
  return
}
