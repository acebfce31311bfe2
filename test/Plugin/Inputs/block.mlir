// One encoder layer of width 4, self-contained.
func.func @block(%x: tensor<?x4xf32>, %offsets: tensor<?xi32>) -> tensor<?x4xf32> {
  %w = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]> : tensor<4x4xf32>
  %g = arith.constant dense<1.0> : tensor<4xf32>
  %b = arith.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
  %q = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %a = transformer.attention %q, %x, %x offsets(%offsets) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %s = arith.addf %a, %x : tensor<?x4xf32>
  %n = transformer.layer_norm %s, %g, %b {epsilon = 1.0e-12 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = transformer.linear %n, %w bias %b activation gelu : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
