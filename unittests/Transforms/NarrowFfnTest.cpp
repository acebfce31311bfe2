//===- NarrowFfnTest.cpp - the loss that is predicted, and its controls ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FitTesting.h"

#include "transformer/Transforms/Narrow.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
constexpr int64_t kIn = 12, kNeurons = 24, kRows = 400;

struct NarrowFfnTest : FitTest {
  Matrix x = normal(kRows, kIn, 1);

  /// A pair of linears; with `isNormed` a norm behind it.
  OwningOpRef<ModuleOp> pair(const Matrix &up, const Matrix &down,
                             bool isNormed = false) {
    std::string body = constant("w", up) + constant("v", down) +
                       constant("b", normal(1, up.rows, 5, 0.3), true) +
                       constant("c", normal(1, down.rows, 6, 0.3), true) +
                       constant("g", normal(1, down.rows, 7), true);
    auto type = [](int64_t width) {
      return "tensor<?x" + std::to_string(width) + "xf32>";
    };
    auto matrix = [](const Matrix &of) {
      return "tensor<" + std::to_string(of.rows) + "x" +
             std::to_string(of.columns) + "xf32>";
    };
    auto vector = [](int64_t width) {
      return "tensor<" + std::to_string(width) + "xf32>";
    };
    std::string in = type(up.columns), mid = type(up.rows),
                out = type(down.rows);
    body += "%h = transformer.linear %x, %w bias %b activation gelu : (" + in +
            ", " + matrix(up) + ", " + vector(up.rows) + ") -> " + mid +
            " loc(\"up\")\n" + "%y = transformer.linear %h, %v bias %c : (" +
            mid + ", " + matrix(down) + ", " + vector(down.rows) + ") -> " +
            out + " loc(\"down\")\n";
    std::string result = "%y";
    if (isNormed) {
      body += "%n = transformer.layer_norm %y, %g {epsilon = 1.0e-5 : f32} : "
              "(" +
              out + ", " + vector(down.rows) + ") -> " + out +
              " loc(\"norm\")\n";
      result = "%n";
    }
    return parse("func.func @f(%x: " + in + ") -> " + out + " {\n" + body +
                 "return " + result + " : " + out + "\n}");
  }

  FfnPair find(ModuleOp module) {
    FfnPair pair;
    module.walk([&](LinearOp op) { (pair.up ? pair.down : pair.up) = op; });
    return pair;
  }

  /// Narrows `module` to the neurons `kept`. Gives the predicted error.
  double narrow(ModuleOp module, ArrayRef<int64_t> kept, const Profile &profile,
                double damping = 1e-9) {
    FfnPair pair = find(module);
    IRRewriter rewriter(&context);
    auto plan = planFfn(pair, kept, momentsOf(pair.down, &profile, 0), damping);
    if (!plan) {
      ADD_FAILURE() << llvm::toString(plan.takeError());
      return 0;
    }
    narrowFfn(rewriter, pair, *plan);
    return plan->error;
  }
};

TEST_F(NarrowFfnTest, PredictsWhatTheRowsSee) {
  for (double damping : {1e-9, 1e-2}) {
    auto module = pair(normal(kNeurons, kIn, 2), normal(kIn, kNeurons, 3));
    auto before = run(*module, x);
    Profile profile;
    add(profile, "down", before["up"]);
    FfnPair found = find(*module);
    auto curve = ffnCurve(found, momentsOf(found.down, &profile, 0), damping);
    ASSERT_TRUE(bool(curve));
    double predicted = narrow(*module, curve->kept(15), profile, damping);
    double measured = loss(before["down"], run(*module, x)["down"]);
    EXPECT_GT(measured, 1e-3);
    EXPECT_NEAR(predicted / measured, 1, 1e-4);
    if (damping < 1e-6)
      EXPECT_NEAR(curve->errors[kNeurons - 15] / measured, 1, 1e-4);
  }
}

