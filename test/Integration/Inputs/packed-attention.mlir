// Ragged: how many sequences and how long each is comes with the call.
func.func @attend(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %v: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.attention %q, %k, %v offsets(%offsets) {num_heads = 2, num_kv_heads = 2, causal}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
