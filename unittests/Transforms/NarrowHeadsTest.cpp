//===- NarrowHeadsTest.cpp - the losses that are predicted, and controls --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FitTesting.h"

#include "transformer/Support/LowRank.h"
#include "transformer/Transforms/Narrow.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
constexpr int64_t kWidth = 12, kHeads = 4, kDim = 3, kRows = 60;

struct NarrowHeadsTest : FitTest {
  Matrix x = normal(kRows, kWidth, 1);
  Matrix wq = normal(kWidth, kWidth, 2, 0.3),
         wk = normal(kWidth, kWidth, 3, 0.3), wv = normal(kWidth, kWidth, 4),
         wo = normal(kWidth, kWidth, 5);
  std::map<std::string, Matrix> before;
  Profile profile;

  NarrowHeadsTest() {
    for (int64_t t = 0; t < kRows; ++t) // channels that depend on each other
      for (int64_t c = 1; c < kWidth; ++c)
        x(t, c) = float(0.6 * x(t, c - 1) + x(t, c) + 0.5);
  }

  OwningOpRef<ModuleOp> attention() {
    std::string in = "tensor<?x12xf32>", w = "tensor<12x12xf32>",
                b = "tensor<12xf32>", body;
    unsigned seed = 10;
    for (auto [name, weight] :
         {std::pair("q", &wq), std::pair("k", &wk), std::pair("v", &wv)}) {
      std::string n = name;
      body += constant("w" + n, *weight) +
              constant("b" + n, normal(1, kWidth, ++seed), true) + "%" + n +
              " = transformer.linear %x, %w" + n + " bias %b" + n + " : (" +
              in + ", " + w + ", " + b + ") -> " + in + " loc(\"" + n + "\")\n";
    }
    body += constant("wo", wo) +
            "%a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 4 "
            ": i64, num_kv_heads = 4 : i64} : (" +
            in + ", " + in + ", " + in + ", tensor<?xi32>) -> " + in +
            " loc(\"attention\")\n" + "%y = transformer.linear %a, %wo : (" +
            in + ", " + w + ") -> " + in + " loc(\"out\")\n";
    return parse("func.func @f(%x: " + in + ", %o: tensor<?xi32>) -> " + in +
                 " {\n" + body + "return %y : " + in + "\n}");
  }

  /// A module, what it computes, and the profile of that.
  OwningOpRef<ModuleOp> measured() {
    OwningOpRef<ModuleOp> module = attention();
    before = run(*module, x);
    profile = {};
    add(profile, "q", x);
    profile.linears["k"] = profile.linears["v"] = "q";
    add(profile, "out", before["attention"]);
    return module;
  }

  AttentionSite find(ModuleOp module) {
    AttentionSite site;
    module.walk([&](AttentionOp op) { site = siteOf(op); });
    return site;
  }

  HeadsPlan plan(ModuleOp module, HeadsGoal goal, double damping = 1e-9) {
    goal.multiple = 1;
    AttentionSite site = find(module);
    auto result = planHeads(site, momentsOf(site, &profile, 0), goal, damping);
    EXPECT_TRUE(bool(result));
    return result ? std::move(*result) : HeadsPlan();
  }

  void apply(ModuleOp module, const HeadsPlan &plan) {
    IRRewriter rewriter(&context);
    narrowHeads(rewriter, find(module), plan);
  }

  /// What the scores of all pairs of rows lose, about each query's mean.
  double scoreLoss(std::map<std::string, Matrix> &after, int64_t dim) {
    double error = 0, variance = 0;
    for (int64_t h = 0; h < kHeads; ++h)
      for (int64_t i = 0; i < kRows; ++i) {
        std::vector<double> old(kRows), change(kRows);
        double oldMean = 0, changeMean = 0;
        for (int64_t j = 0; j < kRows; ++j) {
          double fresh = 0;
          for (int64_t c = 0; c < kDim; ++c)
            old[j] +=
                before["q"](i, h * kDim + c) * before["k"](j, h * kDim + c);
          for (int64_t c = 0; c < dim; ++c)
            fresh += after["q"](i, h * dim + c) * after["k"](j, h * dim + c);
          change[j] = fresh - old[j];
          oldMean += old[j] / kRows, changeMean += change[j] / kRows;
        }
        for (int64_t j = 0; j < kRows; ++j) {
          error += std::pow(change[j] - changeMean, 2);
          variance += std::pow(old[j] - oldMean, 2);
        }
      }
    return error / variance;
  }
};

TEST_F(NarrowHeadsTest, PredictsTheLossOfHeads) {
  for (double damping : {1e-9, 1e-2}) {
    auto module = measured();
    HeadsGoal goal;
    goal.groups = 2;
    HeadsPlan found = plan(*module, goal, damping);
    ASSERT_EQ(found.kept.size(), 2u);
    // The best two of all.
    auto curve = headsCurve(find(*module),
                            momentsOf(find(*module), &profile, 0), damping);
    ASSERT_TRUE(bool(curve));
    EXPECT_EQ(curve->kept(2), found.kept);
    apply(*module, found);
    double measured = loss(before["out"], run(*module, x)["out"]);
    EXPECT_GT(measured, 1e-3);
    EXPECT_NEAR(found.outputError / measured, 1, 1e-4);
  }
}