TEST_F(NarrowFfnTest, PredictsBehindANorm) {
  auto module = pair(normal(kNeurons, kIn, 2), normal(kIn, kNeurons, 3), true);
  auto before = run(*module, x);
  std::vector<double> weights;
  for (int64_t t = 0; t < kRows; ++t) {
    double mean = 0, squares = 0;
    for (double value : before["down"].row(t)) {
      mean += value / kIn;
      squares += value * value / kIn;
    }
    weights.push_back(1 / (squares - mean * mean));
  }
  Profile profile;
  add(profile, "down", before["up"], weights);
  FfnPair found = find(*module);
  std::vector<double> metric = outputMetric(found.down);
  ASSERT_EQ(int64_t(metric.size()), kIn);
  auto curve = ffnCurve(found, momentsOf(found.down, &profile, 0), 1e-9);
  ASSERT_TRUE(bool(curve));
  double predicted = narrow(*module, curve->kept(15), profile);
  auto after = run(*module, x);
  double measured = loss(before["down"], after["down"], weights, metric);
  EXPECT_NEAR(predicted / measured, 1, 1e-4);
  // The loss behind the norm is of that size too: the weights are its slope.
  double behind = loss(before["norm"], after["norm"]);
  EXPECT_LT(behind, 4 * measured);
  EXPECT_GT(behind, measured / 4);
}

TEST_F(NarrowFfnTest, BeatsItsControls) {
  Matrix up = normal(kNeurons, kIn, 2), down = normal(kIn, kNeurons, 3);
  for (int64_t n = 0; n < kNeurons; ++n) // sizes that say little
    for (double &value : up.row(n))
      value *= float(1 + n % 4);
  auto module = pair(up, down);
  auto before = run(*module, x);
  Profile profile;
  add(profile, "down", before["up"]);
  auto curve =
      ffnCurve(find(*module), momentsOf(find(*module).down, &profile, 0), 1e-9);
  ASSERT_TRUE(bool(curve));
  double best = narrow(*module, curve->kept(16), profile);

  // By size, with and without a fit.
  std::vector<std::pair<double, int64_t>> sizes;
  for (int64_t n = 0; n < kNeurons; ++n)
    sizes.emplace_back(
        -up.selectRows({n}).energy() * down.selectColumns({n}).energy(), n);
  llvm::sort(sizes);
  std::vector<int64_t> largest;
  for (int64_t n = 0; n < 16; ++n)
    largest.push_back(sizes[n].second);
  llvm::sort(largest);
  auto bySize = pair(up, down);
  double fitted = narrow(*bySize, largest, profile);
  Matrix covariance = profile.findGram("down")->covariance();
  double masked = relativeError(covariance, down, down.selectColumns(largest),
                                selection(kNeurons, largest), {});
  EXPECT_LT(best, fitted);
  EXPECT_LT(fitted, masked / 1.2);
  EXPECT_LT(best, masked / 2);

  // Without a profile: worse than with one, better than by size.
  auto assumed = pair(up, down);
  InputMoments moments = momentsOf(find(*assumed).down, nullptr, 1);
  EXPECT_FALSE(moments.isMeasured);
  auto blind = ffnCurve(find(*assumed), moments, 1e-4);
  ASSERT_TRUE(bool(blind));
  IRRewriter rewriter(&context);
  auto plan = planFfn(find(*assumed), blind->kept(16), moments, 1e-4);
  ASSERT_TRUE(bool(plan));
  narrowFfn(rewriter, find(*assumed), *plan);
  double dataFree = loss(before["down"], run(*assumed, x)["down"]);
  EXPECT_GT(dataFree, best);
  EXPECT_LT(dataFree, fitted);
}

