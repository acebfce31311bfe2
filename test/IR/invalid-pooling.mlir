// What the verifiers reject of pool and unpool: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @kind(%x: tensor<?x4xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{unknown word 'sum', known are mean, cls, max}}
  %y = transformer.pool sum %x offsets(%o) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @rank(%x: tensor<4xf32>) {
  // expected-error @+1 {{input has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.pool mean %x : (tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @packed_without_offsets(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{input is packed (rank 2), so offsets are needed}}
  %y = transformer.pool mean %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @dense_with_offsets(%x: tensor<1x?x4xf32>, %o: tensor<?xi32>) {
  // expected-error @+1 {{input is dense (rank 3), so it takes no offsets}}
  %y = transformer.pool mean %x offsets(%o) : (tensor<1x?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @no_offsets(%x: tensor<?x4xf32>, %o: tensor<0xi32>) {
  // expected-error @+1 {{offsets must hold one value more than there are sequences}}
  %y = transformer.pool mean %x offsets(%o) : (tensor<?x4xf32>, tensor<0xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @packed_mask(%x: tensor<?x4xf32>, %o: tensor<?xi32>, %m: tensor<?xi1>) {
  // expected-error @+1 {{the packed form has no padding, so no mask}}
  %y = transformer.pool mean %x offsets(%o) mask(%m)
      : (tensor<?x4xf32>, tensor<?xi32>, tensor<?xi1>) -> tensor<?x4xf32>
  return
}

// -----

func.func @mask_type(%x: tensor<2x3x4xf32>, %m: tensor<2x3xf32>) {
  // expected-error @+1 {{operand #1 must be ranked tensor of 1-bit signless integer}}
  %y = transformer.pool mean %x mask(%m) : (tensor<2x3x4xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @mask_rank(%x: tensor<2x3x4xf32>, %m: tensor<3xi1>) {
  // expected-error @+1 {{mask has rank 1, but it must have the shape of input without its last dimension}}
  %y = transformer.pool mean %x mask(%m) : (tensor<2x3x4xf32>, tensor<3xi1>) -> tensor<2x4xf32>
  return
}

// -----

func.func @mask_shape(%x: tensor<2x3x4xf32>, %m: tensor<2x4xi1>) {
  // expected-error @+1 {{dimension 1 of mask is 4, but dimension 1 of input is 3}}
  %y = transformer.pool mean %x mask(%m) : (tensor<2x3x4xf32>, tensor<2x4xi1>) -> tensor<2x4xf32>
  return
}

// -----

func.func @result_rank(%x: tensor<2x3x4xf32>) {
  // expected-error @+1 {{result has rank 3, but rank 2 is expected}}
  %y = transformer.pool mean %x : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  return
}

// -----

func.func @result_width(%x: tensor<2x3x4xf32>) {
  // expected-error @+1 {{the last dimension of result is 3, but the last dimension of input is 4}}
  %y = transformer.pool mean %x : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @result_type(%x: tensor<2x3x4xf32>) {
  // expected-error @+1 {{result holds 'f16', but input holds 'f32'}}
  %y = transformer.pool mean %x : (tensor<2x3x4xf32>) -> tensor<2x4xf16>
  return
}

// -----

func.func @batch(%x: tensor<?x4xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{dimension 0 of result is 3, but the number of sequences in offsets is 2}}
  %y = transformer.pool mean %x offsets(%o) : (tensor<?x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @dense_batch(%x: tensor<2x3x4xf32>) {
  // expected-error @+1 {{dimension 0 of result is 3, but dimension 0 of input is 2}}
  %y = transformer.pool mean %x : (tensor<2x3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @un_rank(%x: tensor<2x1x4xf32>, %n: index) {
  // expected-error @+1 {{input has rank 3, but rank 2 is expected}}
  %y = transformer.unpool %x, %n : (tensor<2x1x4xf32>, index) -> tensor<2x?x4xf32>
  return
}

// -----

func.func @un_result_rank(%x: tensor<2x4xf32>, %n: index) {
  // expected-error @+1 {{result has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.unpool %x, %n : (tensor<2x4xf32>, index) -> tensor<8xf32>
  return
}

// -----

func.func @un_packed_without_offsets(%x: tensor<2x4xf32>, %n: index) {
  // expected-error @+1 {{result is packed (rank 2), so offsets are needed}}
  %y = transformer.unpool %x, %n : (tensor<2x4xf32>, index) -> tensor<?x4xf32>
  return
}

// -----

func.func @un_dense_with_offsets(%x: tensor<2x4xf32>, %n: index, %o: tensor<3xi32>) {
  // expected-error @+1 {{result is dense (rank 3), so it takes no offsets}}
  %y = transformer.unpool %x, %n offsets(%o)
      : (tensor<2x4xf32>, index, tensor<3xi32>) -> tensor<2x?x4xf32>
  return
}

// -----

func.func @un_no_offsets(%x: tensor<2x4xf32>, %n: index, %o: tensor<0xi32>) {
  // expected-error @+1 {{offsets must hold one value more}}
  %y = transformer.unpool %x, %n offsets(%o)
      : (tensor<2x4xf32>, index, tensor<0xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @un_width(%x: tensor<2x4xf32>, %n: index, %o: tensor<3xi32>) {
  // expected-error @+1 {{the last dimension of result is 5, but the last dimension of input is 4}}
  %y = transformer.unpool %x, %n offsets(%o)
      : (tensor<2x4xf32>, index, tensor<3xi32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @un_type(%x: tensor<2x4xf32>, %n: index, %o: tensor<3xi32>) {
  // expected-error @+1 {{result holds 'bf16', but input holds 'f32'}}
  %y = transformer.unpool %x, %n offsets(%o)
      : (tensor<2x4xf32>, index, tensor<3xi32>) -> tensor<?x4xbf16>
  return
}

// -----

func.func @un_batch(%x: tensor<3x4xf32>, %n: index, %o: tensor<3xi32>) {
  // expected-error @+1 {{dimension 0 of input is 3, but the number of sequences in offsets is 2}}
  %y = transformer.unpool %x, %n offsets(%o)
      : (tensor<3x4xf32>, index, tensor<3xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @un_dense_batch(%x: tensor<2x4xf32>, %n: index) {
  // expected-error @+1 {{dimension 0 of result is 3, but dimension 0 of input is 2}}
  %y = transformer.unpool %x, %n : (tensor<2x4xf32>, index) -> tensor<3x?x4xf32>
  return
}

// -----

func.func @un_length(%x: tensor<2x4xf32>, %n: i64) {
  // expected-error @+1 {{operand #1 must be index}}
  %y = transformer.unpool %x, %n : (tensor<2x4xf32>, i64) -> tensor<2x?x4xf32>
  return
}
