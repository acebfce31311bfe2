//===- MutationsTest.cpp - whether mistakes in kernels would be noticed ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of every family of kernels: each barrier, wait and commit is left out in
// turn, each transposing load is made plain and the other way around, each
// comparison by order is shifted by one, and launches are told of a row more or
// less. A number has to be wrong then, or something reported, but for the
// mistakes that are listed with the reason why they are none.
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

struct Family {
  const char *name;
  std::string text;
  std::vector<int> lengths;
  /// Mistakes that change nothing, by kind and number.
  const char *harmless = "";
  const char *dtype = "f16", *chip = "sm_90";
  int64_t fftFrom = 0;
  /// Kernels before the last one are families of their own, and have these.
  Mutable before = {};
};

class Mutants {
public:
  explicit Mutants(const Family &family)
      : family(family),
        model(DeviceModel::create(family.text, family.dtype, nullptr,
                                  family.fftFrom, family.chip)) {}

  /// What nothing has noticed.
  std::string survivors() {
    if (!model)
      return "no model";
    for (bool isFew : {true, false}) {
      model->isFew = isFew;
      if (model->run(family.lengths))
        return "no results";
      for (auto [what, count] : model->reports)
        ADD_FAILURE() << family.name << ": " << what;
      error = std::max(error, model->error());
    }
    Mutable counts = model->counts;
    for (int i = family.before.synchronizations; i < counts.synchronizations;
         ++i)
      add("drop", i, &Mutation::drop);
    for (int i = family.before.matrices; i < counts.matrices; ++i)
      add("flip", i, &Mutation::flip);
    for (int more : {-1, 1})
      add("rows", more, &Mutation::rows);
    EXPECT_GT(count, 2) << family.name;
    return all;
  }

private:
  void add(const char *kind, int number, int Mutation::*field) {
    Mutation mutation;
    mutation.*field = number;
    ++count;
    // In a kernel for few rows, or in the other one.
    for (bool isFew : {true, false}) {
      model->isFew = isFew;
      if (model->run(family.lengths, mutation) || !model->reports.empty() ||
          !(model->error() <= 4 * error + 1e-6))
        return;
    }
    all += (all.empty() ? "" : ", ") + std::string(kind) + " " +
           std::to_string(number);
  }

  const Family &family;
  std::unique_ptr<DeviceModel> model;
  double error = 0;
  int count = 0;
  std::string all;
};

void expectNoticed(const std::vector<Family> &families) {
  for (const Family &family : families)
    EXPECT_EQ(Mutants(family).survivors(), family.harmless) << family.name;
}

