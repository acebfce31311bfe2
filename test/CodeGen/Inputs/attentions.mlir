// Attention with each kind of products: for looking at code.
module attributes {transformer.model = {family = "attentions", max_length = 256 : i64}} {
  ml_program.global private @table(#ml_program.extern : tensor<50x96xf32>) : tensor<50x96xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x96xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
    %table = ml_program.global_load_const @table : tensor<50x96xf32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<50x96xf32>) -> tensor<?x96xf32>
    %f = transformer.attention %x, %x, %x offsets(%offsets) {num_heads = 3 : i64, num_kv_heads = 3 : i64}
        : (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?xi32>) -> tensor<?x96xf32>
    %b = transformer.attention %f, %f, %f offsets(%offsets) products bf16 {num_heads = 3 : i64, num_kv_heads = 3 : i64}
        : (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?xi32>) -> tensor<?x96xf32>
    %y = transformer.attention %b, %b, %b offsets(%offsets) products i8 {num_heads = 3 : i64, num_kv_heads = 3 : i64}
        : (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?xi32>) -> tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}