TEST_F(NarrowHeadsTest, PredictsTheLossOfScores) {
  auto module = measured();
  HeadsGoal goal;
  goal.qkRank = 2;
  HeadsPlan found = plan(*module, goal);
  apply(*module, found);
  auto after = run(*module, x);
  double measured = scoreLoss(after, 2);
  EXPECT_GT(measured, 1e-4);
  EXPECT_NEAR(found.scoreError / measured, 1, 1e-4);
  EXPECT_EQ(find(*module).attention.getScaleAttr().getValueAsDouble(),
            double(float(1 / std::sqrt(3.0))));

  // The rank of the weights' product alone is a worse choice.
  double plain = 0, variance = 0;
  Matrix mean(kWidth, 1), spread(kWidth, kWidth);
  InputMoments moments = momentsOf(find(*module).query, &profile, 0);
  std::vector<double> bias = normal(1, kWidth, 11).values;
  mean.values = moments.mean;
  for (int64_t h = 0; h < kHeads; ++h) {
    std::vector<int64_t> own = {3 * h, 3 * h + 1, 3 * h + 2};
    Matrix q = wq.selectRows(own), k = wk.selectRows(own);
    auto best = svd(multiply(q, k, Form::Transposed));
    ASSERT_TRUE(bool(best));
    // The third component is what is left out.
    Matrix left = best->u.selectColumns({2}), right = best->vt.selectRows({2});
    Matrix second = moments.secondMoments();
    double seen =
        multiply(left, multiply(second, left), Form::Transposed)(0, 0);
    double told = covarianceThrough(right, moments.covariance)(0, 0);
    plain += seen * told * best->values[2] * best->values[2];
    Matrix old = covarianceThrough(q, moments.covariance);
    Matrix shift = multiply(q, mean);
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 3; ++j)
        old(i, j) +=
            (shift(i, 0) + bias[own[i]]) * (shift(j, 0) + bias[own[j]]);
    variance += multiply(old, covarianceThrough(k, moments.covariance)).trace();
  }
  EXPECT_LT(found.scoreError, plain / variance);
}

TEST_F(NarrowHeadsTest, PredictsTheLossOfValues) {
  auto module = measured();
  HeadsGoal goal;
  goal.voRank = 2;
  HeadsPlan found = plan(*module, goal);
  apply(*module, found);
  double measured = loss(before["out"], run(*module, x)["out"]);
  EXPECT_GT(measured, 1e-4);
  EXPECT_NEAR(found.outputError / measured, 1, 1e-4);

  // All at once; the profile follows.
  module = this->measured();
  NarrowHeadsOptions options;
  options.profile = &profile;
  options.heads = 3, options.qkRank = 2, options.voRank = 2;
  options.multiple = 1;
  auto result = narrowHeads(*module, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->narrowed, 1);
  auto after = run(*module, x);
  EXPECT_EQ(after["attention"].columns, 6);
  EXPECT_EQ(profile.findGram("out")->width(), 6);
}

TEST_F(NarrowHeadsTest, FindsTheHeadThatRepeatsAnother) {
  // Head 2 is head 0 with mixed channels of values, and scores have rank 1.
  std::vector<int64_t> first = {0, 1, 2};
  Matrix mix = normal(3, 3, 9);
  Matrix values = multiply(mix, wv.selectRows(first));
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < kWidth; ++c) {
      wq(6 + r, c) = wq(r, c), wk(6 + r, c) = wk(r, c);
      wv(6 + r, c) = float(values(r, c));
    }
  auto module = attention();
  module->walk([&](LinearOp op) { // equal biases too
    if (!op.getBias())
      return;
    auto bias = op.getBias().getDefiningOp<arith::ConstantOp>();
    std::vector<float> numbers(kWidth, 0.0f);
    bias.setValueAttr(DenseElementsAttr::get(
        cast<RankedTensorType>(bias.getType()), ArrayRef<float>(numbers)));
  });
  before = run(*module, x);
  add(profile, "q", x);
  profile.linears["k"] = profile.linears["v"] = "q";
  add(profile, "out", before["attention"]);
  NarrowHeadsOptions options;
  options.profile = &profile;
  options.maxError = 1e-6;
  options.multiple = 1;
  auto result = narrowHeads(*module, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->after, 3);
  EXPECT_LT(loss(before["out"], run(*module, x)["out"]), 1e-6);
}

TEST_F(NarrowHeadsTest, BeatsDroppingAtRandom) {
  auto module = measured();
  HeadsGoal goal;
  goal.groups = 2;
  HeadsPlan found = plan(*module, goal);
  Matrix covariance = profile.findGram("out")->covariance();
  double sum = 0;
  int count = 0;
  for (int64_t a = 0; a < kHeads; ++a)
    for (int64_t b = a + 1; b < kHeads; ++b, ++count) {
      std::vector<int64_t> kept;
      for (int64_t h : {a, b})
        for (int64_t c = 0; c < kDim; ++c)
          kept.push_back(h * kDim + c);
      sum += relativeError(covariance, wo, wo.selectColumns(kept),
                           selection(kWidth, kept), {});
    }
  EXPECT_LT(found.outputError, sum / count / 1.5);
}
} // namespace
