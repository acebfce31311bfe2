// The passes of a plan, as text: options that are left out are not passed on,
// and passes behind one that narrows go by the profile that it saves.
//
// RUN: transformer-opt %s --dump-pass-pipeline -pass-pipeline='builtin.module(transformer-compress)' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=PLAIN
// RUN: transformer-opt %s --dump-pass-pipeline -pass-pipeline='builtin.module(transformer-compress{qk-ranks=self$:8 ffn-widths=dense:32 table-bits=3 bits=4.5})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=PLAN
//
// PLAIN: transformer-fold-weights
// PLAIN: transformer-freeze
// PLAIN: transformer-fuse
// PLAIN-SAME: projections=false
// PLAIN-NOT: transformer-narrow
// PLAIN-NOT: transformer-compress-embedding
// PLAIN: transformer-quantize-i8
//
// PLAN: transformer-narrow-heads
// PLAN-SAME: qk-ranks=self$:8
// PLAN: transformer-narrow-ffn
// PLAN-SAME: widths=dense:32
// PLAN: transformer-compress-embedding
// PLAN-SAME: bits=3
// PLAN: transformer-quantize-i8
// PLAN-SAME: bits=4.5
//
// Numbers arrive as they were given, and so do those of factors.
// RUN: transformer-opt %s --dump-pass-pipeline -pass-pipeline='builtin.module(transformer-compress{qk-rank=16 ffn-error=0.00125 attention=.:auto attention-error=1e-7 svd-ratio=0.625 svd-only=query pivoted=true bits=4.125})' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NUMBERS
// NUMBERS: transformer-replace-attention{
// NUMBERS-SAME: max-error=1.000000e-07
// NUMBERS: transformer-narrow-heads{
// NUMBERS-SAME: qk-rank=16
// NUMBERS: transformer-narrow-ffn{
// NUMBERS-SAME: max-error=1.250000e-03
// NUMBERS: transformer-factorize-svd{
// NUMBERS-SAME: only=query pivoted=true
// NUMBERS-SAME: ratio=6.250000e-01
// NUMBERS: transformer-quantize-i8{
// NUMBERS-SAME: bits=4.125
//
// A feed-forward pair, narrowed without a profile and rounded.
// RUN: transformer-opt %s -pass-pipeline='builtin.module(transformer-compress{ffn-widths=.:32})' | FileCheck %s
// CHECK: tensor<32x4xi8>
// CHECK: tensor<4x32xi8>

func.func @forward(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %a = arith.constant dense<0.5> : tensor<64x4xf32>
  %b = arith.constant dense<0.25> : tensor<4x64xf32>
  %h = transformer.linear %x, %a activation relu : (tensor<?x4xf32>, tensor<64x4xf32>) -> tensor<?x64xf32> loc("layer.up")
  %y = transformer.linear %h, %b : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32> loc("layer.down")
  return %y : tensor<?x4xf32>
}
