// RUN: transformer-opt %s --transformer-instrument --split-input-file --remarks-filter='transformer-instrument' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-instrument='only=^a skip=key' --split-input-file | FileCheck %s --check-prefix=SOME
// RUN: not transformer-opt %s --transformer-instrument='only=(' --split-input-file 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: transformer-instrument: only=( is no regular expression: parentheses not balanced

// CHECK-LABEL: func @example
// CHECK: transformer.observe %arg0 site "pooler.dense" : tensor<?x4xf32>
// CHECK-NEXT: transformer.linear
func.func @example(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("pooler.dense")
  return %y : tensor<?x2xf32>
}

// -----

// One input, observed once.
// CHECK-LABEL: func @shared
// CHECK: transformer.observe %arg0 site "a.query"
// CHECK-NOT: transformer.observe
// SOME-LABEL: func @shared
// SOME: transformer.observe %arg0 site "a.query"
// SOME-NOT: transformer.observe
func.func @shared(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("a.query")
  %z = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("a.key")
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @dense
// CHECK-NOT: transformer.observe
// REMARK-DAG: the input is not observed: its input is not packed: [tokens, channels]
func.func @dense(%x: tensor<2x?x4xf32>, %w: tensor<2x4xf32>) -> tensor<2x?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<2x?x4xf32>, tensor<2x4xf32>) -> tensor<2x?x2xf32> loc("dense")
  return %y : tensor<2x?x2xf32>
}

// -----

// CHECK-LABEL: func @narrow
// CHECK-NOT: transformer.observe
// REMARK-DAG: the input is not observed: its input is not f32
func.func @narrow(%x: tensor<?x4xbf16>, %w: tensor<2x4xbf16>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x4xbf16>, tensor<2x4xbf16>) -> tensor<?x2xf32> loc("narrow")
  return %y : tensor<?x2xf32>
}

// -----

// Without a location the name of the weight tells.
// CHECK-LABEL: func @by_weight
// CHECK: transformer.observe %arg0 site "b.output"
ml_program.global private @b.output.weight(dense<1.0> : tensor<2x4xf32>) : tensor<2x4xf32>
func.func @by_weight(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load_const @b.output.weight : tensor<2x4xf32>
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @nameless
// CHECK-NOT: transformer.observe
// REMARK-DAG: the input is not observed: it has no module path to be named by
func.func @nameless(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// RUN: transformer-opt %s --transformer-instrument=norms=true --split-input-file | FileCheck %s --check-prefix=NORMS

// NORMS-LABEL: func @norm_behind
// NORMS: transformer.observe %arg0 site "out"
// NORMS: %[[Y:.*]] = transformer.linear %arg0
// NORMS: %[[S:.*]] = arith.addf %[[Y]], %arg1
// NORMS: transformer.observe %[[S]] site "out/layer_norm"
// NORMS: transformer.layer_norm
// CHECK-LABEL: func @norm_behind
// CHECK-NOT: layer_norm" : tensor
func.func @norm_behind(%x: tensor<?x4xf32>, %r: tensor<?x2xf32>, %w: tensor<2x4xf32>, %g: tensor<2xf32>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("out")
  %n = transformer.layer_norm %y, %g residual(%r) {epsilon = 1.0e-5 : f32} : (tensor<?x2xf32>, tensor<2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %n : tensor<?x2xf32>
}

// -----

// The input has two readers: no one norm is behind it.
// NORMS-LABEL: func @two_readers
// NORMS: transformer.observe %arg0 site "x"
// NORMS-NOT: transformer.observe
// NORMS: return
func.func @two_readers(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>, %g: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("x")
  %z = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("z")
  %n = transformer.rms_norm %y, %g {epsilon = 1.0e-5 : f32} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %n, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
