//===- CompensateTest.cpp - rounding against its loss on the rows ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Compensate.h"
#include "transformer/Support/Profile.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir::transformer;

namespace {
constexpr int64_t kRows = 700, kWidth = 24, kOutputs = 10;

/// Inputs whose channels depend on each other, one of them loud.
std::vector<float> inputs() {
  std::mt19937 engine(3);
  std::normal_distribution<float> normal;
  std::vector<float> mixing(8 * kWidth), rows;
  for (float &x : mixing)
    x = normal(engine);
  for (int64_t r = 0; r < kRows; ++r) {
    float hidden[8];
    for (float &x : hidden)
      x = normal(engine);
    for (int64_t c = 0; c < kWidth; ++c) {
      float x = 0.1f * normal(engine) + 0.5f;
      for (int64_t k = 0; k < 8; ++k)
        x += hidden[k] * mixing[k * kWidth + c];
      rows.push_back(c == 5 ? 20 * x : x);
    }
  }
  return rows;
}

Matrix weights() {
  std::mt19937 engine(4);
  std::normal_distribution<double> normal;
  Matrix weight(kOutputs, kWidth);
  for (double &x : weight.values)
    x = normal(engine);
  return weight;
}

GramStatistics gramOf(const std::vector<float> &rows) {
  GramPart part;
  part.measure(rows.data(), kRows, kWidth, kWidth);
  GramStatistics gram;
  gram.add(part);
  gram.finish();
  return gram;
}

/// What the outputs of `change` vary by over the rows, against those of
/// `weight`: computed row by row, without any Gram matrix.
double measured(const std::vector<float> &rows, const Matrix &weight,
                const Matrix &change) {
  auto variance = [&](const Matrix &w) {
    double all = 0;
    for (int64_t n = 0; n < w.rows; ++n) {
      double sum = 0, squares = 0;
      for (int64_t r = 0; r < kRows; ++r) {
        double y = 0;
        for (int64_t c = 0; c < kWidth; ++c)
          y += w(n, c) * rows[r * kWidth + c];
        sum += y, squares += y * y;
      }
      all += squares / kRows - sum / kRows * (sum / kRows);
    }
    return all;
  };
  return variance(change) / variance(weight);
}

Matrix changeOf(const RoundedRows &rounded, const Matrix &weight,
                llvm::ArrayRef<float> multipliers) {
  Matrix change(weight.rows, weight.columns);
  for (int64_t r = 0; r < weight.rows; ++r)
    for (int64_t c = 0; c < weight.columns; ++c)
      change(r, c) = double(rounded.values[r * weight.columns + c]) *
                         rounded.scales[r] *
                         (multipliers.empty() ? 1.0 : multipliers[c]) -
                     weight(r, c);
  return change;
}
} // namespace

TEST(Compensate, predictedLossIsTheMeasuredOneAndBeatsNearest) {
  std::vector<float> rows = inputs();
  Matrix weight = weights();
  auto compensator =
      llvm::cantFail(Compensator::create(gramOf(rows).covariance()));
  for (double exponent : {0.0, 0.5}) {
    std::vector<float> multipliers = compensator.gridMultipliers(exponent);
    std::vector<float> scales(kOutputs, 0.3f);
    RoundedRows rounded = compensator.round(weight, scales, multipliers);
    double loss =
        measured(rows, weight, changeOf(rounded, weight, multipliers));
    EXPECT_NEAR(rounded.error / loss, 1.0, 1e-4);

    RoundedRows nearest = rounded;
    for (int64_t r = 0; r < kOutputs; ++r)
      for (int64_t c = 0; c < kWidth; ++c)
        nearest.values[r * kWidth + c] =
            int8_t(std::nearbyint(weight(r, c) / (0.3 * multipliers[c])));
    double plain =
        measured(rows, weight, changeOf(nearest, weight, multipliers));
    EXPECT_LT(loss, 0.5 * plain);
  }
}

