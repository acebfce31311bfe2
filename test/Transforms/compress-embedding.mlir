// RUN: transformer-opt %s --transformer-compress-embedding='bits=3 skip=skipped' --split-input-file --remarks-filter='transformer-compress-embedding' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: not transformer-opt %s --transformer-compress-embedding=bits=9 --split-input-file 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: transformer-compress-embedding: bits is 9.00, expected a number from 0.5 to 7
// RUN: not transformer-opt %s --transformer-compress-embedding='only=(' --split-input-file 2>&1 | FileCheck %s --check-prefix=ONLY
// ONLY: transformer-compress-embedding: only=( is no regular expression

// The rows lie on a line, so that one coordinate says all.
// CHECK-LABEL: func @example
// CHECK-DAG: %[[INTEGERS:.*]] = arith.constant dense<{{.*}}> : tensor<8x2xi8>
// CHECK-DAG: %[[STEP:.*]] = arith.constant dense<{{.*}}> : tensor<1xf32>
// CHECK-DAG: %[[BASIS:.*]] = arith.constant dense<{{.*}}> : tensor<2x2xi8>
// CHECK-DAG: %[[MEAN:.*]] = arith.constant dense<[3.500000e+00, 7.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[STEP0:.*]] = arith.constant dense<{{.*}}> : tensor<f32>
// CHECK: %[[Z:.*]] = transformer.embedding %arg0, %[[INTEGERS]] scales(%[[STEP]])
// CHECK: %[[Q:.*]], %[[S:.*]] = transformer.quantize %[[Z]] scale(%[[STEP0]])
// CHECK: transformer.linear %[[Q]], %[[BASIS]] bias %[[MEAN]] scales(%[[S]], %{{.*}})
// REMARK-DAG: the table is integers in its principal basis, {{[0-2]\..*}} bits each when entropy coded, with {{.*}} of its variance lost
func.func @example(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %table = arith.constant dense<[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0], [5.0, 10.0], [6.0, 12.0], [7.0, 14.0]]> : tensor<8x2xf32>
  %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// -----

// A basis would cost what the grid saves.
// CHECK-LABEL: func @few_rows
// CHECK: transformer.embedding {{.*}}tensor<7x2xf32>
// REMARK-DAG: the table stays as it is: it has 7 rows of 2, and a basis pays from 8 rows on
func.func @few_rows(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %table = arith.constant dense<1.0> : tensor<7x2xf32>
  %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<7x2xf32>) -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @unknown
// CHECK-NOT: quantize
// REMARK-DAG: the table stays as it is: its weight is computed: transformer-fold-weights may make it known
func.func @unknown(%ids: tensor<?xi32>, %table: tensor<8x2xf32>) -> tensor<?x2xf32> {
  %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @tied
// CHECK-NOT: quantize
// REMARK-DAG: the table stays as it is: it is a linear's weight too
ml_program.global private @table(dense<1.0> : tensor<8x2xf32>) : tensor<8x2xf32>
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  %table = ml_program.global_load_const @table : tensor<8x2xf32>
  %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  %y = transformer.linear %x, %table : (tensor<?x2xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func @skipped
// CHECK-NOT: quantize
// REMARK-DAG: the table stays as it is: skip= names it
func.func @skipped(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %table = arith.constant dense<1.0> : tensor<8x2xf32>
  %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<8x2xf32>) -> tensor<?x2xf32> loc("skipped.words")
  return %x : tensor<?x2xf32>
}
