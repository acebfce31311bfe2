// Modules that are no models for the runtime: everything wrong is told.
// RUN: split-file %s %t
// RUN: not transformer-compile --quiet %t/empty.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not transformer-compile --quiet %t/bare.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=BARE
// RUN: not transformer-compile --quiet %t/types.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=TYPES
// RUN: not transformer-compile --quiet %t/unbound.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=UNBOUND
// RUN: not ls %t/out

//--- empty.mlir
// EMPTY: error: {{.*}}empty.mlir:{{.*}}the model has no function @forward
module {}

//--- bare.mlir
// BARE: error: {{.*}}bare.mlir: the module needs the attribute transformer.model = {max_length = N : i64}
// BARE: error: {{.*}}bare.mlir:{{.*}}argument 0 of @forward needs the attribute transformer.input = "input_ids", "token_type_ids", "pixel_values" or "offsets"
// BARE: error: {{.*}}result 0 of @forward needs the attribute transformer.output with its name
func.func @forward(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

//--- types.mlir
// TYPES: argument 0 of @forward ('input_ids') is 'tensor<?xi64>'; it must be tensor<?xi32>
// TYPES: argument 1 of @forward is a second 'input_ids'
// TYPES: result 0 of @forward ('y') needs transformer.rows = "tokens" or "sequences"
// TYPES: result 1 of @forward ('z') is 'tensor<4x?xf32>'; it must be tensor<?xNxf32>
module attributes {transformer.model = {max_length = 4 : i64}} {
  func.func @forward(%a: tensor<?xi64> {transformer.input = "input_ids"}, %b: tensor<?xi32> {transformer.input = "input_ids"},
                     %x: tensor<?x4xf32>, %z: tensor<4x?xf32>)
      -> (tensor<?x4xf32> {transformer.output = "y", transformer.rows = "pixels"},
          tensor<4x?xf32> {transformer.output = "z", transformer.rows = "tokens"}) {
    return %x, %z : tensor<?x4xf32>, tensor<4x?xf32>
  }
}

//--- unbound.mlir
// UNBOUND: error: weight 'weight' is not bound to a file; name the file with --weights
#extern = #ml_program.extern : tensor<5x4xf32>
module attributes {transformer.model = {max_length = 4 : i64}} {
  ml_program.global private @weight(#extern) : tensor<5x4xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 5 : i64}, %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x4xf32> {transformer.output = "rows", transformer.rows = "tokens"}) {
    %table = ml_program.global_load_const @weight : tensor<5x4xf32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<5x4xf32>) -> tensor<?x4xf32>
    return %x : tensor<?x4xf32>
  }
}
