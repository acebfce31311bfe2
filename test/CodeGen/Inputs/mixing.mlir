// Norms, activations and fft_mix, with weights that no file has: for looking at
// code.
module attributes {transformer.model = {family = "mixing", max_length = 256 : i64}} {
  ml_program.global private @table(#ml_program.extern : tensor<50x96xf32>) : tensor<50x96xf32>
  ml_program.global private @gamma(#ml_program.extern : tensor<96xf32>) : tensor<96xf32>
  ml_program.global private @beta(#ml_program.extern : tensor<96xf32>) : tensor<96xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x96xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
    %table = ml_program.global_load_const @table : tensor<50x96xf32>
    %gamma = ml_program.global_load_const @gamma : tensor<96xf32>
    %beta = ml_program.global_load_const @beta : tensor<96xf32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<50x96xf32>) -> tensor<?x96xf32>
    %n = transformer.layer_norm %x, %gamma, %beta residual(%x) {epsilon = 1.0e-05 : f32}
        : (tensor<?x96xf32>, tensor<96xf32>, tensor<96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
    %g = transformer.gelu %n : tensor<?x96xf32>
    %m = transformer.fft_mix %g offsets(%offsets) : (tensor<?x96xf32>, tensor<?xi32>) -> tensor<?x96xf32>
    %t = transformer.gelu_tanh %m : tensor<?x96xf32>
    %r = transformer.rms_norm %t, %gamma {epsilon = 1.0e-05 : f32} : (tensor<?x96xf32>, tensor<96xf32>) -> tensor<?x96xf32>
    %y = transformer.silu %r : tensor<?x96xf32>
    return %y : tensor<?x96xf32>
  }
}
