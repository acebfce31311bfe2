// RUN: transformer-opt %s --transformer-quantize-i8=attention=false --split-input-file --remarks-filter='transformer-quantize-i8' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-quantize-i8='only=chosen skip=spared embeddings=false' --split-input-file | FileCheck %s --check-prefix=SOME
// RUN: transformer-opt %s --transformer-quantize-i8 --split-input-file | FileCheck %s --check-prefix=CORE

// REMARK-DAG: no profile was given, so inputs are rounded plainly, without smoothing, which costs accuracy: give profile=

// CHECK-LABEL: func @example
// CHECK-DAG: %[[W:.*]] = arith.constant dense<{{\[}}[64, -127], [127, 64]]> : tensor<2x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<[0.0157480314, 0.00393700786]> : tensor<2xf32>
// CHECK-DAG: %[[Q:.*]], %[[T:.*]] = transformer.quantize %arg0 : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
// CHECK: transformer.linear %[[Q]], %[[W]] scales(%[[T]], %[[S]]) activation gelu
// SOME-LABEL: func @example
// SOME-NOT: i8
// REMARK-DAG: loc("example"): {{.*}}the linear is i8, with {{.*}} of its weight's energy lost: its input is rounded plainly, because there is no profile
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, -2.0], [0.5, 0.25]]> : tensor<2x2xf32>
  %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("example")
  return %y : tensor<?x2xf32>
}

// -----

