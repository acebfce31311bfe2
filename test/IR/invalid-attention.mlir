// What the verifiers reject of attention: one case for each sentence.
// RUN: transformer-opt %s --split-input-file --verify-diagnostics

func.func @rank(%q: tensor<8xf32>) {
  // expected-error @+1 {{query has rank 1, but rank 2 or 3 is expected}}
  %y = transformer.attention %q, %q, %q {num_heads = 2, num_kv_heads = 2}
      : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @mixed_ranks(%q: tensor<1x6x8xf32>, %k: tensor<6x8xf32>) {
  // expected-error @+1 {{key must have the rank of query}}
  %y = transformer.attention %q, %k, %k {num_heads = 2, num_kv_heads = 2}
      : (tensor<1x6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<1x6x8xf32>
  return
}

// -----

func.func @value_rank(%q: tensor<1x6x8xf32>, %k: tensor<6x8xf32>) {
  // expected-error @+1 {{value must have the rank of query}}
  %y = transformer.attention %q, %q, %k {num_heads = 2, num_kv_heads = 2}
      : (tensor<1x6x8xf32>, tensor<1x6x8xf32>, tensor<6x8xf32>) -> tensor<1x6x8xf32>
  return
}

// -----

func.func @result_rank(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{result must have the rank of query}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<1x6x8xf32>
  return
}

// -----

func.func @key_type(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %k: tensor<6x8xf16>) {
  // expected-error @+1 {{key holds 'f16', but query holds 'f32'}}
  %y = transformer.attention %q, %k, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf16>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @result_type(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{result holds 'f16', but query holds 'f32'}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf16>
  return
}

// -----

func.func @i8(%q: tensor<6x8xi8>, %o: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of 32-bit float}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xi8>, tensor<6x8xi8>, tensor<6x8xi8>, tensor<3xi32>) -> tensor<6x8xi8>
  return
}

// -----

func.func @no_heads(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{attribute 'num_heads' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 0, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @negative_kv_heads(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{attribute 'num_kv_heads' failed to satisfy constraint}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = -2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @groups(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{num_heads = 4 is not a multiple of num_kv_heads = 3}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 4, num_kv_heads = 3}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @more_kv_heads(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{num_heads = 2 is not a multiple of num_kv_heads = 4}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 4}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @query_width(%q: tensor<6x9xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{the last dimension of query is 9, which does not divide into num_heads = 2}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x9xf32>, tensor<6x9xf32>, tensor<6x9xf32>, tensor<3xi32>) -> tensor<6x9xf32>
  return
}

// -----

func.func @key_width(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %k: tensor<6x9xf32>) {
  // expected-error @+1 {{the last dimension of key is 9, which does not divide into num_kv_heads = 2}}
  %y = transformer.attention %q, %k, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x9xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @value_width(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %v: tensor<6x9xf32>) {
  // expected-error @+1 {{the last dimension of value is 9, which does not divide into num_kv_heads = 2}}
  %y = transformer.attention %q, %q, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x9xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @no_width(%q: tensor<6x0xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{the last dimension of query is 0, which does not divide into num_heads = 2}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x0xf32>, tensor<6x0xf32>, tensor<6x0xf32>, tensor<3xi32>) -> tensor<6x0xf32>
  return
}

// -----

func.func @dynamic_width(%q: tensor<6x?xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{the last dimension of query must be static}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x?xf32>, tensor<6x?xf32>, tensor<6x?xf32>, tensor<3xi32>) -> tensor<6x?xf32>
  return
}

// -----

func.func @key_head(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %k: tensor<6x4xf32>) {
  // expected-error @+1 {{a key head has 2 channels, but a query head has 4}}
  %y = transformer.attention %q, %k, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x4xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @result_width(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %v: tensor<6x4xf32>) {
  // expected-error @+1 {{the last dimension of result is 8, but num_heads times the width of a value head is 4}}
  %y = transformer.attention %q, %q, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x4xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @value_rows(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %v: tensor<5x8xf32>) {
  // expected-error @+1 {{dimension 0 of value is 5, but dimension 0 of key is 6}}
  %y = transformer.attention %q, %q, %v offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<5x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @result_rows(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{dimension 0 of result is 5, but dimension 0 of query is 6}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<5x8xf32>
  return
}

// -----

func.func @dense_value_rows(%q: tensor<2x6x8xf32>, %v: tensor<2x5x8xf32>) {
  // expected-error @+1 {{dimension 1 of value is 5, but dimension 1 of key is 6}}
  %y = transformer.attention %q, %q, %v {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x5x8xf32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @dense_batch(%q: tensor<2x6x8xf32>, %k: tensor<3x6x8xf32>) {
  // expected-error @+1 {{dimension 0 of key is 3, but dimension 0 of query is 2}}
  %y = transformer.attention %q, %k, %k {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<3x6x8xf32>, tensor<3x6x8xf32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @packed_without_offsets(%q: tensor<6x8xf32>) {
  // expected-error @+1 {{query is packed (rank 2), so offsets are needed}}
  %y = transformer.attention %q, %q, %q {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @dense_with_offsets(%q: tensor<2x6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{query is dense (rank 3), so it takes no offsets}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<3xi32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @no_offsets(%q: tensor<6x8xf32>, %o: tensor<0xi32>) {
  // expected-error @+1 {{offsets must hold one value more than there are sequences, so at least one}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<0xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @offsets_type(%q: tensor<6x8xf32>, %o: tensor<3xi64>) {
  // expected-error @+1 {{operand #3 must be 1D tensor of 32-bit signless integer}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi64>) -> tensor<6x8xf32>
  return
}

// -----

func.func @offsets_disagree(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %p: tensor<4xi32>) {
  // expected-error @+1 {{dimension 0 of the key offsets is 4, but dimension 0 of offsets is 3}}
  %y = transformer.attention %q, %q, %q offsets(%o, %p) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<4xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @key_offsets_alone(%q: tensor<2x6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{key offsets need query offsets}}
  %y = "transformer.attention"(%q, %q, %q, %o) <{num_heads = 2 : i64, num_kv_heads = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 0>}>
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<3xi32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @keys_share_offsets(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %k: tensor<5x8xf32>) {
  // expected-error @+1 {{dimension 0 of key is 5, but dimension 0 of query is 6}}
  %y = transformer.attention %q, %k, %k offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @packed_boolean_mask(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %m: tensor<2x9x9xi1>) {
  // expected-error @+1 {{a packed mask is a float bias [num_heads, maxlen, maxlen]}}
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<2x9x9xi1>) -> tensor<6x8xf32>
  return
}

// -----

func.func @packed_mask_rank(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %m: tensor<9x9xf32>) {
  // expected-error @+1 {{a packed mask is a float bias [num_heads, maxlen, maxlen]}}
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<9x9xf32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @packed_mask_heads(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %m: tensor<3x9x9xf32>) {
  // expected-error @+1 {{dimension 0 of mask is 3, but num_heads is 2}}
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<3x9x9xf32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @packed_mask_not_square(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %m: tensor<2x9x7xf32>) {
  // expected-error @+1 {{dimension 2 of mask is 7, but dimension 1 of mask is 9}}
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<2x9x7xf32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @mask_type(%q: tensor<6x8xf32>, %o: tensor<3xi32>, %m: tensor<2x9x9xf16>) {
  // expected-error @+1 {{mask holds 'f16', but query holds 'f32'}}
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>, tensor<2x9x9xf16>) -> tensor<6x8xf32>
  return
}

// -----

func.func @integer_mask(%q: tensor<2x6x8xf32>, %m: tensor<2x6xi64>) {
  // expected-error @+1 {{operand #3 must be ranked tensor of 32-bit float}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6xi64>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @dense_mask_rank(%q: tensor<2x6x8xf32>, %m: tensor<2x6x6xi1>) {
  // expected-error @+1 {{a dense mask is [batch, keys] or [batch or 1, num_heads or 1, queries, keys]}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x6xi1>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @key_mask_batch(%q: tensor<2x6x8xf32>, %m: tensor<1x6xi1>) {
  // expected-error @+1 {{dimension 0 of mask is 1, but dimension 0 of query is 2}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<1x6xi1>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @key_mask_keys(%q: tensor<2x6x8xf32>, %m: tensor<2x5xi1>) {
  // expected-error @+1 {{the last dimension of mask is 5, but dimension 1 of key is 6}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x5xi1>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @full_mask_batch(%q: tensor<2x6x8xf32>, %m: tensor<3x1x6x6xi1>) {
  // expected-error @+1 {{dimension 0 of mask is 3, but dimension 0 of query is 2}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<3x1x6x6xi1>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @full_mask_heads(%q: tensor<2x6x8xf32>, %m: tensor<1x3x6x6xf32>) {
  // expected-error @+1 {{dimension 1 of mask is 3, but num_heads is 2}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<1x3x6x6xf32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @full_mask_queries(%q: tensor<2x6x8xf32>, %m: tensor<1x1x1x6xf32>) {
  // expected-error @+1 {{dimension 2 of mask is 1, but dimension 1 of query is 6}}
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<1x1x1x6xf32>) -> tensor<2x6x8xf32>
  return
}

// -----

func.func @scale_infinite(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{scale must be finite}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2, scale = 0x7F800000 : f32}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @scale_nan(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{scale must be finite}}
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2, num_kv_heads = 2, scale = 0x7FC00000 : f32}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @too_wide(%q: tensor<0x4611686018427387904xf32>, %k: tensor<0x1xf32>, %v: tensor<0x4611686018427387904xf32>, %o: tensor<1xi32>) {
  // expected-error @+1 {{has more elements than a 64-bit index can count}}
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 4611686018427387904, num_kv_heads = 1}
      : (tensor<0x4611686018427387904xf32>, tensor<0x1xf32>, tensor<0x4611686018427387904xf32>, tensor<1xi32>) -> tensor<0x8xf32>
  return
}

// -----

func.func @too_many_heads(%q: tensor<0x144115188075855872xf32>, %k: tensor<0x1xf32>, %v: tensor<0x256xf32>, %o: tensor<1xi32>) {
  // expected-error @+1 {{num_heads times the width of a value head is too large}}
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 144115188075855872, num_kv_heads = 1}
      : (tensor<0x144115188075855872xf32>, tensor<0x1xf32>, tensor<0x256xf32>, tensor<1xi32>) -> tensor<0x8xf32>
  return
}

// -----

func.func @products_of_narrow_operands(%q: tensor<6x8xbf16>, %o: tensor<3xi32>) {
  // expected-error @+1 {{products of i8 are made of f32 operands, but query holds another type}}
  %y = transformer.attention %q, %q, %q offsets(%o) products i8 {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xbf16>, tensor<6x8xbf16>, tensor<6x8xbf16>, tensor<3xi32>) -> tensor<6x8xbf16>
  return
}

// -----

func.func @two_keys(%q: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // expected-error @+1 {{'transformer.attention' op operand group #1 holds 2 values, but it must hold one}}
  %y = "transformer.attention"(%q, %q, %q) <{num_heads = 1 : i64, num_kv_heads = 1 : i64, operandSegmentSizes = array<i32: 1, 2, 0, 0, 0, 0>}>
      : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

func.func @unknown_products(%q: tensor<6x8xf32>, %o: tensor<3xi32>) {
  // expected-error @+1 {{unknown word 'i4', known are f32, bf16, i8}}
  %y = transformer.attention %q, %q, %q offsets(%o) products i4 {num_heads = 2, num_kv_heads = 2}
      : (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<3xi32>) -> tensor<6x8xf32>
  return
}

// -----

func.func @contradiction(%q: tensor<?x3x4xf32>, %k: tensor<2x3x4xf32>) -> tensor<5x3x4xf32> {
  // expected-error @+1 {{'transformer.attention' op dimension 0 of result is 5, but dimension 0 of key is 2}}
  %y = transformer.attention %q, %k, %k {num_heads = 1, num_kv_heads = 1}
      : (tensor<?x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<5x3x4xf32>
  return %y : tensor<5x3x4xf32>
}
