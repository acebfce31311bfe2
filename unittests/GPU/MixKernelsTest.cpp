//===- MixKernelsTest.cpp - rows that get from others of their sequence ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir::transformer::test;

namespace {

TEST(GpuMix, UnpoolAndLags) {
  for (const char *dtype : {"f32", "bf16"})
    for (int width : {5, 72, 2056})
      expectRight(llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<5x{0}xf32>) : tensor<5x{0}xf32>
func.func @forward(%x: tensor<?x{0}xf32>, %offsets: tensor<?xi32>) -> tensor<?x{0}xf32> {{
  %w = ml_program.global_load_const @w : tensor<5x{0}xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x{0}xf32>
  %0 = transformer.pool max %x offsets(%offsets) : (tensor<?x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  %1 = transformer.unpool %0, %n offsets(%offsets) : (tensor<?x{0}xf32>, index, tensor<?xi32>) -> tensor<?x{0}xf32>
  %2 = transformer.token_mix %x, %w offsets(%offsets) : (tensor<?x{0}xf32>, tensor<5x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  %3 = arith.addf %1, %2 : tensor<?x{0}xf32>
  return %3 : tensor<?x{0}xf32>
})",
                                width)
                      .str(),
                  dtype, {{3, 0, 8, 1, 1}}, 1e-5);
}

TEST(GpuMix, Select) {
  for (const char *dtype : {"f32", "f16"})
    for (auto [from, to] : {std::pair(5, 3), {300, 72}, {2304, 2056}})
      expectRight(llvm::formatv(R"(
func.func @forward(%x: tensor<?x{0}xf32>, %offsets: tensor<?xi32>,
                   %i: tensor<{1}xi32> {{transformer.limit = {0} : i64},
                   %j: tensor<{1}xi32> {{transformer.limit = {0} : i64}) -> (tensor<?x{1}xf32>, tensor<?x{1}xf32>, tensor<?x{1}xf32>) {{
  %0 = transformer.select %x, %i : (tensor<?x{0}xf32>, tensor<{1}xi32>) -> tensor<?x{1}xf32>
  %1 = transformer.select %x, %j : (tensor<?x{0}xf32>, tensor<{1}xi32>) -> tensor<?x{1}xf32>
  %2 = arith.addf %0, %1 : tensor<?x{1}xf32>
  %3 = transformer.pool max %x offsets(%offsets) : (tensor<?x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  %4 = transformer.select %3, %j : (tensor<?x{0}xf32>, tensor<{1}xi32>) -> tensor<?x{1}xf32>
  %5 = transformer.select %x, %i : (tensor<?x{0}xf32>, tensor<{1}xi32>) -> tensor<?x{1}xf32>
  return %2, %4, %5 : tensor<?x{1}xf32>, tensor<?x{1}xf32>, tensor<?x{1}xf32>
})",
                                from, to)
                      .str(),
                  dtype, {{3, 0, 8, 1, 1}}, 1e-5);
}

// Columns that vectors reach, and those that they don't.
TEST(GpuMix, Slice) {
  for (const char *dtype : {"f32", "f16"})
    for (auto [from, start, to] :
         {std::tuple(5, 2, 3), {72, 24, 24}, {70, 3, 64}, {2304, 8, 2056}})
      expectRight(llvm::formatv(R"(
func.func @forward(%x: tensor<?x{0}xf32>, %offsets: tensor<?xi32>) -> (tensor<?x{2}xf32>, tensor<?x{2}xf32>) {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x{0}xf32>
  %0 = tensor.extract_slice %x[0, {1}] [%n, {2}] [1, 1] : tensor<?x{0}xf32> to tensor<?x{2}xf32>
  %1 = tensor.extract_slice %x[0, 0] [%n, {2}] [1, 1] : tensor<?x{0}xf32> to tensor<?x{2}xf32>
  %2 = arith.addf %0, %1 : tensor<?x{2}xf32>
  return %2, %0 : tensor<?x{2}xf32>, tensor<?x{2}xf32>
})",
                                from, start, to)
                      .str(),
                  dtype, {{3, 0, 8, 1, 1}}, 1e-5);
}

const char *const kFourier = R"(
func.func @forward(%x: tensor<?x{0}x{1}>, %offsets: tensor<?xi32>) -> tensor<?x{0}xf32> {{
  %0 = transformer.fft_mix %x offsets(%offsets) : (tensor<?x{0}x{1}>, tensor<?xi32>) -> tensor<?x{0}x{1}>
  %1 = arith.extf %0 : tensor<?x{0}x{1}> to tensor<?x{0}xf32>
  return %1 : tensor<?x{0}xf32>
})";

/// The difference of all results, as a part of them all: root mean squares.
double relativeError(const DeviceModel &model) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < model.expected.size(); ++i)
    for (size_t j = 0; j < model.expected[i].data.size(); ++j) {
      double right = model.expected[i].data[j];
      difference += std::pow(model.results[i].data[j] - right, 2);
      size += right * right;
    }
  return std::sqrt(difference / size);
}

// Fused with a norm, and alone; widths and lengths odd, prime, of one.
TEST(GpuMix, Fourier) {
  for (int width : {1, 6, 33, 300})
    expectRight(llvm::formatv(R"(
ml_program.global private @g(#ml_program.extern : tensor<{0}xf32>) : tensor<{0}xf32>
func.func @forward(%x: tensor<?x{0}xf32>, %offsets: tensor<?xi32>) -> (tensor<?x{0}xf32>, tensor<?x{0}xf32>) {{
  %g = ml_program.global_load_const @g : tensor<{0}xf32>
  %0 = transformer.fft_mix %x offsets(%offsets) : (tensor<?x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  %1 = transformer.layer_norm %0, %g residual(%x) {{epsilon = 1.0e-3 : f32}
      : (tensor<?x{0}xf32>, tensor<{0}xf32>, tensor<?x{0}xf32>) -> tensor<?x{0}xf32>
  %2 = transformer.fft_mix %1 offsets(%offsets) : (tensor<?x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  return %1, %2 : tensor<?x{0}xf32>, tensor<?x{0}xf32>
})",
                              width)
                    .str(),
                "f32", {{7, 0, 1, 13, 8, 2, 33}}, 2e-3);
}

// Tiles of frequencies, tokens and columns that are full, exceeded by one, and
// begun; odd and even. What 16 bits leave of them is stated in docs/gpu.md.
TEST(GpuMix, FourierOnTensorCores) {
  struct Case {
    const char *type;
    int width;
    std::vector<int> lengths;
  };
  for (const Case &one :
       std::initializer_list<Case>{{"f16", 1, {1, 2, 3}},
                                   {"f16", 128, {128, 0, 1, 2, 31, 64, 65}},
                                   {"f16", 130, {127, 130}},
                                   {"f16", 77, {5, 97}},
                                   {"bf16", 48, {62, 63, 130}}}) {
    auto model = DeviceModel::create(
        llvm::formatv(kFourier, one.width, one.type).str(), one.type);
    ASSERT_TRUE(model);
    ASSERT_FALSE(model->run(one.lengths));
    EXPECT_LE(relativeError(*model), one.type[0] == 'b' ? 4e-3 : 5e-4)
        << one.type << one.width;
    for (auto [what, count] : model->reports)
      ADD_FAILURE() << what << ", " << count << " times: " << one.width;
  }
}

// Numbers that are near the end of f16, in a row whose sum is beyond it.
TEST(GpuMix, FourierOfLargeNumbers) {
  auto model =
      DeviceModel::create(llvm::formatv(kFourier, 16, "f16").str(), "f16");
  ASSERT_TRUE(model);
  model->scale = 16000;
  ASSERT_FALSE(model->run({4, 3}));
  EXPECT_LE(relativeError(*model), 5e-4);
}

// The table has no entries for all of the tokens.
TEST(GpuMix, FourierOfLongSequences) {
  for (const char *type : {"f16", "f32"}) {
    auto model = DeviceModel::create(
        llvm::formatv(kFourier, 6, "f16").str(), type,
        [](mlir::NamedAttrList &kernel) {
          if (auto table = llvm::dyn_cast_or_null<mlir::IntegerAttr>(
                  kernel.get("table")))
            kernel.set("table", mlir::IntegerAttr::get(table.getType(), 30));
        });
    ASSERT_TRUE(model);
    ASSERT_FALSE(model->run({30, 31, 80}));
    EXPECT_LE(relativeError(*model), type[1] == '1' ? 5e-4 : 1e-6) << type;
    EXPECT_TRUE(model->reports.empty());
  }
}

// Sequences that cuFFT transforms between kernels that widen and mirror rows,
// among others and without any.
TEST(GpuMix, FourierByAnotherLibrary) {
  for (int width : {5, 8}) {
    const char *type = width == 5 ? "f16" : "f32";
    auto model =
        DeviceModel::create(llvm::formatv(kFourier, width, "f16").str(), type,
                            nullptr, /*fftFrom=*/6);
    ASSERT_TRUE(model);
    for (std::vector<int> lengths :
         {std::vector<int>{5, 6, 0, 3, 11, 7}, std::vector<int>{6, 9}}) {
      ASSERT_FALSE(model->run(lengths));
      EXPECT_LE(relativeError(*model), width == 5 ? 5e-4 : 1e-6) << type;
      EXPECT_TRUE(model->reports.empty());
    }
    model->hasFft = false;
    ASSERT_FALSE(model->run({5, 6, 7}));
    EXPECT_LE(relativeError(*model), width == 5 ? 5e-4 : 1e-6) << type;
  }
}

TEST(GpuMix, MatricesPerLag) {
  for (const char *dtype : {"f32", "f16", "bf16"})
    for (int width : {5, 40})
      expectRight(llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<3x{0}x{0}xf32>) : tensor<3x{0}x{0}xf32>
func.func @forward(%x: tensor<?x{0}xf32>, %offsets: tensor<?xi32>) -> tensor<?x{0}xf32> {{
  %w = ml_program.global_load_const @w : tensor<3x{0}x{0}xf32>
  %0 = transformer.token_mix %x, %w offsets(%offsets) : (tensor<?x{0}xf32>, tensor<3x{0}x{0}xf32>, tensor<?xi32>) -> tensor<?x{0}xf32>
  return %0 : tensor<?x{0}xf32>
})",
                                width)
                      .str(),
                  dtype, {{3, 0, 1, 30, 2}}, 3e-5);
}

// Half of the channels, in both orders; positions of long documents.
TEST(GpuMix, Rope) {
  for (const char *options :
       {"num_heads = 3 : i64, theta = 1.0e4 : f32",
        "num_heads = 3 : i64, theta = 5.0e5 : f32, rotary_dim = 6 : i64",
        "num_heads = 2 : i64, theta = 1.0e4 : f32, interleaved"})
    expectRight(llvm::formatv(R"(
func.func @forward(%x: tensor<?x36xf32>, %p: tensor<?xi32> {{transformer.limit = 200000 : i64}) -> tensor<?x36xf32> {{
  %0 = transformer.rope %x, %p {{{0}} : (tensor<?x36xf32>, tensor<?xi32>) -> tensor<?x36xf32>
  return %0 : tensor<?x36xf32>
})",
                              options)
                    .str(),
                "f32", {{50}}, 2e-6);
}

// [batch, length, ...], without offsets: of a length that the types say, and of
// one that they don't.
TEST(GpuMix, DenseBatches) {
  for (const char *size : {"?x?", "?x7", "3x7"})
    expectRight(llvm::formatv(R"(
ml_program.global private @t(#ml_program.extern : tensor<9x24xf32>) : tensor<9x24xf32>
ml_program.global private @w(#ml_program.extern : tensor<24x24xf32>) : tensor<24x24xf32>
ml_program.global private @l(#ml_program.extern : tensor<3x24xf32>) : tensor<3x24xf32>
func.func @forward(%ids: tensor<{0}xi32> {{transformer.limit = 9 : i64}) -> (tensor<{0}x24xf32>, tensor<?x24xf32>) {{
  %t = ml_program.global_load_const @t : tensor<9x24xf32>
  %w = ml_program.global_load_const @w : tensor<24x24xf32>
  %l = ml_program.global_load_const @l : tensor<3x24xf32>
  %0 = transformer.embedding %ids, %t : (tensor<{0}xi32>, tensor<9x24xf32>) -> tensor<{0}x24xf32>
  %1 = transformer.linear %0, %w activation relu : (tensor<{0}x24xf32>, tensor<24x24xf32>) -> tensor<{0}x24xf32>
  %2 = transformer.attention %1, %0, %1 {{num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<{0}x24xf32>, tensor<{0}x24xf32>, tensor<{0}x24xf32>) -> tensor<{0}x24xf32>
  %3 = transformer.fft_mix %2 : (tensor<{0}x24xf32>) -> tensor<{0}x24xf32>
  %4 = transformer.token_mix %3, %l : (tensor<{0}x24xf32>, tensor<3x24xf32>) -> tensor<{0}x24xf32>
  %5 = arith.addf %4, %0 : tensor<{0}x24xf32>
  %6 = transformer.pool max %5 : (tensor<{0}x24xf32>) -> tensor<?x24xf32>
  return %5, %6 : tensor<{0}x24xf32>, tensor<?x24xf32>
})",
                              size)
                    .str(),
                "f32", {{7, 7, 7}}, 1e-3);
}

// RoBERTa's: padding ids are skipped.
TEST(GpuMix, PositionsAroundPadding) {
  expectRight(R"(
ml_program.global private @t(#ml_program.extern : tensor<40x8xf32>) : tensor<40x8xf32>
func.func @forward(%ids: tensor<?xi32> {transformer.limit = 3 : i64}, %offsets: tensor<?xi32>) -> tensor<?x8xf32> {
  %t = ml_program.global_load_const @t : tensor<40x8xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %i = transformer.positions %offsets, %n ids(%ids) {start = 2 : i64, padding_id = 1 : i64} : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
  %0 = transformer.embedding %i, %t : (tensor<?xi32>, tensor<40x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
})",
              "f32", {{9, 0, 1, 20}}, 1e-6);
}

// One query per sequence, as what replaces attention has it, and a mask.
TEST(GpuMix, SingleQueries) {
  expectRight(R"(
func.func @forward(%x: tensor<?x40xf16>, %offsets: tensor<?xi32>) -> tensor<?x80xf16> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i32
  %0 = transformer.pool mean %x offsets(%offsets) : (tensor<?x40xf16>, tensor<?xi32>) -> tensor<?x40xf16>
  %n = tensor.dim %offsets, %c0 : tensor<?xi32>
  %last = arith.index_cast %n : index to i32
  %ends = tensor.from_elements %zero, %last : tensor<2xi32>
  %each = transformer.positions %ends, %n : (tensor<2xi32>, index) -> tensor<?xi32>
  %1 = transformer.attention %0, %x, %x offsets(%each, %offsets) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<?x40xf16>, tensor<?x40xf16>, tensor<?x40xf16>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x40xf16>
  %w = ml_program.global_load_const @w : tensor<80x40xf16>
  %2 = transformer.linear %1, %w : (tensor<?x40xf16>, tensor<80x40xf16>) -> tensor<?x80xf16>
  return %2 : tensor<?x80xf16>
}
ml_program.global private @w(#ml_program.extern : tensor<80x40xf16>) : tensor<80x40xf16>
)",
              "f16", {{3, 70, 1, 5, 2}}, 4e-3);
}

TEST(GpuMix, MaskThatIsAdded) {
  expectRight(R"(
ml_program.global private @m(#ml_program.extern : tensor<2x24x24xf32>) : tensor<2x24x24xf32>
func.func @forward(%q: tensor<?x32xf32>, %offsets: tensor<?xi32>) -> tensor<?x32xf32> {
  %m = ml_program.global_load_const @m : tensor<2x24x24xf32>
  %0 = transformer.attention %q, %q, %q offsets(%offsets) mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?xi32>, tensor<2x24x24xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
})",
              "f32", {{24, 0, 1, 9}}, 2e-5);
}

TEST(GpuMix, PatchesOfImages) {
  for (const char *dtype : {"f32", "f16"})
    expectRight(patchesText(), dtype, {{7, 7, 7}},
                dtype[1] == '3' ? 2e-5 : 4e-3);
}

} // namespace