// Linears that share an input share its rounding; a row of zeros has scale 1;
// biases stay f32.
// CHECK-LABEL: func @shared
// CHECK-DAG: arith.constant dense<{{\[}}[0, 0], [127, 0]]> : tensor<2x2xi8>
// CHECK-DAG: arith.constant dense<[1.000000e+00, 0.0236220472]> : tensor<2xf32>
// CHECK: transformer.linear %result, %{{.*}} bias %arg1 scales(%scales,
// CHECK-NOT: transformer.quantize
// CHECK: transformer.linear %result, %{{.*}} bias %arg1 scales(%scales,
func.func @shared(%x: tensor<?x2xf32>, %b: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense<[[0.0, 0.0], [3.0, 0.0]]> : tensor<2x2xf32>
  %v = arith.constant dense<[[1.0, 1.0], [-3.0, 0.5]]> : tensor<2x2xf32>
  %y = transformer.linear %x, %w bias %b : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %z = transformer.linear %x, %v bias %b : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// A table has a bf16 scale per row.
// CHECK-LABEL: func @table
// CHECK-DAG: arith.constant dense<{{\[}}[63, 126], [-127, 42]]> : tensor<2x2xi8>
// CHECK-DAG: arith.constant dense<[1.586910e-02, 2.368160e-02]> : tensor<2xbf16>
// CHECK: transformer.embedding %arg0, %{{.*}} scales(%{{.*}}) : (tensor<?xi32>, tensor<2x2xi8>, tensor<2xbf16>) -> tensor<?x2xf32>
func.func @table(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %t = arith.constant dense<[[1.0, 2.0], [-3.0, 1.0]]> : tensor<2x2xf32>
  %x = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// -----

// A weight has one i8 form for all that read it, with f32 scales for the linear.
// CHECK-LABEL: ml_program.global private @table_i8(
// CHECK: ml_program.global private @table_scales(
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @tied
// CHECK: transformer.embedding %{{.*}}, %{{.*}} scales(%{{.*}}) : (tensor<?xi32>, tensor<4x2xi8>, tensor<4xf32>) -> tensor<?x2xf32>
// CHECK: transformer.linear {{.*}} scales
// SOME-LABEL: func @tied
// SOME-NOT: i8
// REMARK-DAG: the table is i8, with {{.*}} of its energy lost
ml_program.global private @table(dense<[[1.0, 2.0], [-3.0, 1.0], [0.5, 0.5], [0.0, 1.0]]> : tensor<4x2xf32>) : tensor<4x2xf32>
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x4xf32> {
  %t = ml_program.global_load_const @table : tensor<4x2xf32>
  %x = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %u = ml_program.global_load_const @table : tensor<4x2xf32>
  %y = transformer.linear %x, %u : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// SOME-LABEL: func @names
// SOME: transformer.linear %arg0
// SOME: transformer.linear %{{.*}} scales
// SOME: transformer.linear {{.*}} -> tensor<?x1xf32>
func.func @names(%x: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %w = arith.constant dense<2.0> : tensor<1x1xf32>
  %a = transformer.linear %x, %w : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32> loc("other")
  %b = transformer.linear %x, %w : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32> loc("chosen.one")
  %c = transformer.linear %x, %w : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32> loc("chosen.spared")
  return %a, %b, %c : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// Dense batches, and a single row.
// CHECK-LABEL: func @ranks
// CHECK: transformer.quantize %{{.*}} : (tensor<2x?x1xf32>) -> (tensor<2x?x1xi8>, tensor<2x?xf32>)
// CHECK: transformer.quantize %{{.*}} : (tensor<1xf32>) -> (tensor<1xi8>, tensor<f32>)
func.func @ranks(%x: tensor<2x?x1xf32>, %r: tensor<1xf32>) -> (tensor<2x?x1xf32>, tensor<1xf32>) {
  %w = arith.constant dense<2.0> : tensor<1x1xf32>
  %y = transformer.linear %x, %w : (tensor<2x?x1xf32>, tensor<1x1xf32>) -> tensor<2x?x1xf32>
  %z = transformer.linear %r, %w : (tensor<1xf32>, tensor<1x1xf32>) -> tensor<1xf32>
  return %y, %z : tensor<2x?x1xf32>, tensor<1xf32>
}

// -----

// CHECK-LABEL: func @extern_weight
// CHECK-NOT: i8
// REMARK-DAG: stays f32: the numbers of its weight are not known: load them with transformer-load-weights
ml_program.global private @unbound(#ml_program.extern : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @extern_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load_const @unbound : tensor<2x2xf32>
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @computed_weight
// CHECK-NOT: i8
// REMARK-DAG: stays f32: its weight is computed: transformer-fold-weights may make it known
func.func @computed_weight(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @dynamic_weight
// CHECK-NOT: i8
// REMARK-DAG: stays f32: the shape of its weight is dynamic
func.func @dynamic_weight(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = transformer.linear %x, %w : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func @narrow
// CHECK-NOT: i8
// REMARK-DAG: stays f32: it is not f32
func.func @narrow(%x: tensor<?x2xbf16>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x2xbf16>
  %y = transformer.linear %x, %w : (tensor<?x2xbf16>, tensor<2x2xbf16>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @twice
// CHECK: transformer.linear %arg0, %{{.*}} scales
// REMARK-DAG: stays f32: it is i8 already
func.func @twice(%x: tensor<?x2xi8>, %s: tensor<?xf32>, %t: tensor<2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<1> : tensor<2x2xi8>
  %y = transformer.linear %x, %w scales(%s, %t) : (tensor<?x2xi8>, tensor<2x2xi8>, tensor<?xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @not_finite
// CHECK-NOT: i8
// REMARK-DAG: stays f32: its weight holds NaN or infinity
func.func @not_finite(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[1.0, 0x7FC00000]]> : tensor<1x2xf32>
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func @empty_weight
// CHECK-NOT: i8
// REMARK-DAG: stays f32: its weight is empty
func.func @empty_weight(%x: tensor<?x0xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<> : tensor<2x0xf32>
  %y = transformer.linear %x, %w : (tensor<?x0xf32>, tensor<2x0xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @core
// CHECK-NOT: products
// CORE-LABEL: func @core
// CORE: transformer.attention %arg0, %arg0, %arg0 offsets(%arg1) products i8
// REMARK-DAG: attention stays f32: attention=false
func.func @core(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.attention %x, %x, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
