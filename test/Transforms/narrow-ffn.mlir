// RUN: %python %S/Inputs/make-profile.py %t.profile 'down=[[1,1,0],[2,2,0],[0,0,1],[3,3,2]]' 'other=[[1,0,2],[0,1,2],[2,1,0],[1,1,1],[0,0,3]]'
// RUN: transformer-opt %s --transformer-narrow-ffn='width=2 multiple=1 profile=%t.profile damping=1e-9' --split-input-file --remarks-filter='transformer-narrow-ffn' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-narrow-ffn='max-error=1e-6 multiple=1 only=up' --split-input-file --remarks-filter='transformer-narrow-ffn' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ASSUMED
// RUN: transformer-opt %s --transformer-narrow-ffn='keep=0.3 multiple=2 skip=kept' --split-input-file | FileCheck %s --check-prefix=KEEP
// RUN: transformer-opt %s --transformer-narrow-ffn='widths=upp:3,^up$:1,o:2 multiple=1' --split-input-file | FileCheck %s --check-prefix=WIDTHS
// RUN: not transformer-opt %s --transformer-narrow-ffn='width=9223372036854775807' 2>&1 | FileCheck %s --check-prefix=HUGE
// RUN: not transformer-opt %s --transformer-narrow-ffn='widths=.:9223372036854775807' 2>&1 | FileCheck %s --check-prefix=HUGES
// RUN: not transformer-opt %s --transformer-narrow-ffn='width=2 damping=-1' 2>&1 | FileCheck %s --check-prefix=DAMPING
// HUGE: transformer-narrow-ffn: width is 9223372036854775807, expected 1 to 2147483647
// HUGES: transformer-narrow-ffn: widths has '.:9223372036854775807', expected a regular expression, ':' and a number from 1 to 2147483647
// DAMPING: transformer-narrow-ffn: damping is {{-1.*}}, expected a number of at least 0

// Neurons 0 and 1 are the same.
// CHECK-LABEL: func @example
// CHECK: arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00], [5.000000e-01, -1.000000e+00]]> : tensor<2x2xf32>
// CHECK: transformer.linear {{.*}} activation relu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK: arith.constant dense<{{\[}}[4.000000e+00, -1.000000e+00]]> : tensor<1x2xf32>
// CHECK: transformer.linear {{.*}} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
// REMARK-DAG: loc("up"): {{.*}}3 neurons to 2, with {{[0-9.]+e-1[0-9]|0.00e\+00}} of the output's variance lost, by activations measured
// REMARK-DAG: loc("up"): {{.*}}error-curve{{.*}}neurons 3:0.00e+00 2:{{[0-9.e+-]+}} 1:{{[0-9.e+-]+}}
// ASSUMED-DAG: loc("up"): {{.*}}3 neurons to 2, with {{.*}} of the output's variance lost, by activations assumed, because there is no profile
// KEEP-LABEL: func @example
// KEEP: transformer.linear {{.*}} tensor<2x2xf32>) -> tensor<?x2xf32>
// WIDTHS-LABEL: func @example
// WIDTHS: transformer.linear {{.*}} tensor<1x2xf32>) -> tensor<?x1xf32>
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [1.0, 2.0], [0.5, -1.0]]> : tensor<3x2xf32>
  %v = arith.constant dense<[[1.0, 3.0, -1.0]]> : tensor<1x3xf32>
  %h = transformer.linear %x, %w activation relu : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32> loc("up")
  %y = transformer.linear %h, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32> loc("down")
  return %y : tensor<?x1xf32>
}

// -----

// A neuron that is always near its mean costs only that: it goes into the bias.
// Weights keep their names.
// CHECK-LABEL: ml_program.global private @o.weight(dense_resource<{{.*}}> : tensor<2x2xf32>)
// CHECK: ml_program.global private @o.bias(dense_resource<{{.*}}> : tensor<2xf32>)
// CHECK: ml_program.global private @other.weight(dense_resource<{{.*}}> : tensor<1x2xf32>)
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @weights
// CHECK: transformer.linear {{.*}} bias {{.*}} activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
// CHECK: transformer.linear {{.*}} bias {{.*}} : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<?x1xf32>
ml_program.global private @o.weight(dense<[[1.0, 2.0], [3.0, -2.0], [0.5, -1.0]]> : tensor<3x2xf32>) : tensor<3x2xf32>
ml_program.global private @o.bias(dense<[1.0, 0.0, 2.0]> : tensor<3xf32>) : tensor<3xf32>
ml_program.global private @other.weight(dense<[[1.0, 3.0, -1.0]]> : tensor<1x3xf32>) : tensor<1x3xf32>
func.func @weights(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = ml_program.global_load_const @o.weight : tensor<3x2xf32>
  %b = ml_program.global_load_const @o.bias : tensor<3xf32>
  %v = ml_program.global_load_const @other.weight : tensor<1x3xf32>
  %h = transformer.linear %x, %w bias %b activation gelu : (tensor<?x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %y = transformer.linear %h, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func @declined
// CHECK-COUNT-3: -> tensor<?x3xf32>
// KEEP-LABEL: func @declined
// KEEP-COUNT-3: -> tensor<?x3xf32>
// REMARK-DAG: loc("kept-twice"): {{.*}}all neurons stay: the activations are read elsewhere too
// REMARK-DAG: loc("kept-plain"): {{.*}}all neurons stay: there is no activation between the two linears
// REMARK-DAG: loc("kept-unknown"): {{.*}}all neurons stay: its weight is computed
// ASSUMED-DAG: loc("kept-plain"): {{.*}}all neurons stay: only= does not name it
func.func @declined(%x: tensor<?x2xf32>, %u: tensor<3x2xf32>) -> (tensor<?x3xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, -2.0], [0.5, -1.0]]> : tensor<3x2xf32>
  %v = arith.constant dense<[[1.0, 3.0, -1.0]]> : tensor<1x3xf32>
  %h = transformer.linear %x, %w activation relu : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32> loc("kept-twice")
  %y = transformer.linear %h, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %g = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32> loc("kept-plain")
  %z = transformer.linear %g, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %f = transformer.linear %x, %u activation relu : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32> loc("kept-unknown")
  %a = transformer.linear %f, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  return %h, %y, %z, %a : tensor<?x3xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// A weight of two linears would be stored twice; two are not fewer than two.
// CHECK-LABEL: func @shared
// CHECK-COUNT-2: -> tensor<?x2xf32>
// REMARK-DAG: loc("shared"): {{.*}}all neurons stay: another op reads its weight too, which would be stored twice
// REMARK-DAG: loc("small"): {{.*}}all neurons stay: it has 2 neurons, and 2, rounded up to a multiple of 1, are not fewer
ml_program.global private @s(dense<[[1.0, 2.0], [3.0, -2.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @shared(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = ml_program.global_load_const @s : tensor<2x2xf32>
  %v = ml_program.global_load_const @s : tensor<2x2xf32>
  %h = transformer.linear %x, %w activation relu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("shared")
  %y = transformer.linear %h, %v : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
func.func @small(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, -2.0]]> : tensor<2x2xf32>
  %h = transformer.linear %x, %w activation relu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("small")
  %y = transformer.linear %h, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