std::string attentionText(const char *type, int heads, int dim,
                          const char *more = "") {
  return llvm::formatv(R"(
func.func @forward(%q: tensor<?x{1}x{0}>, %k: tensor<?x{1}x{0}>, %v: tensor<?x{1}x{0}>, %offsets: tensor<?xi32>) -> tensor<?x{1}x{0}> {{
  %0 = transformer.attention %q, %k, %v offsets(%offsets) {{num_heads = {2} : i64, num_kv_heads = {2} : i64{3}}
      : (tensor<?x{1}x{0}>, tensor<?x{1}x{0}>, tensor<?x{1}x{0}>, tensor<?xi32>) -> tensor<?x{1}x{0}>
  return %0 : tensor<?x{1}x{0}>
})",
                       type, heads * dim, heads, more)
      .str();
}

std::string maskedText(const char *mask) {
  return llvm::formatv(R"(
func.func @forward(%q: tensor<3x70x64xf16>, %k: tensor<3x70x64xf16>, %v: tensor<3x70x64xf16>, %m: tensor<{0}>) -> tensor<3x70x64xf16> {{
  %0 = transformer.attention %q, %k, %v mask(%m) {{num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<3x70x64xf16>, tensor<3x70x64xf16>, tensor<3x70x64xf16>, tensor<{0}>) -> tensor<3x70x64xf16>
  return %0 : tensor<3x70x64xf16>
})",
                       mask)
      .str();
}

TEST(GpuMutations, Linears) {
  const char *simple = R"(
ml_program.global private @w(#ml_program.extern : tensor<19x37xf16>) : tensor<19x37xf16>
func.func @forward(%x: tensor<?x37xf16>) -> tensor<?x19xf32> {
  %w = ml_program.global_load_const @w : tensor<19x37xf16>
  %0 = transformer.linear %x, %w : (tensor<?x37xf16>, tensor<19x37xf16>) -> tensor<?x19xf32>
  return %0 : tensor<?x19xf32>
})";
  // The second of two launches has to wait for the first.
  Linears two{24, 72, 200};
  two.returnsHidden = true;
  expectNoticed({{"linear", linearText(72, 200, "f16"), {66}},
                 {"linear of i8", linearOfI8(72, 208), {66}},
                 {"two linears", pairText(two, "f16"), {66}},
                 {"linear_simple", simple, {18}}});
}

TEST(GpuMutations, Pairs) {
  expectNoticed(
      {{"linear_pair", pairText({24, 40, 200}, "f16"), {66}},
       {"linear_pair of bf16",
        pairText({72, 40, 64}, "bf16"),
        {66},
        "",
        "bf16"},
       {"linear_pair of i8", pairText({72, 208, 80, true}, "f16"), {66}}});
}

/// Attention on tensor cores knows from offsets alone where its rows are.
const char *const kOffsetsOnly = "rows -1, rows 1";
/// There is no block for the row that is not there.
const char *const kNoBlock = "rows 1";

TEST(GpuMutations, Attention) {
  const char *mask = R"(
ml_program.global private @m(#ml_program.extern : tensor<2x24x24xf32>) : tensor<2x24x24xf32>
func.func @forward(%q: tensor<?x32xf32>, %offsets: tensor<?xi32>) -> tensor<?x32xf32> {
  %m = ml_program.global_load_const @m : tensor<2x24x24xf32>
  %0 = transformer.attention %q, %q, %q offsets(%offsets) mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi32>, tensor<2x24x24xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
})";
  // Of keys, whose bits all warps have; of queries too, read by lanes.
  std::string ofKeys = maskedText("3x70xi1"),
              added = maskedText("1x2x70x70xf16");
  expectNoticed({{"mask of keys", ofKeys, {70, 70, 70}, kOffsetsOnly},
                 {"added mask", added, {70, 70, 70}, kOffsetsOnly},
                 {"mask of keys, wgmma",
                  ofKeys,
                  {70, 70, 70},
                  kOffsetsOnly,
                  "f16",
                  "sm_90a"},
                 {"added mask, wgmma",
                  added,
                  {70, 70, 70},
                  kOffsetsOnly,
                  "f16",
                  "sm_90a"},
                 {"attention",
                  attentionText("f16", 2, 32),
                  {70, 1, 0, 129},
                  kOffsetsOnly},
                 {"causal",
                  attentionText("bf16", 1, 32, ", causal"),
                  {70, 1, 0, 129},
                  kOffsetsOnly,
                  "bf16"},
                 {"attention_wgmma",
                  attentionText("f16", 2, 32),
                  {70, 1, 0, 129},
                  kOffsetsOnly,
                  "f16",
                  "sm_90a"},
                 {"attention_simple",
                  attentionText("f32", 2, 7, ", causal"),
                  {9, 1, 0, 35},
                  "",
                  "f32"},
                 {"with a mask", mask, {24, 0, 9}, "", "f32"}});
}

/// A mean alone is told of sequences, and not of tokens.
const char *const kNoTokens = "rows -1, rows 1";

TEST(GpuMutations, Rows) {
  const char *wide = R"(
ml_program.global private @g(#ml_program.extern : tensor<2056xf16>) : tensor<2056xf16>
func.func @forward(%x: tensor<?x2056xf16>) -> tensor<?x2056xf16> {
  %g = ml_program.global_load_const @g : tensor<2056xf16>
  %0 = transformer.layer_norm %x, %g {epsilon = 1.0e-5 : f32} : (tensor<?x2056xf16>, tensor<2056xf16>) -> tensor<?x2056xf16>
  return %0 : tensor<?x2056xf16>
})";
  const char *tokens = R"(
ml_program.global private @t(#ml_program.extern : tensor<9x72xi8>) : tensor<9x72xi8>
ml_program.global private @scale(#ml_program.extern : tensor<9xf32>) : tensor<9xf32>
ml_program.global private @p(#ml_program.extern : tensor<12x72xf32>) : tensor<12x72xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.limit = 9 : i64}, %offsets: tensor<?xi32>) -> tensor<?x72xf32> {
  %t = ml_program.global_load_const @t : tensor<9x72xi8>
  %s = ml_program.global_load_const @scale : tensor<9xf32>
  %p = ml_program.global_load_const @p : tensor<12x72xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %i = transformer.positions %offsets, %n ids(%ids) {start = 2 : i64, padding_id = 1 : i64} : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  %0 = transformer.embedding %ids, %t scales(%s) : (tensor<?xi32>, tensor<9x72xi8>, tensor<9xf32>) -> tensor<?x72xf32>
  %1 = transformer.embedding %i, %p : (tensor<?xi32>, tensor<12x72xf32>) -> tensor<?x72xf32>
  %2 = arith.addf %0, %1 : tensor<?x72xf32>
  %3 = transformer.l2_normalize %2 {epsilon = 1.0e-12 : f32} : (tensor<?x72xf32>) -> tensor<?x72xf32>
  return %3 : tensor<?x72xf32>
})";
  const char *sequences = R"(
ml_program.global private @w(#ml_program.extern : tensor<5x37xf32>) : tensor<5x37xf32>
func.func @forward(%x: tensor<?x37xf32>, %offsets: tensor<?xi32>) -> (tensor<?x37xf32>, tensor<?x37xf32>) {
  %w = ml_program.global_load_const @w : tensor<5x37xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x37xf32>
  %0 = transformer.pool {0} %x offsets(%offsets) : (tensor<?x37xf32>, tensor<?xi32>) -> tensor<?x37xf32>
  %1 = transformer.unpool %0, %n offsets(%offsets) : (tensor<?x37xf32>, index, tensor<?xi32>) -> tensor<?x37xf32>
  %2 = transformer.token_mix %x, %w offsets(%offsets) : (tensor<?x37xf32>, tensor<5x37xf32>, tensor<?xi32>) -> tensor<?x37xf32>
  %3 = arith.addf %1, %2 : tensor<?x37xf32>
  return %0, %3 : tensor<?x37xf32>, tensor<?x37xf32>
})";
  const char *masked = R"(
func.func @forward(%x: tensor<3x9x37xf32>, %m: tensor<3x9xi1>) -> tensor<3x37xf32> {
  %0 = transformer.pool mean %x mask(%m) : (tensor<3x9x37xf32>, tensor<3x9xi1>) -> tensor<3x37xf32>
  return %0 : tensor<3x37xf32>
})";
  auto pooled = [&](const char *how) {
    std::string text = sequences;
    return text.replace(text.find("{0}"), 3, how);
  };
  expectNoticed({{"wide rows", wide, {3}, kNoBlock},
                 {"tokens", tokens, {7, 1, 0, 9}},
                 {"mean", pooled("mean"), {3, 0, 8, 1}, kNoBlock, "f32"},
                 {"masked mean", masked, {9, 9, 9}, kNoTokens, "f32"},
                 {"max", pooled("max"), {3, 0, 8, 1}, kNoBlock, "f32"},
                 {"first", pooled("cls"), {3, 0, 8, 1}, kNoBlock, "f32"}});
}

TEST(GpuMutations, Tokens) {
  const char *rope = R"(
func.func @forward(%x: tensor<?x36xf32>, %p: tensor<?xi32> {transformer.limit = 200000 : i64}) -> tensor<?x36xf32> {
  %0 = transformer.rope %x, %p {num_heads = 3 : i64, theta = 1.0e4 : f32, rotary_dim = 6 : i64} : (tensor<?x36xf32>, tensor<?xi32>) -> tensor<?x36xf32>
  return %0 : tensor<?x36xf32>
})";
  const char *stack = R"(
ml_program.global private @w(#ml_program.extern : tensor<3x7x7xf32>) : tensor<3x7x7xf32>
func.func @forward(%x: tensor<?x7xf32>, %offsets: tensor<?xi32>) -> tensor<?x7xf32> {
  %w = ml_program.global_load_const @w : tensor<3x7x7xf32>
  %0 = transformer.token_mix %x, %w offsets(%offsets) : (tensor<?x7xf32>, tensor<3x7x7xf32>, tensor<?xi32>) -> tensor<?x7xf32>
  return %0 : tensor<?x7xf32>
})";
  expectNoticed({{"rope", rope, {50}, kNoBlock, "f32"},
                 {"stack", stack, {3, 0, 1, 8}, "", "f32"},
                 {"patches", patchesText(), {7, 7}, "", "f32"}});
}

/// The waits of widen and mirror: what widen reads no kernel has made here, and
/// mirror comes after cuFFT, which is waited for.
const char *const kAroundCufft = "drop 6, drop 7";

TEST(GpuMutations, Fourier) {
  auto text = [](int width, const char *type) {
    return llvm::formatv(
               R"(module attributes {{transformer.model = {{max_length = 70 : i64}} {{
func.func @forward(%x: tensor<?x{0}x{1}>, %offsets: tensor<?xi32>) -> tensor<?x{0}x{1}> {{
  %0 = transformer.fft_mix %x offsets(%offsets) : (tensor<?x{0}x{1}>, tensor<?xi32>) -> tensor<?x{0}x{1}>
  return %0 : tensor<?x{0}x{1}>
}})",
               width, type)
        .str();
  };
  expectNoticed(
      {{"mix", text(128, "f16"), {70, 3}, "", "f16", "sm_90", 0, {29, 32}},
       {"mix_simple", text(40, "f32"), {7, 0, 12}, "", "f32"},
       {"cuFFT", text(40, "f32"), {6, 3}, kAroundCufft, "f32", "sm_90", 6}});
}

} // namespace
