// The report of an artifact says which ops took a slow way, and why.
// RUN: rm -rf %t && transformer-compile --quiet %s --target-cpu=x86-64-v3 -o %t
// RUN: FileCheck %s --input-file=%t/report.json
// CHECK-DAG: [Missed] {{.*}}missed.mlir:{{[0-9]+}}:10: transformer-emit-kernels: scalar: left to scalar loops: 'memref.load' in its body gathers single elements
// CHECK-DAG: [Missed] {{.*}}missed.mlir:{{[0-9]+}}:10: transformer-emit-kernels: columns: the last 2 of 10 columns take a register of 8
// CHECK-DAG: [Missed] {{.*}}missed.mlir:{{[0-9]+}}:10: transformer-emit-kernels: columns: heads of values have 10 columns

// RUN: transformer-compile --quiet %s --target-cpu=x86-64-v3 --passes='builtin.module(transformer-quantize-i8{attention=false})' -o %t.i8
// RUN: FileCheck %s --check-prefix=KEPT --input-file=%t.i8/report.json
// KEPT: [Missed] {{.*}}transformer-quantize-i8: kept: attention stays f32: attention=false
module attributes {transformer.model = {family = "odd", max_length = 16 : i64}} {
  ml_program.global private @table(dense<0.5> : tensor<5x10xf32>) : tensor<5x10xf32>
  ml_program.global private @weight(dense<0.25> : tensor<10x10xf32>) : tensor<10x10xf32>
  func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids", transformer.limit = 5 : i64},
                     %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x10xf32> {transformer.output = "last_hidden_state", transformer.rows = "tokens"}) {
    %table = ml_program.global_load_const @table : tensor<5x10xf32>
    %weight = ml_program.global_load_const @weight : tensor<10x10xf32>
    %e = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<5x10xf32>) -> tensor<?x10xf32>
    %c0 = arith.constant 0 : index
    %n = tensor.dim %ids, %c0 : tensor<?xi32>
    %p = transformer.positions %offsets, %n : (tensor<?xi32>, index) -> tensor<?xi32>
    %r = transformer.rope %e, %p {num_heads = 1 : i64, theta = 10000.0 : f32} : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<?x10xf32>

    %y = transformer.linear %r, %weight : (tensor<?x10xf32>, tensor<10x10xf32>) -> tensor<?x10xf32>
    %z = transformer.attention %y, %y, %y offsets(%offsets) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
        : (tensor<?x10xf32>, tensor<?x10xf32>, tensor<?x10xf32>, tensor<?xi32>) -> tensor<?x10xf32>
    return %z : tensor<?x10xf32>
  }
}
