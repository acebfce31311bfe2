// One linear of each type, with weights that no file has: for looking at code.
module attributes {transformer.model = {family = "linears", max_length = 64 : i64}} {
  ml_program.global private @table(#ml_program.extern : tensor<50x64xf32>) : tensor<50x64xf32>
  ml_program.global private @f32(#ml_program.extern : tensor<96x64xf32>) : tensor<96x64xf32>
  ml_program.global private @bf16(#ml_program.extern : tensor<64x96xbf16>) : tensor<64x96xbf16>
  ml_program.global private @i8(#ml_program.extern : tensor<64x64xi8>) : tensor<64x64xi8>
  ml_program.global private @scales(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 50 : i64},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x64xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
    %table = ml_program.global_load_const @table : tensor<50x64xf32>
    %f32 = ml_program.global_load_const @f32 : tensor<96x64xf32>
    %bf16 = ml_program.global_load_const @bf16 : tensor<64x96xbf16>
    %i8 = ml_program.global_load_const @i8 : tensor<64x64xi8>
    %scales = ml_program.global_load_const @scales : tensor<64xf32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<50x64xf32>) -> tensor<?x64xf32>
    %a = transformer.linear %x, %f32 activation gelu : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
    %n = arith.truncf %a : tensor<?x96xf32> to tensor<?x96xbf16>
    %b = transformer.linear %n, %bf16 : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xf32>
    %q, %s = transformer.quantize %b : (tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?xf32>)
    %c = transformer.linear %q, %i8 scales(%s, %scales) : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    return %c : tensor<?x64xf32>
  }
}
