// A model of one linear layer and a mean, with its weights in the text.
module attributes {transformer.model = {family = "tiny", max_length = 8 : i64}} {
  ml_program.global private @table(dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0],
                                          [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<5x4xf32>) : tensor<5x4xf32>
  ml_program.global private @weight(dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [1.0, 0.0, 0.0, 0.0],
                                           [0.0, 0.0, 0.0, -1.0]]> : tensor<4x4xf32>) : tensor<4x4xf32>
  ml_program.global private @bias(dense<0.5> : tensor<4xf32>) : tensor<4xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 5 : i64},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x4xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"},
          tensor<?x4xf32> {transformer.output = "sentence_embedding", transformer.rows = "sequences"}) {
    %table = ml_program.global_load_const @table : tensor<5x4xf32>
    %weight = ml_program.global_load_const @weight : tensor<4x4xf32>
    %bias = ml_program.global_load_const @bias : tensor<4xf32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<5x4xf32>) -> tensor<?x4xf32>
    %y = transformer.linear %x, %weight bias %bias : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %mean = transformer.pool mean %y offsets(%offsets) : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    return %y, %mean : tensor<?x4xf32>, tensor<?x4xf32>
  }
}
