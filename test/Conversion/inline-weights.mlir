// RUN: transformer-opt %s --transformer-inline-weights --split-input-file --verify-diagnostics | FileCheck %s
// RUN: transformer-opt %s --transformer-to-llvm-naive --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=LLVM

// CHECK-NOT: ml_program.global
// CHECK-LABEL: func.func @f
// CHECK: arith.constant dense<[1.000000e+00, 2.000000e+00]>
// CHECK: arith.constant dense_resource<bytes>
// LLVM-DAG: llvm.mlir.global private constant @{{.*}}(dense<[1.000000e+00, 2.000000e+00]>
// LLVM-DAG: llvm.mlir.global private constant @{{.*}}(dense_resource<bytes>
ml_program.global private @w(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
ml_program.global private @r(dense_resource<bytes> : tensor<2xf32>) : tensor<2xf32>
func.func @f() -> (tensor<2xf32>, tensor<2xf32>) {
  %w = ml_program.global_load_const @w : tensor<2xf32>
  %r = ml_program.global_load_const @r : tensor<2xf32>
  return %w, %r : tensor<2xf32>, tensor<2xf32>
}
{-# dialect_resources: { builtin: { bytes: "0x040000000000803F00000040" } } #-}

// -----

ml_program.global private @unbound(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
func.func @g() -> tensor<2xf32> {
  // expected-error @+1 {{the weight 'unbound' has no value; bind it to a file first: transformer-load-weights{file=...}}}
  %w = ml_program.global_load_const @unbound : tensor<2xf32>
  return %w : tensor<2xf32>
}
