// RUN: transformer-opt %s --transformer-round-bf16=attention=false --split-input-file --remarks-filter='transformer-round-bf16' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-round-bf16='only=chosen embeddings=false' --split-input-file | FileCheck %s --check-prefix=SOME
// RUN: transformer-opt %s --transformer-round-bf16 --split-input-file | FileCheck %s --check-prefix=CORE
// RUN: not transformer-opt %s --transformer-round-bf16='skip=*' --split-input-file 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: transformer-round-bf16: skip=* is no regular expression

// CHECK-LABEL: func @example
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 1.000980e-01]]> : tensor<1x2xbf16>
// CHECK-DAG: %[[X:.*]] = arith.truncf %arg0 : tensor<?x2xf32> to tensor<?x2xbf16>
// CHECK: transformer.linear %[[X]], %[[W]] activation gelu : (tensor<?x2xbf16>, tensor<1x2xbf16>) -> tensor<?x1xf32>
// SOME-LABEL: func @example
// SOME-NOT: bf16
// REMARK-DAG: loc("example"): {{.*}}the linear is bf16
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[1.0, 0.1]]> : tensor<1x2xf32>
  %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32> loc("example")
  return %y : tensor<?x1xf32>
}

// -----

// One rounding of a shared input; ties go to even; biases stay f32; a weight
// that is read twice is stored once.
// CHECK-LABEL: ml_program.global private @w_bf16(
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @shared
// CHECK: arith.truncf
// CHECK-NOT: arith.truncf
// CHECK: bias %arg1 : (tensor<?x1xbf16>, tensor<2x1xbf16>, tensor<2xf32>) -> tensor<?x2xf32>
ml_program.global private @w(dense<[[1.00390625], [1.01171875]]> : tensor<2x1xf32>) : tensor<2x1xf32>
func.func @shared(%x: tensor<?x1xf32>, %b: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = ml_program.global_load_const @w : tensor<2x1xf32>
  %y = transformer.linear %x, %w bias %b : (tensor<?x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %v = ml_program.global_load_const @w : tensor<2x1xf32>
  %z = transformer.linear %x, %v bias %b : (tensor<?x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @table
// CHECK: %[[T:.*]] = arith.constant dense<1.000000e+00> : tensor<2x2xbf16>
// CHECK: %[[X:.*]] = transformer.embedding %arg0, %[[T]] : (tensor<?xi32>, tensor<2x2xbf16>) -> tensor<?x2xbf16>
// CHECK: arith.extf %[[X]] : tensor<?x2xbf16> to tensor<?x2xf32>
// SOME-LABEL: func @table
// SOME-NOT: bf16
// REMARK-DAG: the table is bf16
func.func @table(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %t = arith.constant dense<1.0> : tensor<2x2xf32>
  %x = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("chosen")
  return %x : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @extern_weight
// CHECK-NOT: bf16
// REMARK-DAG: the linear is left alone: the numbers of its weight are not known: load them with transformer-load-weights
ml_program.global private @unbound(#ml_program.extern : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @extern_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load_const @unbound : tensor<2x2xf32>
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @core
// CHECK-NOT: products
// CORE-LABEL: func @core
// CORE: transformer.attention %arg0, %arg0, %arg0 offsets(%arg1) products bf16
func.func @core(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.attention %x, %x, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
