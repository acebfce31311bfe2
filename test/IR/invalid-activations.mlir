// What the verifiers reject of the elementwise ops and observe: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @gelu_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.gelu %x : tensor<?x4xi8>
  return
}

// -----

func.func @gelu_f64(%x: tensor<?x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.gelu %x : tensor<?x4xf64>
  return
}

// -----

func.func @gelu_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %y = transformer.gelu %x : tensor<*xf32>
  return
}

// -----

func.func @gelu_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %y = "transformer.gelu"(%x) : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @gelu_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  %y = transformer.gelu %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @gelu_tanh_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.gelu_tanh %x : tensor<?x4xi8>
  return
}

// -----

func.func @gelu_tanh_f64(%x: tensor<?x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.gelu_tanh %x : tensor<?x4xf64>
  return
}

// -----

func.func @gelu_tanh_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %y = transformer.gelu_tanh %x : tensor<*xf32>
  return
}

// -----

func.func @gelu_tanh_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %y = "transformer.gelu_tanh"(%x) : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @gelu_tanh_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  %y = transformer.gelu_tanh %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @relu_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.relu %x : tensor<?x4xi8>
  return
}

// -----

func.func @relu_f64(%x: tensor<?x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.relu %x : tensor<?x4xf64>
  return
}

// -----

func.func @relu_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %y = transformer.relu %x : tensor<*xf32>
  return
}

// -----

func.func @relu_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %y = "transformer.relu"(%x) : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @relu_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  %y = transformer.relu %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @silu_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.silu %x : tensor<?x4xi8>
  return
}

// -----

func.func @silu_f64(%x: tensor<?x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.silu %x : tensor<?x4xf64>
  return
}

// -----

func.func @silu_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %y = transformer.silu %x : tensor<*xf32>
  return
}

// -----

func.func @silu_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %y = "transformer.silu"(%x) : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @silu_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  %y = transformer.silu %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @tanh_type(%x: tensor<?x4xi8>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.tanh %x : tensor<?x4xi8>
  return
}

// -----

func.func @tanh_f64(%x: tensor<?x4xf64>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.tanh %x : tensor<?x4xf64>
  return
}

// -----

func.func @tanh_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  %y = transformer.tanh %x : tensor<*xf32>
  return
}

// -----

func.func @tanh_result(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{all non-scalar operands/results must have the same shape and base type}}
  %y = "transformer.tanh"(%x) : (tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @tanh_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  %y = transformer.tanh %x : tensor<4294967296x4294967296xf32>
  return
}

// -----

func.func @observe_site(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{site must name a place}}
  transformer.observe %x site "" : tensor<2x4xf32>
  return
}

// -----

func.func @observe_unranked(%x: tensor<*xf32>) {
  // expected-error @+1 {{invalid kind of type specified: expected builtin.tensor, but found 'tensor<*xf32>'}}
  transformer.observe %x site "a" : tensor<*xf32>
  return
}

// -----

func.func @observe_uncountable(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{operand #0 has more elements than a 64-bit index can count}}
  transformer.observe %x site "a" : tensor<4294967296x4294967296xf32>
  return
}
