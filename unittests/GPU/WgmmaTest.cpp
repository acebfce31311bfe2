//===- WgmmaTest.cpp - products of warpgroups against the interpreter -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

void expectRightByWarpgroups(llvm::StringRef text, llvm::StringRef dtype,
                             std::vector<int> rows) {
  auto model = DeviceModel::create(text, dtype, nullptr, 0, "sm_90a");
  ASSERT_TRUE(model);
  ASSERT_EQ(model->table.launches.back().kernel.substr(0, 12), "linear_wgmma");
  bool isDescending = false; // the order of lanes and of copies
  for (bool isFew : {true, false})
    for (int count : rows) {
      model->isFew = isFew;
      model->mostBlocks = isDescending ? 1 : 2;
      ASSERT_FALSE(model->run({count}, {}, isDescending));
      EXPECT_LE(model->error(), 1e-4) << text.str() << count << " rows";
      for (auto [what, count] : model->reports)
        ADD_FAILURE() << what << ", " << count << " times: " << text.str();
      isDescending = !isDescending;
    }
}

// Rows and columns with tails, one tile or several in a block; k shorter than
// 128 bytes, with a tail, and longer than the ring; every width of tiles.
TEST(GpuWgmma, HalvesAndBrainFloats) {
  for (const char *dtype : {"f16", "bf16"}) {
    expectRightByWarpgroups(linearText(24, 8, dtype), dtype, {3, 1});
    expectRightByWarpgroups(linearText(64, 328, dtype), dtype, {130, 64});
    expectRightByWarpgroups(linearText(136, 200, dtype), dtype, {70});
  }
  expectRightByWarpgroups(linearText(2050, 64, "f16"), "f16", {5});
  for (int n : {192, 256, 128})
    expectRightByWarpgroups(linearText(n, 1032, "f16"), "f16", {5});
}

TEST(GpuWgmma, Integers) {
  expectRightByWarpgroups(linearOfI8(72, 16), "f16", {66, 1});
  expectRightByWarpgroups(linearOfI8(62, 720), "f16", {129});
}

bool reports(const DeviceModel &model, llvm::StringRef what) {
  for (const auto &[report, count] : model.reports)
    if (llvm::StringRef(report).contains(what))
      return true;
  return false;
}

/// Mistakes in a linear that would be noticed. `before`: synchronizations of
/// the kernels that come first.
class Mistakes {
public:
  Mistakes(llvm::StringRef text, int before)
      : model(DeviceModel::create(text, "f16", nullptr, 0, "sm_90a")),
        first(before) {
    model->mostBlocks = 1;
  }

  void expectEachSynchronizationNeeded(int rows) {
    for (bool isFew : {true, false}) {
      model->isFew = isFew;
      int stages = isFew ? 6 : 4;
      ASSERT_FALSE(model->run({rows}));
      EXPECT_TRUE(model->reports.empty());
      std::vector<const char *> why{"before the kernel before was waited for"};
      why.insert(why.end(), 2 * stages, "barrier that was not made");
      why.insert(
          why.end(),
          {"copy that counts bytes that were written without a fence",
           "race", // of the barriers and those who use them
           /*full stage*/ "product of bytes whose copy was not waited for",
           "product of sums that were written without a fence",
           /*commit*/ "product that was never waited for",
           /*wait in the loop*/ "copy to bytes that a product still reads",
           /*empty stage*/ "deadlock",
           /*last wait*/ "sum that is read before its product was waited",
           /*last stage of a tile*/ "deadlock",
           /*empty stage*/ "copy to bytes",
           /*announced bytes*/ "deadlock"});
      for (size_t i = 0; i < why.size(); ++i) {
        ASSERT_FALSE(model->run({rows}, {first + int(i)}));
        EXPECT_TRUE(reports(*model, why[i]))
            << "number " << i << ": " << why[i];
      }
      first += why.size();
    }
    EXPECT_EQ(model->counts.synchronizations, first);
  }

  /// Mistakes that leave every wait in its place.
  void expectDescriptorsAndMapsMatter(int rows) {
    model->isFew = false;
    for (int i = 1; i <= int(Alteration::RightStart); ++i) {
      Mutation mutation;
      mutation.alteration = Alteration(i);
      EXPECT_TRUE(isNoticed(rows, mutation)) << "operand " << i;
    }
    for (int swizzle : {0, 32, 64}) {
      Mutation mutation;
      mutation.mapSwizzle = swizzle;
      EXPECT_TRUE(isNoticed(rows, mutation)) << "exchange of chunks";
    }
    for (int more : {-1, 1}) {
      Mutation mutation;
      mutation.mapRows = more;
      EXPECT_TRUE(isNoticed(rows, mutation)) << "rows of a map";
      mutation.mapRows = 0, mutation.mapColumns = more;
      EXPECT_TRUE(isNoticed(rows, mutation)) << "columns of a map";
      mutation.mapColumns = 0, mutation.rows = more;
      EXPECT_TRUE(isNoticed(rows, mutation)) << "rows of a launch";
    }
  }

private:
  bool isNoticed(int rows, const Mutation &mutation) {
    EXPECT_FALSE(model->run({rows}, mutation));
    return model->error() > 0.1 || !model->reports.empty();
  }

