//===- FactorizeSvdTest.cpp - the loss that is predicted, and controls ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FitTesting.h"

#include "transformer/Support/Elimination.h"
#include "transformer/Transforms/Factorize.h"
#include "transformer/Transforms/Quantize.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
constexpr int64_t kIn = 24, kOut = 32, kRows = 300;

struct FactorizeSvdTest : FitTest {
  Matrix x = normal(kRows, kIn, 1);

  FactorizeSvdTest() {
    // Few directions hold most of the variance.
    Matrix mix = normal(kIn, kIn, 2);
    for (int64_t r = 0; r < kIn; ++r)
      for (double &value : mix.row(r))
        value *= std::pow(0.75, double(r));
    x = multiply(x, mix);
    for (double &value : x.values)
      value = float(value + 0.2);
  }

  OwningOpRef<ModuleOp> linear(const Matrix &weight) {
    std::string in = "tensor<?x24xf32>", out = "tensor<?x32xf32>";
    return parse("func.func @f(%x: " + in + ") -> " + out + " {\n" +
                 constant("w", weight) +
                 constant("b", normal(1, kOut, 7), true) +
                 "%y = transformer.linear %x, %w bias %b : (" + in +
                 ", tensor<32x24xf32>, tensor<32xf32>) -> " + out +
                 " loc(\"y\")\nreturn %y : " + out + "\n}");
  }

  Profile profileOfRows() {
    Profile profile;
    add(profile, "y", x);
    return profile;
  }

  LinearOp find(ModuleOp module) {
    LinearOp found;
    module.walk([&](LinearOp op) { found = op; });
    return found;
  }
};

TEST_F(FactorizeSvdTest, PredictsWhatTheRowsSee) {
  for (double damping : {1e-10, 1e-2}) {
    auto module = linear(normal(kOut, kIn, 3));
    auto before = run(*module, x);
    Profile profile = profileOfRows();
    FactorGroup group{{find(*module)}};
    InputMoments moments = momentsOf(group.linears.front(), &profile, 0);
    LowRankOptions options;
    options.damping = damping;
    auto factors = factorsOf(group, moments, options);
    ASSERT_TRUE(bool(factors));
    IRRewriter rewriter(&context);
    auto predicted = factorize(rewriter, group, *factors, 6, moments, &profile);
    ASSERT_TRUE(succeeded(predicted));
    auto after = run(*module, x);
    double measured = loss(before["y"], after["y"]);
    EXPECT_GT(measured, 1e-4);
    EXPECT_NEAR(*predicted / measured, 1, 1e-4);
    if (damping < 1e-6)
      EXPECT_NEAR(factors->errorOf(6) / measured, 1, 1e-4);

    // The channels between have variance 1; the profile knows them.
    EXPECT_EQ(after["y.down"].columns, 6);
    const GramStatistics *gram = profile.findGram("y");
    ASSERT_TRUE(gram && gram->width() == 6);
    Matrix covariance = gram->covariance();
    for (int64_t i = 0; i < 6 && damping < 1e-6; ++i)
      EXPECT_NEAR(covariance(i, i), 1, 1e-4);
    EXPECT_EQ(profile.findGram("y.down")->width(), kIn);

    // The singular values of the weight alone are a worse choice.
    Matrix weight = normal(kOut, kIn, 3);
    auto plain = svd(weight);
    ASSERT_TRUE(bool(plain));
    std::vector<int64_t> first = {0, 1, 2, 3, 4, 5};
    Matrix up = plain->u.selectColumns(first);
    for (int64_t c = 0; c < 6; ++c)
      for (int64_t r = 0; r < kOut; ++r)
        up(r, c) *= plain->values[c];
    EXPECT_LT(measured,
              0.5 * relativeError(moments.covariance, weight, up,
                                  plain->vt.selectRows(first).transposed(),
                                  {}));

    // i8 on the factors costs little.
    QuantizeOptions i8;
    i8.profile = &profile;
    quantizeWeights(*module, i8);
    EXPECT_LT(loss(before["y"], run(*module, x)["y"]), measured + 1e-3);
  }
}

TEST_F(FactorizeSvdTest, FindsTheRankThatIsThere) {
  Matrix weight = multiply(normal(kOut, 5, 3), normal(5, kIn, 4));
  auto module = linear(weight);
  auto before = run(*module, x);
  Profile profile = profileOfRows();
  FactorizeSvdOptions options;
  options.profile = &profile;
  options.energy = 1 - 1e-9;
  options.multiple = 1;
  options.fit.damping = 1e-10;
  auto result = factorizeSvd(*module, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->factorized, 1);
  EXPECT_EQ(result->after, 5 * (kIn + kOut));
  EXPECT_LT(loss(before["y"], run(*module, x)["y"]), 1e-9);
}

TEST_F(FactorizeSvdTest, SpendsBytesWhereTheyCount) {
  for (bool pivoted : {false, true})
    for (int64_t bytes : {3000, 2600, 2000, 1000}) {
      auto module = linear(normal(kOut, kIn, 3));
      Profile profile = profileOfRows();
      FactorizeSvdOptions options;
      options.profile = &profile;
      options.maxBytes = bytes;
      options.multiple = 1;
      options.pivoted = pivoted;
      auto result = factorizeSvd(*module, options);
      ASSERT_TRUE(bool(result));
      if (bytes != 3000)
        EXPECT_EQ(result->factorized, 1);
      EXPECT_LE(result->after * 4, bytes);
      EXPECT_GT(result->after * 4, bytes - 4 * (kIn + kOut + 1));
    }
}

