// The reference lowering as text.
// RUN: transformer-opt --transformer-to-llvm-naive --dump-pass-pipeline %s 2>&1 >/dev/null | FileCheck %s --check-prefix=PIPELINE
// RUN: transformer-opt --transformer-to-llvm-naive %s | FileCheck %s --implicit-check-not=linalg. --implicit-check-not=memref

// PIPELINE: builtin.module(
// PIPELINE-NEXT: transformer-inline-weights,
// PIPELINE-NEXT: convert-transformer-to-linalg,
// PIPELINE-NEXT: func.func(
// PIPELINE-NEXT: convert-elementwise-to-linalg
// PIPELINE: one-shot-bufferize{{.*}} bufferize-function-boundaries=true {{.*}} function-boundary-type-conversion=identity-layout-map
// PIPELINE: transformer-expand-copies,
// PIPELINE-NEXT: func.func(
// PIPELINE-NEXT: convert-linalg-to-loops
// PIPELINE: convert-to-llvm
// PIPELINE-NEXT: reconcile-unrealized-casts
// PIPELINE-NEXT: )

// CHECK-LABEL: llvm.func @norm
// CHECK-NOT: transformer.
func.func @norm(%x: tensor<?x4xf32>, %g: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = transformer.rms_norm %x, %g {epsilon = 1.0e-6 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
