// A pass that finds nothing of its kind says so, and changes nothing.

// RUN: transformer-opt %s -pass-pipeline='builtin.module(transformer-narrow-heads{heads=1},transformer-replace-attention{kind=mean},transformer-narrow-ffn{keep=0.5},transformer-factorize-svd{rank=1})' -remark-format=emitRemark -remarks-filter='transformer-.*' 2>&1 | FileCheck %s

// CHECK: there is no attention whose heads could be narrowed
// CHECK: there is no attention to replace
// CHECK: no linear reads another one: there are no neurons to narrow
// CHECK: there is no linear to factorize
// CHECK-LABEL: func @norm_only
func.func @norm_only(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: transformer.gelu
  %y = transformer.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
