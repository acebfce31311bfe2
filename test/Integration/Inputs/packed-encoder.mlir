// Ragged: how many sequences and how long each is comes with the call. The
// position table is a weight of the module.
module {
  ml_program.global private @positions(dense<[[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
    [2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7], [3.0, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7],
    [4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6, 4.7]]> : tensor<5x8xf32>) : tensor<5x8xf32>
  func.func @encoder(%x: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
    %c0 = arith.constant 0 : index
    %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
    %table = ml_program.global_load_const @positions : tensor<5x8xf32>
    %p = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    %e = transformer.embedding %p, %table : (tensor<?xi32>, tensor<5x8xf32>) -> tensor<?x8xf32>
    %v = arith.addf %x, %e : tensor<?x8xf32>
    %y = transformer.attention %x, %v, %v offsets(%offsets) {num_heads = 2, num_kv_heads = 2, causal}
        : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    %m = transformer.pool mean %y offsets(%offsets) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    return %y, %m : tensor<?x8xf32>, tensor<?x8xf32>
  }
}
