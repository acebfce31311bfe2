// A small encoder, dense and static, with a key mask: token 3 of the second
// sequence is padding. The weights are arguments.
func.func @encoder(%ids: tensor<2x4xi32>, %mask: tensor<2x4xi1>, %table: tensor<10x8xf32>,
                   %g: tensor<8xf32>, %b: tensor<8xf32>, %wq: tensor<8x8xf32>, %wk: tensor<8x8xf32>,
                   %wv: tensor<8x8xf32>, %wo: tensor<8x8xf32>, %w1: tensor<16x8xf32>,
                   %b1: tensor<16xf32>, %w2: tensor<8x16xf32>) -> (tensor<2x4x8xf32>, tensor<2x8xf32>) {
  %e = transformer.embedding %ids, %table : (tensor<2x4xi32>, tensor<10x8xf32>) -> tensor<2x4x8xf32>
  %x = transformer.layer_norm %e, %g, %b {epsilon = 1.0e-12 : f32} : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %q = transformer.linear %x, %wq bias %b : (tensor<2x4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %k = transformer.linear %x, %wk bias %b : (tensor<2x4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %v = transformer.linear %x, %wv bias %b : (tensor<2x4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %a = transformer.attention %q, %k, %v mask(%mask) {num_heads = 2, num_kv_heads = 2}
      : (tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x4xi1>) -> tensor<2x4x8xf32>
  %o = transformer.linear %a, %wo : (tensor<2x4x8xf32>, tensor<8x8xf32>) -> tensor<2x4x8xf32>
  %n = transformer.layer_norm %o, %g, %b residual(%x) {epsilon = 1.0e-12 : f32}
      : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8xf32>
  %h = transformer.linear %n, %w1 bias %b1 activation gelu : (tensor<2x4x8xf32>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<2x4x16xf32>
  %f = transformer.linear %h, %w2 : (tensor<2x4x16xf32>, tensor<8x16xf32>) -> tensor<2x4x8xf32>
  %s = arith.addf %f, %n : tensor<2x4x8xf32>
  %y = transformer.layer_norm %s, %g, %b {epsilon = 1.0e-12 : f32} : (tensor<2x4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %m = transformer.pool mean %y mask(%mask) : (tensor<2x4x8xf32>, tensor<2x4xi1>) -> tensor<2x8xf32>
  %z = transformer.l2_normalize %m {epsilon = 1.0e-12 : f32} : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y, %z : tensor<2x4x8xf32>, tensor<2x8xf32>
}
