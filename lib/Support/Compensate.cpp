//===- Compensate.cpp - rounding that later rounding makes up for ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In blocks of columns, so that most of the work is a product of matrices: what
// a block leaves goes to the columns behind it at once. Weights are kept with a
// row per input channel here, because channels are visited in an order.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Compensate.h"
#include "transformer/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;
using llvm::ArrayRef;

static constexpr int64_t kBlock = 64;

/// The same matrix with rows and columns in another order.
static Matrix reordered(const Matrix &a, ArrayRef<int64_t> order) {
  return a.selectRows(order).selectColumns(order);
}

llvm::Expected<Compensator> Compensator::create(Matrix covariance,
                                                double damping) {
  Compensator result;
  int64_t n = covariance.rows;
  result.order.resize(n);
  std::iota(result.order.begin(), result.order.end(), 0);
  llvm::stable_sort(result.order, [&](int64_t a, int64_t b) {
    return covariance(a, a) > covariance(b, b);
  });
  Matrix damped = reordered(covariance, result.order);
  damp(damped, damping);
  llvm::Expected<Matrix> inverse = invertPositive(damped);
  if (!inverse)
    return inverse.takeError();
  llvm::Expected<Matrix> lower = cholesky(*inverse);
  if (!lower)
    return lower.takeError();
  result.factor = lower->transposed();
  result.covariance = std::move(covariance);
  return result;
}

std::vector<float> Compensator::gridMultipliers(double exponent) const {
  std::vector<float> result(width());
  double sum = 0;
  for (int64_t i = 0; i < width(); ++i)
    sum += std::log(factor(i, i));
  for (int64_t i = 0; i < width(); ++i)
    result[order[i]] = roundToBf16(float(
        std::exp(exponent * (std::log(factor(i, i)) -
                             sum / double(std::max<int64_t>(width(), 1))))));
  return result;
}

double Compensator::errorOfUnitStep(ArrayRef<float> multipliers) const {
  double sum = 0;
  for (int64_t i = 0; i < width(); ++i) {
    double step = multipliers.empty() ? 1.0 : multipliers[order[i]];
    step /= factor(i, i);
    sum += step * step / 12;
  }
  return sum;
}

double Compensator::outputEnergy(const Matrix &weight) const {
  Matrix product = multiply(weight, covariance);
  double sum = 0;
  for (size_t i = 0; i < product.values.size(); ++i)
    sum += product.values[i] * weight.values[i];
  return sum;
}

std::vector<double> Compensator::importance() const {
  std::vector<double> result(width());
  for (int64_t i = 0; i < width(); ++i)
    result[order[i]] = 1 / (factor(i, i) * factor(i, i));
  return result;
}

RoundedRows Compensator::round(const Matrix &weight, ArrayRef<float> scales,
                               ArrayRef<float> multipliers) const {
  return round(weight, scales, multipliers, [](double value, int64_t, int64_t) {
    return std::clamp(std::nearbyint(value), -127.0, 127.0);
  });
}

RoundedRows Compensator::round(const Matrix &weight, const GroupGrid &grid,
                               ArrayRef<float> multipliers) const {
  RoundedRows result = round(weight, grid.scales, multipliers,
                             [&](double value, int64_t row, int64_t column) {
                               return grid.nearest(value, row, column);
                             });
  result.multipliers = grid.multipliers;
  return result;
}

RoundedRows Compensator::round(const Matrix &weight, ArrayRef<float> scales,
                               ArrayRef<float> multipliers,
                               Nearest nearest) const {
  int64_t rows = weight.rows, n = width();
  // left: what is still to be rounded; missed: what a block's rounding leaves,
  // over the factor's diagonal.
  Matrix left = weight.transposed().selectRows(order);
  RoundedRows result;
  result.values.resize(rows * n);
  result.scales.assign(scales.begin(), scales.end());
  Matrix change(rows, n);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    int64_t end = std::min(n, begin + kBlock);
    Matrix missed(end - begin, rows);
    for (int64_t i = begin; i < end; ++i) {
      double multiplier = multipliers.empty() ? 1.0 : multipliers[order[i]];
      double inverse = 1 / factor(i, i);
      llvm::MutableArrayRef<double> row = left.row(i);
      llvm::MutableArrayRef<double> miss = missed.row(i - begin);
      for (int64_t r = 0; r < rows; ++r) {
        double step = scales[r] * multiplier;
        double integer = nearest(row[r] / step, r, order[i]);
        result.values[r * n + order[i]] = int8_t(integer);
        double kept = integer * step;
        change(r, order[i]) = kept - weight(r, order[i]);
        miss[r] = (row[r] - kept) * inverse;
      }
      for (int64_t j = i + 1; j < end; ++j) {
        double by = factor(i, j);
        double *to = left.row(j).data();
        for (int64_t r = 0; r < rows; ++r)
          to[r] -= by * miss[r];
      }
    }
    if (end == n)
      break;
    Matrix across(end - begin, n - end);
    for (int64_t i = begin; i < end; ++i)
      std::copy(factor.row(i).begin() + end, factor.row(i).end(),
                across.row(i - begin).begin());
    Matrix update = multiply(across, missed, Form::Transposed);
    for (int64_t j = end; j < n; ++j)
      for (int64_t r = 0; r < rows; ++r)
        left(j, r) -= update(j - end, r);
  }
  double energy = outputEnergy(weight);
  result.error = energy > 0 ? outputEnergy(change) / energy : 0;
  return result;
}

double transformer::bitsOfGrid(const Matrix &weight, double step,
                               ArrayRef<float> multipliers) {
  constexpr int64_t kClasses = 16;
  constexpr double kBitsOfOverflow = 16;
  int64_t rows = weight.rows, columns = weight.columns;
  if (rows == 0 || columns == 0)
    return 0;
  std::vector<double> spread(columns), inverse(columns);
  for (int64_t c = 0; c < columns; ++c) {
    inverse[c] = 1 / (step * (multipliers.empty() ? 1.0 : multipliers[c]));
    for (int64_t r = 0; r < rows; ++r)
      spread[c] += weight(r, c) * weight(r, c);
    spread[c] *= inverse[c] * inverse[c];
  }
  std::vector<int64_t> order(columns), classOf(columns);
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(
      order, [&](int64_t a, int64_t b) { return spread[a] < spread[b]; });
  for (int64_t i = 0; i < columns; ++i)
    classOf[order[i]] = i * kClasses / columns;
  std::vector<std::array<int64_t, 255>> counts(kClasses);
  double bits = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      double integer = std::nearbyint(weight(r, c) * inverse[c]);
      if (std::abs(integer) > 127)
        bits += kBitsOfOverflow; // so that finer grids always need more
      else
        ++counts[classOf[c]][size_t(integer + 127)];
    }
  for (const auto &histogram : counts) {
    int64_t all = std::accumulate(histogram.begin(), histogram.end(), 0LL);
    for (int64_t count : histogram)
      if (count)
        bits += double(count) * std::log2(double(all) / double(count));
  }
  return bits / double(rows * columns);
}
