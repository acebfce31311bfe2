//===- KernelsTest.cpp - GPU kernels against the interpreter --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

/// Of results that are stored as `dtype` on the way, and are about 4 at most.
double toleranceOf(llvm::StringRef dtype) {
  return dtype == "f32" ? 2e-5 : dtype == "f16" ? 4e-3 : 3e-2;
}

// Widths: less than a warp, odd, one and several warps with tails.
TEST(GpuRows, NormsOfSums) {
  for (const char *dtype : {"f32", "f16", "bf16"})
    for (int width : {5, 64, 384, 2056})
      expectRight(llvm::formatv(R"(
ml_program.global private @g(#ml_program.extern : tensor<{0}x{1}>) : tensor<{0}x{1}>
ml_program.global private @b(#ml_program.extern : tensor<{0}x{1}>) : tensor<{0}x{1}>
func.func @forward(%x: tensor<?x{0}x{1}>, %r: tensor<?x{0}x{1}>) -> (tensor<?x{0}x{1}>, tensor<?x{0}x{1}>, tensor<?x{0}x{1}>) {{
  %g = ml_program.global_load_const @g : tensor<{0}x{1}>
  %b = ml_program.global_load_const @b : tensor<{0}x{1}>
  %0 = transformer.layer_norm %x, %g, %b residual(%r) {{epsilon = 1.0e-5 : f32}
      : (tensor<?x{0}x{1}>, tensor<{0}x{1}>, tensor<{0}x{1}>, tensor<?x{0}x{1}>) -> tensor<?x{0}x{1}>
  %1 = transformer.rms_norm %x, %g {{epsilon = 1.0e-5 : f32} : (tensor<?x{0}x{1}>, tensor<{0}x{1}>) -> tensor<?x{0}x{1}>
  %2 = transformer.l2_normalize %r {{epsilon = 1.0e-5 : f32} : (tensor<?x{0}x{1}>) -> tensor<?x{0}x{1}>
  return %0, %1, %2 : tensor<?x{0}x{1}>, tensor<?x{0}x{1}>, tensor<?x{0}x{1}>
})",
                                width, dtype)
                      .str(),
                  dtype, {{5, 2}}, 8 * toleranceOf(dtype));
}

TEST(GpuRows, Activations) {
  for (const char *dtype : {"f32", "f16", "bf16"})
    for (const char *name : {"gelu", "gelu_tanh", "relu", "silu", "tanh"})
      expectRight(llvm::formatv(R"(
func.func @forward(%x: tensor<?x24x{1}>) -> tensor<?x24x{1}> {{
  %y = transformer.{0} %x : tensor<?x24x{1}>
  return %y : tensor<?x24x{1}>
})",
                                name, dtype)
                      .str(),
                  dtype, {{6}}, toleranceOf(dtype));
}

TEST(GpuRows, EmbeddingsThenNorm) {
  for (const char *type : {"f32", "i8"})
    expectRight(llvm::formatv(R"(
ml_program.global private @t(#ml_program.extern : tensor<9x64x{0}>) : tensor<9x64x{0}>
ml_program.global private @scale(#ml_program.extern : tensor<9xf32>) : tensor<9xf32>
ml_program.global private @p(#ml_program.extern : tensor<40x64xf32>) : tensor<40x64xf32>
ml_program.global private @g(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
func.func @forward(%ids: tensor<?xi32> {{transformer.limit = 9 : i64}, %offsets: tensor<?xi32>) -> tensor<?x64xf32> {{
  %t = ml_program.global_load_const @t : tensor<9x64x{0}>
  %s = ml_program.global_load_const @scale : tensor<9xf32>
  %p = ml_program.global_load_const @p : tensor<40x64xf32>
  %g = ml_program.global_load_const @g : tensor<64xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %i = transformer.positions %offsets, %n {{start = 2 : i64} : (tensor<?xi32>, index) -> tensor<?xi32>
  %0 = transformer.embedding %ids, %t {1} -> tensor<?x64xf32>
  %1 = transformer.embedding %i, %p : (tensor<?xi32>, tensor<40x64xf32>) -> tensor<?x64xf32>
  %2 = arith.addf %0, %1 : tensor<?x64xf32>
  %3 = transformer.layer_norm %2, %g {{epsilon = 1.0e-12 : f32} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
})",
                              type,
                              type[0] == 'i'
                                  ? "scales(%s) : (tensor<?xi32>, "
                                    "tensor<9x64xi8>, tensor<9xf32>)"
                                  : ": (tensor<?xi32>, tensor<9x64xf32>)")
                    .str(),
                "f16", {{7, 1, 0, 9}, {1}}, 1e-4);
}

TEST(GpuRows, PoolingThenNormalize) {
  for (const char *kind : {"mean", "cls", "max"})
    expectRight(llvm::formatv(R"(
func.func @forward(%x: tensor<?x72xf16>, %offsets: tensor<?xi32>) -> (tensor<?x72xf16>, tensor<?x72xf16>) {{
  %0 = transformer.pool {0} %x offsets(%offsets) : (tensor<?x72xf16>, tensor<?xi32>) -> tensor<?x72xf16>
  %1 = transformer.l2_normalize %0 {{epsilon = 1.0e-12 : f32} : (tensor<?x72xf16>) -> tensor<?x72xf16>
  %2 = transformer.pool {0} %x offsets(%offsets) : (tensor<?x72xf16>, tensor<?xi32>) -> tensor<?x72xf16>
  return %1, %2 : tensor<?x72xf16>, tensor<?x72xf16>
})",
                              kind)
                    .str(),
                "f16", {{3, 0, 8, 1, 1}}, 4e-3);
}

// Sums in registers, products of f16, bf16, i8; rows and columns with tails; k
// shorter than a stage, and longer than the ring.
TEST(GpuLinear, TensorCores) {
  struct Case {
    int n, k, rows;
  };
  for (const char *dtype : {"f16", "bf16"})
    for (Case c : {Case{24, 8, 3}, {64, 40, 70}, {136, 200, 70}})
      expectRight(linearText(c.n, c.k, dtype), dtype, {{c.rows}}, 1e-4);
}

TEST(GpuLinear, SimpleKernel) {
  for (const char *dtype : {"f32", "f16"})
    expectRight(llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<19x37x{0}>) : tensor<19x37x{0}>
func.func @forward(%x: tensor<?x37x{0}>) -> tensor<?x19xf32> {{
  %w = ml_program.global_load_const @w : tensor<19x37x{0}>
  %0 = transformer.linear %x, %w activation relu : (tensor<?x37x{0}>, tensor<19x37x{0}>) -> tensor<?x19xf32>
  return %0 : tensor<?x19xf32>
})",
                              dtype)
                    .str(),
                dtype, {{18}}, 1e-4);
}

TEST(GpuLinear, RoundedInputsAndWeights) {
  for (int k : {16, 37, 208})
    expectRight(llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<72x{0}xi8>) : tensor<72x{0}xi8>
ml_program.global private @scale(#ml_program.extern : tensor<72xf32>) : tensor<72xf32>
ml_program.global private @m_scale(#ml_program.extern : tensor<{0}xf16>) : tensor<{0}xf16>
func.func @forward(%x: tensor<?x{0}xf16>) -> tensor<?x72xf32> {{
  %w = ml_program.global_load_const @w : tensor<72x{0}xi8>
  %ws = ml_program.global_load_const @scale : tensor<72xf32>
  %m = ml_program.global_load_const @m_scale : tensor<{0}xf16>
  %q, %s = transformer.quantize %x multiplier %m : (tensor<?x{0}xf16>, tensor<{0}xf16>) -> (tensor<?x{0}xi8>, tensor<?xf32>)
  %0 = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x{0}xi8>, tensor<72x{0}xi8>, tensor<?xf32>, tensor<72xf32>) -> tensor<?x72xf32>
  return %0 : tensor<?x72xf32>
})",
                              k)
                    .str(),
                "f16", {{66}, {1, 1}}, 1e-4);
}

// As static scales and tables in their principal basis have them: a number of
// the code, or a weight.
TEST(GpuLinear, InputsRoundedByGivenScales) {
  for (const char *scale :
       {"arith.constant dense<0.011> : tensor<f32>",
        "ml_program.global_load_const @one_scale : tensor<f32>"})
    expectRight(llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<72x64xi8>) : tensor<72x64xi8>
ml_program.global private @scale(#ml_program.extern : tensor<72xf32>) : tensor<72xf32>
ml_program.global private @one_scale(#ml_program.extern : tensor<f32>) : tensor<f32>
func.func @forward(%x: tensor<?x64xf16>) -> tensor<?x72xf32> {{
  %w = ml_program.global_load_const @w : tensor<72x64xi8>
  %ws = ml_program.global_load_const @scale : tensor<72xf32>
  %c = {0}
  %q, %s = transformer.quantize %x scale(%c) : (tensor<?x64xf16>, tensor<f32>) -> (tensor<?x64xi8>, tensor<?xf32>)
  %0 = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x64xi8>, tensor<72x64xi8>, tensor<?xf32>, tensor<72xf32>) -> tensor<?x72xf32>
  return %0 : tensor<?x72xf32>
})",
                              scale)
                    .str(),
                "f16", {{7}, {1, 1}}, 1e-4);
}

// Heads that share keys, causal or not, cross attention; lengths around the
// blocks of queries and keys, empty sequences.
TEST(GpuAttention, TensorCoresAndSimple) {
  struct Case {
    const char *type;
    int qk, value, heads, kvHeads;
    const char *causal;
  };
  for (Case c : {Case{"f16", 32, 32, 2, 2, ""},
                 {"f16", 64, 64, 1, 1, ", causal"},
                 {"bf16", 32, 32, 2, 1, ", causal"},
                 {"f16", 16, 48, 1, 1, ""},
                 {"f16", 96, 128, 1, 1, ""},
                 {"f32", 32, 32, 2, 1, ", causal"},
                 {"f16", 7, 40, 2, 2, ""}})
    expectRight(llvm::formatv(R"(
func.func @forward(%q: tensor<?x{1}x{0}>, %k: tensor<?x{2}x{0}>, %v: tensor<?x{3}x{0}>, %offsets: tensor<?xi32>) -> tensor<?x{4}x{0}> {{
  %0 = transformer.attention %q, %k, %v offsets(%offsets) {{num_heads = {5} : i64, num_kv_heads = {6} : i64{7}}
      : (tensor<?x{1}x{0}>, tensor<?x{2}x{0}>, tensor<?x{3}x{0}>, tensor<?xi32>) -> tensor<?x{4}x{0}>
  return %0 : tensor<?x{4}x{0}>
})",
                              c.type, c.qk * c.heads, c.qk * c.kvHeads,
                              c.value * c.kvHeads, c.value * c.heads, c.heads,
                              c.kvHeads, c.causal)
                    .str(),
                c.type,
                c.value == 32
                    ? std::vector<std::vector<int>>{{1, 63, 0, 65}, {150}}
                    : std::vector<std::vector<int>>{{1, 20, 0, 65}},
                toleranceOf(c.type));
}

// A warp finds its sequence among more than it has lanes.
TEST(GpuAttention, ManySequences) {
  std::vector<int> lengths;
  for (int i = 0; i < 70; ++i)
    lengths.push_back(i % 3);
  expectRight(R"(
func.func @forward(%q: tensor<?x16xf16>, %offsets: tensor<?xi32>) -> tensor<?x16xf16> {
  %0 = transformer.attention %q, %q, %q offsets(%offsets) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<?x16xf16>, tensor<?x16xf16>, tensor<?x16xf16>, tensor<?xi32>) -> tensor<?x16xf16>
  return %0 : tensor<?x16xf16>
})",
              "f16", {lengths}, 4e-3);
}

// All kernels of a model, one after the other, through its buffers.
TEST(GpuModel, LayerWithEmbeddingsAndPooling) {
  auto file = llvm::MemoryBuffer::getFile(TRANSFORMER_LAYER);
  ASSERT_TRUE(bool(file));
  for (const char *dtype : {"f32", "f16", "bf16"})
    expectRight((*file)->getBuffer(), dtype, {{9, 1, 22}, {3}},
                toleranceOf(dtype));
}

} // namespace