TEST_F(NarrowFfnTest, FindsTheNeuronsThatRepeatOthers) {
  // Of 24 neurons 10 are copies of others, at another scale of the output.
  Matrix up = normal(kNeurons, kIn, 2);
  Matrix biases = normal(1, kNeurons, 5, 0.3);
  for (int64_t n = 0; n < 10; ++n)
    std::copy(up.row(n).begin(), up.row(n).end(), up.row(23 - n).begin());
  auto module = pair(up, normal(kIn, kNeurons, 3));
  FfnPair found = find(*module);
  // Equal biases too.
  auto bias = found.up.getBias().getDefiningOp<arith::ConstantOp>();
  std::vector<float> values = biases.toFloats();
  for (int64_t n = 0; n < 10; ++n)
    values[23 - n] = values[n];
  bias.setValueAttr(DenseElementsAttr::get(
      cast<RankedTensorType>(bias.getType()), ArrayRef<float>(values)));
  auto before = run(*module, x);
  Profile profile;
  add(profile, "down", before["up"]);
  NarrowFfnOptions options;
  options.profile = &profile;
  options.multiple = 1;
  options.maxError = 1e-6;
  auto result = narrowFfns(*module, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->after, 14);
  EXPECT_LT(loss(before["down"], run(*module, x)["down"]), 1e-6);
  // The profile is that of the narrowed model now.
  EXPECT_EQ(profile.findGram("down")->width(), 14);
  EXPECT_EQ(profile.find("down")->width(), 14);
  Profile fresh;
  add(fresh, "down", run(*module, x)["up"]);
  for (int64_t c = 0; c < 14; ++c)
    EXPECT_NEAR(profile.find("down")->squares[c],
                fresh.find("down")->squares[c],
                1e-3 * fresh.find("down")->squares[c]);
}

TEST_F(NarrowFfnTest, SweepsLargeLayersAsOneStepAtATimeWould) {
  // More than a block of steps, against the definition.
  int64_t width = 150;
  Matrix rows = normal(600, width, 3);
  for (int64_t t = 0; t < rows.rows; ++t)
    for (int64_t c = 1; c < width; ++c)
      rows(t, c) += 0.7 * rows(t, c - 1);
  Profile profile;
  add(profile, "x", rows);
  Matrix covariance = profile.findGram("x")->covariance();
  Matrix weight = normal(20, width, 4);
  auto curve = eliminate(covariance, weight, {}, 1, 1e-10);
  ASSERT_TRUE(bool(curve));
  ASSERT_EQ(curve->groups(), width);
  for (int64_t count : {149, 100, 60, 7}) {
    std::vector<int64_t> kept = curve->kept(count);
    ASSERT_EQ(int64_t(kept.size()), count);
    auto fresh = refit(covariance, weight, kept, 1e-10);
    ASSERT_TRUE(bool(fresh));
    EXPECT_NEAR(
        relativeError(covariance, weight, *fresh, selection(width, kept), {}),
        curve->errors[width - count], 1e-6);
    // No other neuron would have been a cheaper one to drop next.
    for (int64_t other : kept) {
      std::vector<int64_t> fewer;
      llvm::copy_if(kept, std::back_inserter(fewer),
                    [&](int64_t n) { return n != other; });
      auto refitted = refit(covariance, weight, fewer, 1e-10);
      ASSERT_TRUE(bool(refitted));
      EXPECT_GE(relativeError(covariance, weight, *refitted,
                              selection(width, fewer), {}),
                curve->errors[width - count + 1] - 1e-6);
    }
  }
}

TEST_F(NarrowFfnTest, RefusesWhatSaysNothing) {
  auto module = pair(normal(kNeurons, kIn, 2), normal(kIn, kNeurons, 3));
  auto whyNot = [&](NarrowFfnOptions options) {
    auto result = narrowFfns(*module, options);
    return result ? "" : llvm::toString(result.takeError());
  };
  NarrowFfnOptions options;
  EXPECT_EQ(whyNot(options), "how narrow is not said: give width=, keep=, "
                             "max-error= or widths=");
  options.width = 3, options.keep = 0.5;
  EXPECT_EQ(whyNot(options),
            "width, keep and max-error exclude each other: give one");
  options.width = std::nullopt, options.keep = NAN;
  EXPECT_EQ(whyNot(options), "keep is no part between 0 and 1");
  options.keep = std::nullopt, options.widths = "up";
  EXPECT_EQ(whyNot(options),
            "widths has 'up', expected a regular expression, ':' and a number "
            "from 1 to 2147483647");
  options.widths = "(:3";
  EXPECT_NE(whyNot(options).find("which is no regular expression"),
            std::string::npos);
}
} // namespace
