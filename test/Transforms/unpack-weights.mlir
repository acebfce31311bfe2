// RUN: transformer-opt %s --transformer-unpack-weights --split-input-file --remarks-filter='transformer-unpack-weights' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// Ops that share their operands share the i8 weight.
// REMARK-DAG: 3 weights of 4 bits are i8 now: what follows has no kernels that unpack them
// CHECK: ml_program.global private @w_i8(
// CHECK-NOT: ml_program.global
// CHECK-LABEL: func @weights
// CHECK: arith.constant dense<{{\[}}[120, -60]]> : tensor<1x2xi8>
// CHECK-COUNT-2: ml_program.global_load_const @w_i8 : tensor<1x2xi8>
// CHECK-NOT: unpack_i4
ml_program.global private @w_i4(dense<[[7, 4, 0, 0]]> : tensor<1x4xi8>) : tensor<1x4xi8>
ml_program.global private @w_groups(dense<-15> : tensor<1x1xi8>) : tensor<1x1xi8>
func.func @weights() -> (tensor<1x2xi8>, tensor<1x2xi8>, tensor<1x2xi8>) {
  %p = arith.constant dense<[[8, 4, 0, 0]]> : tensor<1x4xi8>
  %m = arith.constant dense<-15> : tensor<1x1xi8>
  %a = transformer.unpack_i4 %p, %m : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x2xi8>
  %q = ml_program.global_load_const @w_i4 : tensor<1x4xi8>
  %n = ml_program.global_load_const @w_groups : tensor<1x1xi8>
  %b = transformer.unpack_i4 %q, %n : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x2xi8>
  %r = ml_program.global_load_const @w_i4 : tensor<1x4xi8>
  %o = ml_program.global_load_const @w_groups : tensor<1x1xi8>
  %c = transformer.unpack_i4 %r, %o : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x2xi8>
  return %a, %b, %c : tensor<1x2xi8>, tensor<1x2xi8>, tensor<1x2xi8>
}

// -----

// REMARK-DAG: the weight stays packed: its numbers are not known
// CHECK-LABEL: func @unknown
// CHECK: transformer.unpack_i4
func.func @unknown(%p: tensor<1x4xi8>, %m: tensor<1x1xi8>) -> tensor<1x2xi8> {
  %w = transformer.unpack_i4 %p, %m : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x2xi8>
  return %w : tensor<1x2xi8>
}
