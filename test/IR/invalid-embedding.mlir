// What the verifiers reject of embedding and positions: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @table_rank(%i: tensor<?xi32>, %t: tensor<9xf32>) {
  // expected-error @+1 {{table has rank 1, but rank 2 is expected}}
  %y = transformer.embedding %i, %t : (tensor<?xi32>, tensor<9xf32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @ids_type(%i: tensor<?xi8>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit signless integer or 64-bit signless integer}}
  %y = transformer.embedding %i, %t : (tensor<?xi8>, tensor<9x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @result_rank(%i: tensor<?xi32>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{result must have one dimension more than ids}}
  %y = transformer.embedding %i, %t : (tensor<?xi32>, tensor<9x4xf32>) -> tensor<1x?x4xf32>
  return
}

// -----

func.func @result_rows(%i: tensor<3xi32>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{dimension 0 of result is 2, but dimension 0 of ids is 3}}
  %y = transformer.embedding %i, %t : (tensor<3xi32>, tensor<9x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @result_dense_rows(%i: tensor<3x5xi32>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{dimension 1 of result is 6, but dimension 1 of ids is 5}}
  %y = transformer.embedding %i, %t : (tensor<3x5xi32>, tensor<9x4xf32>) -> tensor<3x6x4xf32>
  return
}

// -----

func.func @result_width(%i: tensor<3xi32>, %t: tensor<9x4xf32>) {
  // expected-error @+1 {{the last dimension of result is 9, but dimension 1 of table is 4}}
  %y = transformer.embedding %i, %t : (tensor<3xi32>, tensor<9x4xf32>) -> tensor<3x9xf32>
  return
}

// -----

func.func @result_type(%i: tensor<3xi32>, %t: tensor<9x4xf16>) {
  // expected-error @+1 {{result holds 'f32', but table holds 'f16'}}
  %y = transformer.embedding %i, %t : (tensor<3xi32>, tensor<9x4xf16>) -> tensor<3x4xf32>
  return
}

// -----

func.func @i8_without_scales(%i: tensor<3xi32>, %t: tensor<9x4xi8>) {
  // expected-error @+1 {{an i8 table needs one scale per row}}
  %y = transformer.embedding %i, %t : (tensor<3xi32>, tensor<9x4xi8>) -> tensor<3x4xf32>
  return
}

// -----

func.func @float_with_scales(%i: tensor<3xi32>, %t: tensor<9x4xf32>, %s: tensor<9xf32>) {
  // expected-error @+1 {{scales belong to an i8 table, but table holds floats}}
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<3xi32>, tensor<9x4xf32>, tensor<9xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @scales_size(%i: tensor<3xi32>, %t: tensor<9x4xi8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{dimension 0 of scales is 4, but dimension 0 of table is 9}}
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<3xi32>, tensor<9x4xi8>, tensor<4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @scales_rank(%i: tensor<3xi32>, %t: tensor<9x4xi8>, %s: tensor<9x1xf32>) {
  // expected-error @+1 {{scales has rank 2, but rank 1 is expected}}
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<3xi32>, tensor<9x4xi8>, tensor<9x1xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @i8_result(%i: tensor<3xi32>, %t: tensor<9x4xi8>, %s: tensor<9xf32>) {
  // expected-error @+1 {{result #0 must be ranked tensor of 32-bit float}}
  %y = transformer.embedding %i, %t scales(%s)
      : (tensor<3xi32>, tensor<9x4xi8>, tensor<9xf32>) -> tensor<3x4xi8>
  return
}

// -----

func.func @no_offsets(%o: tensor<0xi32>, %n: index) {
  // expected-error @+1 {{offsets must hold one value more than there are sequences}}
  %y = transformer.positions %o, %n : (tensor<0xi32>, index) -> tensor<?xi32>
  return
}

// -----

func.func @offsets_type(%o: tensor<?xi64>, %n: index) {
  // expected-error @+1 {{operand #0 must be 1D tensor of 32-bit signless integer}}
  %y = transformer.positions %o, %n : (tensor<?xi64>, index) -> tensor<?xi32>
  return
}

// -----

func.func @tokens_type(%o: tensor<?xi32>, %n: i32) {
  // expected-error @+1 {{operand #1 must be index}}
  %y = transformer.positions %o, %n : (tensor<?xi32>, i32) -> tensor<?xi32>
  return
}

// -----

func.func @result_not_i32(%o: tensor<?xi32>, %n: index) {
  // expected-error @+1 {{result #0 must be 1D tensor of 32-bit signless integer}}
  %y = transformer.positions %o, %n : (tensor<?xi32>, index) -> tensor<?xi64>
  return
}

// -----

func.func @ids_alone(%o: tensor<?xi32>, %n: index, %i: tensor<?xi32>) {
  // expected-error @+1 {{ids and padding_id go together}}
  %y = transformer.positions %o, %n ids(%i) : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  return
}

// -----

func.func @padding_alone(%o: tensor<?xi32>, %n: index) {
  // expected-error @+1 {{ids and padding_id go together}}
  %y = transformer.positions %o, %n {padding_id = 1} : (tensor<?xi32>, index) -> tensor<?xi32>
  return
}

// -----

func.func @start_negative(%o: tensor<?xi32>, %n: index) {
  // expected-error @+1 {{start is -1, but positions are nonnegative i32 numbers}}
  %y = transformer.positions %o, %n {start = -1} : (tensor<?xi32>, index) -> tensor<?xi32>
  return
}

// -----

func.func @start_large(%o: tensor<?xi32>, %n: index) {
  // expected-error @+1 {{start is 2147483648, but positions are nonnegative i32 numbers}}
  %y = transformer.positions %o, %n {start = 2147483648} : (tensor<?xi32>, index) -> tensor<?xi32>
  return
}

// -----

func.func @start_of_padding(%o: tensor<?xi32>, %n: index, %i: tensor<?xi32>) {
  // expected-error @+1 {{start must be at least 1, as padding gets position start - 1}}
  %y = transformer.positions %o, %n ids(%i) {padding_id = 1}
      : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  return
}

// -----

func.func @padding_large(%o: tensor<?xi32>, %n: index, %i: tensor<?xi32>) {
  // expected-error @+1 {{padding_id is 4294967296, but ids are i32}}
  %y = transformer.positions %o, %n ids(%i) {padding_id = 4294967296, start = 1}
      : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  return
}

// -----

func.func @ids_size(%o: tensor<?xi32>, %n: index, %i: tensor<4xi32>) {
  // expected-error @+1 {{dimension 0 of result is 5, but dimension 0 of ids is 4}}
  %y = transformer.positions %o, %n ids(%i) {padding_id = 1, start = 2}
      : (tensor<?xi32>, index, tensor<4xi32>) -> tensor<5xi32>
  return
}
