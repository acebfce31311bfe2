// RUN: transformer-opt %s --transformer-quantize-i4=attention=false --split-input-file --remarks-filter='transformer-quantize-i4' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-quantize-i4='skip=spared embeddings=false' --split-input-file | FileCheck %s --check-prefix=SOME
// RUN: transformer-opt %s --transformer-quantize-i4 --transformer-dequantize --split-input-file | FileCheck %s --check-prefix=BACK
// RUN: not transformer-opt %s --transformer-quantize-i4=smoothing=2 2>&1 | FileCheck %s --check-prefix=RANGE
// RANGE: error: transformer-quantize-i4: smoothing is 2.00, expected a number from 0 to 1

// REMARK-DAG: no profile was given, so inputs are rounded plainly, without smoothing, which costs accuracy: give profile=

// The largest number of a group is -8 times a multiplier; these are exact.
// CHECK-LABEL: func @example
// CHECK-DAG: %[[P:.*]] = arith.constant dense<{{\[}}[8, 4, 0, 0], [8, 12, 0, 0]]> : tensor<2x4xi8>
// CHECK-DAG: %[[M:.*]] = arith.constant dense<-15> : tensor<2x1xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<[0.0583333336, 0.00416666688]> : tensor<2xf32>
// CHECK-DAG: %[[W:.*]] = transformer.unpack_i4 %[[P]], %[[M]] : (tensor<2x4xi8>, tensor<2x1xi8>) -> tensor<2x2xi8>
// CHECK-DAG: %[[Q:.*]], %[[T:.*]] = transformer.quantize %arg0 : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
// CHECK: transformer.linear %[[Q]], %[[W]] scales(%[[T]], %[[S]]) activation gelu
// BACK-LABEL: func @example
// BACK-NOT: unpack
// BACK: arith.constant dense<{{\[}}[7.000000e+00, -3.500000e+00], [5.000000e-01, 2.500000e-01]]> : tensor<2x2xf32>
// BACK-NOT: quantize
// REMARK-DAG: loc("example"): {{.*}}the linear is i4, with {{.*}} of its weight's energy lost: its input is rounded plainly, because there is no profile
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[7.0, -3.5], [0.5, 0.25]]> : tensor<2x2xf32>
  %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32> loc("example")
  return %y : tensor<?x2xf32>
}

// -----

// A weight is rounded once for all that read it, tables too; a row of zeros.
// CHECK-LABEL: ml_program.global private @table_i4(
// CHECK-SAME: tensor<4x4xi8>
// CHECK: ml_program.global private @table_groups(
// CHECK-SAME: tensor<4x1xi8>
// CHECK: ml_program.global private @table_scales(
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @tied
// CHECK: %[[T:.*]] = transformer.unpack_i4
// CHECK: transformer.embedding %{{.*}}, %[[T]] scales(%{{.*}}) : (tensor<?xi32>, tensor<4x2xi8>, tensor<4xf32>) -> tensor<?x2xf32>
// CHECK: %[[U:.*]] = transformer.unpack_i4
// CHECK: transformer.linear %{{.*}}, %[[U]] scales
// SOME-LABEL: func @tied
// SOME-NOT: unpack_i4
// SOME-LABEL: func @factors
// BACK-LABEL: ml_program.global private @table(
// BACK-LABEL: func @tied
// BACK-NOT: unpack_i4
// REMARK-DAG: the table is i4, with {{.*}} of its energy lost
ml_program.global private @table(dense<[[1.0, 2.0], [-3.0, 1.0], [0.0, 0.0], [0.0, 1.0]]> : tensor<4x2xf32>) : tensor<4x2xf32>
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x4xf32> {
  %t = ml_program.global_load_const @table : tensor<4x2xf32>
  %x = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %u = ml_program.global_load_const @table : tensor<4x2xf32>
  %y = transformer.linear %x, %u : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32> loc("spared")
  return %y : tensor<?x4xf32>
}

// -----

// Factors, and ranks that are no multiple of anything.
// CHECK-LABEL: func @factors
// CHECK: transformer.unpack_i4 %{{.*}} : (tensor<3x4xi8>, tensor<3x1xi8>) -> tensor<3x5xi8>
// CHECK: transformer.linear
// CHECK: transformer.unpack_i4 %{{.*}} : (tensor<7x4xi8>, tensor<7x1xi8>) -> tensor<7x3xi8>
// CHECK: transformer.linear
func.func @factors(%x: tensor<?x5xf32>) -> tensor<?x7xf32> {
  %v = arith.constant dense<0.5> : tensor<3x5xf32>
  %u = arith.constant dense<-0.25> : tensor<7x3xf32>
  %y = transformer.linear %x, %v : (tensor<?x5xf32>, tensor<3x5xf32>) -> tensor<?x3xf32>
  %z = transformer.linear %y, %u : (tensor<?x3xf32>, tensor<7x3xf32>) -> tensor<?x7xf32>
  return %z : tensor<?x7xf32>
}

// -----

// CHECK-LABEL: func @unknown
// CHECK-NOT: unpack_i4
// REMARK-DAG: the linear stays f32: its weight is computed: transformer-fold-weights may make it known
func.func @unknown(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
