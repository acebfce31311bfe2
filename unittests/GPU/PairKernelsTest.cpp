//===- PairKernelsTest.cpp - two linears in one launch --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "mlir/IR/Builders.h"
#include "gtest/gtest.h"

using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

/// A model whose linears are one launch of linear_pair for any number of rows,
/// with so many groups of columns.
std::unique_ptr<DeviceModel> pairOf(llvm::StringRef text, llvm::StringRef dtype,
                                    int groups) {
  auto model =
      DeviceModel::create(text, dtype, [&](mlir::NamedAttrList &kernel) {
        auto family =
            mlir::dyn_cast_or_null<mlir::StringAttr>(kernel.get("family"));
        if (family && family.getValue() == "linear_pair")
          kernel.set(
              "groups",
              mlir::Builder(family.getContext()).getI64IntegerAttr(groups));
      });
  if (!model)
    return nullptr;
  std::vector<gpu::Launch> launches;
  for (gpu::Launch &launch : model->table.launches) {
    bool isPair = launch.kernel.find("linear_pair") == 0;
    if (isPair && !launches.empty() &&
        launches.back().kernel != launch.kernel &&
        launches.back().kernel.find("linear_pair") == 0)
      continue;
    // Of two launches, where those are better.
    if (!isPair && launch.kernel.find("linear") == 0)
      continue;
    EXPECT_TRUE(isPair || launch.kernel.find("rows") == 0) << launch.kernel;
    if (isPair)
      launch.shape.columns = groups, launch.above = 0, launch.most = INT64_MAX;
    launches.push_back(launch);
  }
  EXPECT_EQ(launches.back().kernel.find("linear_pair"), 0u);
  model->table.launches = launches;
  return model;
}

double largest(const TensorValue &tensor) {
  double most = 0;
  for (double value : tensor.data)
    most = std::max(most, std::abs(value));
  return most;
}

/// One launch, two launches and the interpreter: the numbers of the first two
/// are the same, and those of the last within `tolerance` of its largest one.
void expectPair(Linears linears, llvm::StringRef dtype, int groups, int rows,
                double tolerance) {
  std::string text = pairText(linears, dtype);
  linears.returnsHidden = true;
  auto one = pairOf(text, dtype, groups);
  auto two = DeviceModel::create(pairText(linears, dtype), dtype);
  ASSERT_TRUE(one && two);
  for (bool isDescending : {false, true}) {
    ASSERT_FALSE(one->run({rows}, {}, isDescending));
    EXPECT_LE(one->error(), tolerance * largest(one->expected[0])) << text;
    for (auto [what, count] : one->reports)
      ADD_FAILURE() << what << ", " << count << " times: " << text;
  }
  ASSERT_FALSE(two->run({rows}));
  for (const gpu::Launch &launch : two->table.launches)
    EXPECT_NE(launch.kernel.find("linear_pair"), 0u);
  EXPECT_EQ(one->results[0].data, two->results[0].data) << text;
}

// Rows, columns, ranks and k with tails; a rank of several tiles, and of less
// than what goes to tensor cores at once; columns in groups, of which the last
// has fewer.
TEST(GpuPairs, Floats) {
  for (const char *dtype : {"f16", "bf16"}) {
    expectPair({24, 8, 8}, dtype, 1, 3, 2e-3);
    expectPair({72, 40, 64}, dtype, 1, 66, 2e-3);
    expectPair({264, 72, 200}, dtype, 2, 70, 2e-3);
  }
  expectPair({130, 200, 48}, "f16", 2, 130, 2e-3);
  Linears deep{24, 600, 136};
  expectPair(deep, "f16", 1, 5, 2e-3);
  deep.hasBias = true;
  expectPair(deep, "f16", 1, 5, 2e-3);
}

// Two launches for few rows and one for more, which is told of few rows here:
// all are in the table, and make the same numbers.
TEST(GpuPairs, OneOrTwoByRows) {
  auto model = DeviceModel::create(pairText({72, 256, 384}, "f16"), "f16");
  ASSERT_TRUE(model);
  std::vector<gpu::Launch> all = model->table.launches;
  ASSERT_GT(all.size(), 2u);
  gpu::Launch pair = all.back();
  EXPECT_EQ(pair.kernel.find("linear_pair"), 0u);
  for (const gpu::Launch &launch : llvm::ArrayRef(all).drop_back()) {
    EXPECT_NE(launch.kernel.find("linear_pair"), 0u);
    EXPECT_LE(launch.most, pair.above);
  }
  ASSERT_FALSE(model->run({2}));
  std::vector<double> two = model->results[0].data;
  pair.above = 0;
  model->table.launches = {pair};
  ASSERT_FALSE(model->run({2}));
  EXPECT_LE(model->error(), 2e-3 * largest(model->expected[0]));
  EXPECT_EQ(two, model->results[0].data);
  EXPECT_TRUE(model->reports.empty());
}

// What is between the products is rounded row by row, as by its own kernel. A
// sum in another order may be a step of that rounding away.
TEST(GpuPairs, RoundedBetween) {
  Linears rounded{72, 48, 80, /*isI8=*/true};
  expectPair(rounded, "f16", 1, 66, 1e-2);
  expectPair({24, 208, 16, /*isI8=*/true}, "bf16", 1, 3, 2e-2);
  expectPair({264, 16, 144, /*isI8=*/true}, "f32", 2, 70, 1e-2);
  rounded.hasMultiplier = rounded.hasBias = true;
  expectPair(rounded, "f16", 1, 66, 1e-2);
  for (const char *scale :
       {"arith.constant dense<0.011> : tensor<f32>",
        "ml_program.global_load_const @one_scale : tensor<f32>"}) {
    rounded.scale = scale;
    expectPair(rounded, "f16", 1, 7, 1e-2);
  }
}

} // namespace