TEST_F(FactorizeSvdTest, RandomProjectionsFindTheSameChannels) {
  Matrix weight = normal(90, 120, 3);
  Matrix covariance(120, 120);
  for (int64_t i = 0; i < 120; ++i)
    covariance(i, i) = std::pow(0.9, double(i));
  LowRankOptions exact, random;
  exact.damping = random.damping = 1e-9;
  random.most = 20, random.exactBelow = 10;
  auto all = lowRankOf(covariance, weight, {}, exact);
  auto some = lowRankOf(covariance, weight, {}, random);
  auto again = lowRankOf(covariance, weight, {}, random);
  ASSERT_TRUE(all && some && again);
  EXPECT_EQ(some->channels(), 20);
  EXPECT_NEAR(some->variance / all->variance, 1, 1e-9);
  EXPECT_NEAR(some->errorOf(20), all->errorOf(20), 1e-4);
  EXPECT_EQ(some->down.values, again->down.values);
}

/// Pivots span the same, so nothing else is lost, at any rank below full.
TEST_F(FactorizeSvdTest, PivotsLoseWhatPlainFactorsDo) {
  for (int64_t rank : {6, 14, 22}) {
    double predicted[2], measured[2];
    for (bool pivoted : {false, true}) {
      auto module = linear(normal(kOut, kIn, 3));
      auto before = run(*module, x);
      Profile profile = profileOfRows();
      FactorGroup group{{find(*module)}, pivoted};
      InputMoments moments = momentsOf(group.linears.front(), &profile, 0);
      LowRankOptions options;
      options.damping = 1e-10;
      auto factors = factorsOf(group, moments, options);
      ASSERT_TRUE(bool(factors));
      IRRewriter rewriter(&context);
      auto error =
          factorize(rewriter, group, *factors, rank, moments, &profile);
      ASSERT_TRUE(succeeded(error));
      ASSERT_TRUE(succeeded(verify(*module)));
      auto after = run(*module, x);
      predicted[pivoted] = *error;
      measured[pivoted] = loss(before["y"], after["y"]);
      if (!pivoted)
        continue;
      // The linear of the others knows what it reads; i8 knows it by that.
      EXPECT_EQ(profile.findGram("y.down")->width(), kIn - rank);
      EXPECT_EQ(profile.findGram("y")->width(), rank);
      QuantizeOptions i8;
      i8.profile = &profile;
      quantizeWeights(*module, i8);
      EXPECT_LT(loss(before["y"], run(*module, x)["y"]), *error + 1e-3);
    }
    EXPECT_NEAR(predicted[1] / measured[1], 1, 1e-4);
    EXPECT_NEAR(predicted[1] / predicted[0], 1, 1e-4);
  }
}

TEST_F(FactorizeSvdTest, PivotsAreMixedByNoMoreThanTheBound) {
  // A matrix on which pivoting by QR alone mixes far more (Kahan, 1966).
  constexpr int64_t kSize = 60;
  double s = std::sin(1.2), c = std::cos(1.2);
  Matrix kahan(kSize - 1, kSize);
  for (int64_t r = 0; r + 1 < kSize; ++r) {
    kahan(r, r) = std::pow(s, double(r)) * (1 + 1e-12 * double(kSize - r));
    for (int64_t k = r + 1; k < kSize; ++k)
      kahan(r, k) = -c * std::pow(s, double(r));
  }
  std::vector<double> ones(kSize, 1.0), sizes(kSize);
  for (int64_t i = 0; i < kSize; ++i)
    sizes[i] = 0.1 + double(i % 7);
  std::vector<int64_t> order = pivotColumns(kahan);
  auto first = ArrayRef(order).drop_back();
  Matrix greedy =
      llvm::cantFail(solve(kahan.selectColumns(first),
                           kahan.selectColumns(ArrayRef(order).take_back())));
  double most = 0;
  for (double value : greedy.values)
    most = std::max(most, std::abs(value));
  EXPECT_GT(most, 100);
  for (ArrayRef<double> units : {ArrayRef(ones), ArrayRef(sizes)}) {
    auto parts = interpolate(kahan, units);
    ASSERT_TRUE(bool(parts));
    Matrix again = multiply(kahan.selectColumns(parts->pivots), parts->mix);
    Matrix rest = kahan.selectColumns(parts->rest);
    for (size_t i = 0; i < rest.values.size(); ++i)
      EXPECT_NEAR(again.values[i], rest.values[i], 1e-10);
    for (int64_t r = 0; r < parts->mix.rows; ++r)
      for (int64_t k = 0; k < parts->mix.columns; ++k)
        EXPECT_LE(std::abs(parts->mix(r, k)) * units[parts->rest[k]] /
                      units[parts->pivots[r]],
                  2 + 1e-9);
  }
}

TEST_F(FactorizeSvdTest, RefusesWhatDoesNotPay) {
  auto module = linear(normal(kOut, kIn, 3));
  FactorizeSvdOptions options;
  options.rank = 14; // of 13 that pay
  options.multiple = 1;
  auto result = factorizeSvd(*module, options);
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->factorized, 0);
  EXPECT_EQ(result->left, 1);
  options.rank = std::nullopt;
  auto nothing = factorizeSvd(*module, options);
  ASSERT_FALSE(bool(nothing));
  EXPECT_EQ(llvm::toString(nothing.takeError()),
            "nothing says which rank: give one of rank=, energy=, error=, "
            "ratio= and max-bytes=");
}
} // namespace