TEST(Compensate, groupsOfFourBits) {
  std::vector<float> rows = inputs();
  Matrix weight = weights();
  auto compensator =
      llvm::cantFail(Compensator::create(gramOf(rows).covariance()));
  std::vector<float> numbers(weight.values.begin(), weight.values.end());
  for (double exponent : {0.0, 0.5}) {
    std::vector<float> multipliers = compensator.gridMultipliers(exponent);
    GroupGrid grid = chooseGroupGrid(numbers, kOutputs, kWidth, multipliers,
                                     compensator.importance(), ScaleType::F32);
    RoundedRows rounded = compensator.round(weight, grid, multipliers);
    double loss =
        measured(rows, weight, changeOf(rounded, weight, multipliers));
    EXPECT_NEAR(rounded.error / loss, 1.0, 1e-4);
    RoundedRows nearest =
        roundRowsToGrid(numbers, kOutputs, kWidth, multipliers, grid);
    double plain =
        measured(rows, weight, changeOf(nearest, weight, multipliers));
    EXPECT_LT(loss, 0.5 * plain);
    for (const RoundedRows &each : {rounded, nearest})
      EXPECT_EQ(
          unpackI4(packI4(each.values, kOutputs, kWidth, grid.multipliers),
                   kOutputs, kWidth, grid.multipliers),
          each.values);
  }
}

TEST(Rounding, groupsHaveTheBestOfTheirMultipliers) {
  constexpr int64_t kColumns = 100; // a whole group and a part
  std::mt19937 engine(6);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(3 * kColumns);
  for (float &x : numbers)
    x = normal(engine);
  std::fill_n(numbers.begin() + 2 * kColumns, kColumns, 0.0f);
  GroupGrid grid =
      chooseGroupGrid(numbers, 3, kColumns, {}, {}, ScaleType::BF16);
  ASSERT_EQ(grid.groups, 2);
  auto errorWith = [&](int64_t row, int64_t group, int8_t multiplier) {
    GroupGrid other = grid;
    other.multipliers[row * 2 + group] = multiplier;
    RoundedRows rounded = roundRowsToGrid(numbers, 3, kColumns, {}, other);
    double sum = 0;
    for (int64_t c = group * 64;
         c < std::min<int64_t>(kColumns, group * 64 + 64); ++c) {
      double error =
          numbers[row * kColumns + c] -
          double(rounded.values[row * kColumns + c]) * rounded.scales[row];
      sum += error * error;
    }
    return sum;
  };
  for (int64_t row : {0, 1})
    for (int64_t group : {0, 1}) {
      double chosen = errorWith(row, group, grid.multipliers[row * 2 + group]);
      for (int m = -15; m <= 15; ++m)
        if (m != 0)
          EXPECT_GE(errorWith(row, group, int8_t(m)), chosen) << m;
    }
  EXPECT_EQ(grid.scales[0], roundToBf16(grid.scales[0]));
  RoundedRows rounded = roundRowsToGrid(numbers, 3, kColumns, {}, grid);
  for (int64_t c = 0; c < kColumns; ++c)
    EXPECT_EQ(rounded.values[2 * kColumns + c], 0);
}

TEST(Compensate, multipliersHaveAGeometricMeanOfOne) {
  auto compensator =
      llvm::cantFail(Compensator::create(gramOf(inputs()).covariance()));
  double sum = 0;
  for (float m : compensator.gridMultipliers(0.5)) {
    sum += std::log(m);
    EXPECT_EQ(m, roundToBf16(m));
  }
  EXPECT_NEAR(sum / kWidth, 0, 0.01);
  for (float m : compensator.gridMultipliers(0))
    EXPECT_EQ(m, 1.0f);
}

TEST(Compensate, aCovarianceThatIsNoneIsRefused) {
  Matrix bad = Matrix::identity(3);
  bad(1, 1) = -5;
  auto made = Compensator::create(bad);
  ASSERT_FALSE(bool(made));
  llvm::consumeError(made.takeError());
}

TEST(Compensate, bitsOfAGridAreTheEntropy) {
  Matrix weight(4, 16); // all columns alike: two symbols, half and half
  for (int64_t c = 0; c < 16; ++c)
    weight(0, c) = weight(1, c) = 1;
  EXPECT_NEAR(bitsOfGrid(weight, 1, {}), 1.0, 1e-9);
  EXPECT_NEAR(bitsOfGrid(weight, 100, {}), 0.0, 1e-9);
  // Beyond 127 a number counts as 16 bits.
  EXPECT_NEAR(bitsOfGrid(weight, 1e-3, {}), 8.0, 1e-9);
}
