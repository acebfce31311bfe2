// RUN: transformer-opt %s --pass-pipeline='builtin.module(transformer-to-llvm{target-cpu=x86-64-v3})' | FileCheck %s
// RUN: transformer-opt %s --pass-pipeline='builtin.module(transformer-to-llvm{target-cpu=avx512-vnni})' | FileCheck %s --check-prefix=AVX512
// RUN: transformer-opt %s --pass-pipeline='builtin.module(transformer-to-llvm{target-cpu=neon-dotprod})' | FileCheck %s --check-prefix=NEON

// Each kernel has the tile that its emitter chose and the cost of its ops: of 1,
// a sequence, a token, a pair and a transform, for f32, bf16, i8, bytes of
// weights and of rows. The linear: 2 * 8 * 32 a token. Attention: 2 heads of
// 2 * (16 + 16) a pair.
// CHECK: transformer.kernels = [
// CHECK-SAME: {cost = array<f64: 0.000000e+00, 0.000000e+00, 5.120000e+02, {{.*}}>, function = "chain_0", number = 0 : i64, tile = "6x16 vfmadd231ps ymm"}
// CHECK-SAME: {cost = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00, 4.800000e+01, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00, 1.280000e+02, {{.*}}>, function = "attention_0", number = 0 : i64, tile = "6x16 vpmaddwd ymm"}
// AVX512: tile = "8x32 vfmadd231ps zmm"
// AVX512: tile = "8x32 vpdpbusd zmm"
// NEON: tile = "6x16 fmla v.4s"
// NEON: tile = "6x8 mla v.4s"
module attributes {transformer.model = {family = "test", max_length = 64 : i64}} {
  ml_program.global private @w(#ml_program.extern : tensor<32x8xf32>) : tensor<32x8xf32>
  func.func @forward(%x: tensor<?x8xf32> {transformer.input = "x"}, %offsets: tensor<?xi32> {transformer.input = "offsets"})
      -> (tensor<?x32xf32> {transformer.output = "y", transformer.rows = "tokens"}) {
    %w = ml_program.global_load_const @w : tensor<32x8xf32>
    %h = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<32x8xf32>) -> tensor<?x32xf32>
    %y = transformer.attention %h, %h, %h offsets(%offsets) products i8 {num_heads = 2 : i64, num_kv_heads = 2 : i64}
        : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi32>) -> tensor<?x32xf32>
    return %y : tensor<?x32xf32>
  }
}
