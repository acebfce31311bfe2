// Weights of 4 bits are unpacked inside of the chains that multiply them, and
// stay so until kernels are formed; tables are unpacked row by row.
// RUN: transformer-opt %s --transformer-form-chains | FileCheck %s
// RUN: transformer-opt %s --transformer-form-chains --convert-transformer-to-linalg | FileCheck %s --check-prefix=LINALG

// CHECK-LABEL: func.func private @chain_0(
// CHECK-SAME: tensor<?xi32>
// CHECK-SAME: %[[TP:.*]]: tensor<16x4xi8> {bufferization.writable = false}, %[[TM:.*]]: tensor<16x1xi8> {bufferization.writable = false}
// CHECK: %[[T:.*]] = transformer.unpack_i4 %[[TP]], %[[TM]]
// CHECK: %[[W:.*]] = transformer.unpack_i4
// CHECK: transformer.embedding %{{.*}}, %[[T]]
// CHECK: transformer.linear %{{.*}}, %[[W]]
// CHECK-LABEL: func.func @forward(
// CHECK-NOT: transformer.unpack_i4
// LINALG-LABEL: func.func private @chain_0(
// LINALG-COUNT-1: transformer.unpack_i4
// LINALG-NOT: transformer.
// LINALG: tensor.extract %{{.*}} : tensor<16x4xi8>
ml_program.global private @tp(#ml_program.extern : tensor<16x4xi8>) : tensor<16x4xi8>
ml_program.global private @tm(#ml_program.extern : tensor<16x1xi8>) : tensor<16x1xi8>
ml_program.global private @wp(#ml_program.extern : tensor<8x4xi8>) : tensor<8x4xi8>
ml_program.global private @wm(#ml_program.extern : tensor<8x1xi8>) : tensor<8x1xi8>
func.func @forward(%ids: tensor<?xi32> {transformer.input = "input_ids"}, %s: tensor<16xf32>, %ws: tensor<8xf32>) -> tensor<?x8xf32> {
  %tp = ml_program.global_load_const @tp : tensor<16x4xi8>
  %tm = ml_program.global_load_const @tm : tensor<16x1xi8>
  %t = transformer.unpack_i4 %tp, %tm : (tensor<16x4xi8>, tensor<16x1xi8>) -> tensor<16x8xi8>
  %x = transformer.embedding %ids, %t scales(%s) : (tensor<?xi32>, tensor<16x8xi8>, tensor<16xf32>) -> tensor<?x8xf32>
  %wp = ml_program.global_load_const @wp : tensor<8x4xi8>
  %wm = ml_program.global_load_const @wm : tensor<8x1xi8>
  %w = transformer.unpack_i4 %wp, %wm : (tensor<8x4xi8>, tensor<8x1xi8>) -> tensor<8x8xi8>
  %q, %xs = transformer.quantize %x : (tensor<?x8xf32>) -> (tensor<?x8xi8>, tensor<?xf32>)
  %y = transformer.linear %q, %w scales(%xs, %ws) : (tensor<?x8xi8>, tensor<8x8xi8>, tensor<?xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
