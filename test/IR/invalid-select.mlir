// What the verifier rejects of select: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<f32>, %i: tensor<1xi32>) {
  // expected-error @+1 {{input has rank 0, but}}
  %y = transformer.select %x, %i : (tensor<f32>, tensor<1xi32>) -> tensor<f32>
  return
}

// -----

func.func @fewer_dimensions(%x: tensor<2x4xf32>, %i: tensor<1xi32>) {
  // expected-error @+1 {{result must have as many dimensions as input}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<1xi32>) -> tensor<1xf32>
  return
}

// -----

func.func @rows(%x: tensor<2x4xf32>, %i: tensor<1xi32>) {
  // expected-error @+1 {{dimension 0 of result}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<1xi32>) -> tensor<3x1xf32>
  return
}

// -----

func.func @width(%x: tensor<2x4xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{the last dimension of result}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<3xi32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @element(%x: tensor<2x4xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{result}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<3xi32>) -> tensor<2x3xf16>
  return
}

// -----

func.func @type(%x: tensor<2x4xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{operand #1 must be 1D tensor of 32-bit signless integer values}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<3xi64>) -> tensor<2x3xf32>
  return
}

// -----

func.func @outside(%x: tensor<2x4xf32>) {
  %i = arith.constant dense<[0, 4]> : tensor<2xi32>
  // expected-error @+1 {{index 4 is not in rows of 4 columns}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @negative(%x: tensor<2x4xf32>) {
  %i = arith.constant dense<[-1, 2]> : tensor<2xi32>
  // expected-error @+1 {{index -1 is not in rows of 4 columns}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @twice(%x: tensor<2x4xf32>) {
  %i = arith.constant dense<[2, 2]> : tensor<2xi32>
  // expected-error @+1 {{index 2 comes twice}}
  %y = transformer.select %x, %i : (tensor<2x4xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return
}

// -----

ml_program.global private @i(dense<[1, 7]> : tensor<2xi32>) : tensor<2xi32>
func.func @outside_of_a_global(%x: tensor<?x4xf32>) {
  %i = ml_program.global_load_const @i : tensor<2xi32>
  // expected-error @+1 {{index 7 is not in rows of 4 columns}}
  %y = transformer.select %x, %i : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<?x2xf32>
  return
}