  std::unique_ptr<DeviceModel> model;
  int first;
};

/// What rounds the rows of i8 is a family of its own.
constexpr int kSynchronizationsOfRows = 2;

// Tiles whose rows and columns end early, and whose k goes around the ring.
TEST(GpuWgmma, EachSynchronizationIsNeeded) {
  Mistakes(linearText(62, 584, "f16"), 0).expectEachSynchronizationNeeded(130);
  Mistakes(linearOfI8(62, 1168), kSynchronizationsOfRows)
      .expectEachSynchronizationNeeded(130);
}

TEST(GpuWgmma, DescriptorsAndMapsMatter) {
  Mistakes(linearText(62, 200, "f16"), 0).expectDescriptorsAndMapsMatter(60);
  Mistakes(linearOfI8(62, 400), kSynchronizationsOfRows)
      .expectDescriptorsAndMapsMatter(60);
}

struct Heads {
  const char *type;
  int qk, value, heads, kvHeads;
  bool isCausal;
};

std::string attention(Heads c) {
  return llvm::formatv(
             R"(
func.func @forward(%q: tensor<?x{1}x{0}>, %k: tensor<?x{2}x{0}>, %v: tensor<?x{3}x{0}>, %offsets: tensor<?xi32>) -> tensor<?x{4}x{0}> {{
  %0 = transformer.attention %q, %k, %v offsets(%offsets) {{num_heads = {5} : i64, num_kv_heads = {6} : i64{7}}
      : (tensor<?x{1}x{0}>, tensor<?x{2}x{0}>, tensor<?x{3}x{0}>, tensor<?xi32>) -> tensor<?x{4}x{0}>
  return %0 : tensor<?x{4}x{0}>
})",
             c.type, c.qk * c.heads, c.qk * c.kvHeads, c.value * c.kvHeads,
             c.value * c.heads, c.heads, c.kvHeads,
             c.isCausal ? ", causal" : "")
      .str();
}

// Heads of one panel and of two, with tails of both; that share keys; lengths
// around the blocks of queries and keys.
TEST(GpuWgmma, Attention) {
  for (Heads c : {Heads{"f16", 64, 64, 1, 1, false},
                  {"f16", 64, 64, 1, 1, true},
                  {"bf16", 32, 32, 2, 1, true},
                  {"f16", 16, 48, 1, 1, false},
                  {"f16", 96, 128, 1, 1, false}}) {
    auto model =
        DeviceModel::create(attention(c), c.type, nullptr, 0, "sm_90a");
    ASSERT_TRUE(model);
    ASSERT_EQ(model->table.launches[0].kernel, "attention_wgmma_0");
    bool isDescending = false;
    for (std::vector<int> lengths :
         {std::vector<int>{1, 63, 0, 65}, {c.qk == 64 ? 200 : 129}}) {
      ASSERT_FALSE(model->run(lengths, {}, isDescending));
      EXPECT_LE(model->error(), c.type[0] == 'f' ? 4e-3 : 3e-2)
          << attention(c) << lengths[0];
      for (auto [what, count] : model->reports)
        ADD_FAILURE() << what << ", " << count << " times: " << attention(c);
      isDescending = !isDescending;
    }
  }
}

TEST(GpuWgmma, EachSynchronizationOfAttentionIsNeeded) {
  auto model = DeviceModel::create(attention({"f16", 32, 32, 1, 1, false}),
                                   "f16", nullptr, 0, "sm_90a");
  ASSERT_TRUE(model);
  ASSERT_FALSE(model->run({192}));
  EXPECT_TRUE(model->reports.empty());
  const char *why[] = {
      "before the kernel before was waited for",
      /*commit*/ "",
      /*wait*/ "access to bytes whose copy was not waited for",
      "product of bytes that were written without a fence",
      /*barrier*/ "race",
      /*commit of the next*/ "",
      "product of sums that were written without a fence",
      /*commit*/ "sum that is read before its product was waited",
      /*wait*/ "sum that is read before its product was waited",
      "product of registers that were written without a fence",
      /*commit*/ "product",
      /*wait*/ "product"};
  ASSERT_EQ(model->counts.synchronizations, int(std::size(why)));
  for (size_t i = 0; i < std::size(why); ++i) {
    ASSERT_FALSE(model->run({192}, {int(i)}));
    EXPECT_TRUE(reports(*model, why[i])) << "number " << i << ": " << why[i];
  }
}

TEST(GpuWgmma, DescriptorsOfAttentionMatter) {
  auto model = DeviceModel::create(attention({"f16", 96, 96, 1, 1, false}),
                                   "f16", nullptr, 0, "sm_90a");
  ASSERT_TRUE(model);
  for (int i = 1; i <= int(Alteration::RightStart); ++i) {
    Mutation mutation;
    mutation.alteration = Alteration(i);
    ASSERT_FALSE(model->run({70}, mutation));
    EXPECT_TRUE(model->error() > 0.1 || !model->reports.empty()) << i;
  }
}

} // namespace
