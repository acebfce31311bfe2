// What the verifiers reject of rope: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<8xf32>, %p: tensor<i32>) {
  // expected-error @+1 {{input has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<8xf32>, tensor<i32>) -> tensor<8xf32>
  return
}

// -----

func.func @heads(%x: tensor<?x9xf32>, %p: tensor<?xi32>) {
  // expected-error @+1 {{the last dimension of input is 9, which does not divide into num_heads = 2}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<?x9xf32>, tensor<?xi32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @no_heads(%x: tensor<?x9xf32>, %p: tensor<?xi32>) {
  // expected-error @+1 {{attribute 'num_heads' failed to satisfy constraint}}
  %y = transformer.rope %x, %p {num_heads = 0, theta = 1.0e4 : f32}
      : (tensor<?x9xf32>, tensor<?xi32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @dynamic_width(%x: tensor<?x?xf32>, %p: tensor<?xi32>) {
  // expected-error @+1 {{the last dimension of input must be static}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<?x?xf32>, tensor<?xi32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @positions_rank(%x: tensor<?x8xf32>, %p: tensor<1x?xi32>) {
  // expected-error @+1 {{positions has rank 2, but it must have the shape of input without its last dimension}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<?x8xf32>, tensor<1x?xi32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @positions_size(%x: tensor<3x8xf32>, %p: tensor<4xi32>) {
  // expected-error @+1 {{dimension 0 of positions is 4, but dimension 0 of input is 3}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<4xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @positions_type(%x: tensor<3x8xf32>, %p: tensor<3xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @theta(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{theta must be finite and positive}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 0.0 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @theta_negative(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{theta must be finite and positive}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = -1.0 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @theta_nan(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{theta must be finite and positive}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 0x7FC00000 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @rotary_odd(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{rotary_dim is 3, but channels turn in pairs: it must be even}}
  %y = transformer.rope %x, %p {num_heads = 2, rotary_dim = 3, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @rotary_negative(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{rotary_dim is -2}}
  %y = transformer.rope %x, %p {num_heads = 2, rotary_dim = -2, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @head_odd(%x: tensor<3x6xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{rotary_dim is 3, but channels turn in pairs}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<3x6xf32>, tensor<3xi32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @rotary_wide(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{rotary_dim is 6, but a head has only 4 channels}}
  %y = transformer.rope %x, %p {num_heads = 2, rotary_dim = 6, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @result_type(%x: tensor<3x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that all of {input, result} have same type}}
  %y = transformer.rope %x, %p {num_heads = 2, theta = 1.0e4 : f32}
      : (tensor<3x8xf32>, tensor<3xi32>) -> tensor<4x8xf32>
  return
}
