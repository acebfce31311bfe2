//===- AttentionOracle.cpp - attention in double precision ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionOracle.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

static double toBf16(double value) {
  llvm::APFloat rounded(static_cast<float>(value));
  bool lossy;
  rounded.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven,
                  &lossy);
  return rounded.convertToDouble();
}

namespace {
/// A row as products take it: values times a scale.
struct Rounded {
  std::vector<double> values;
  double scale = 1;
  bool zeros = false;
};
} // namespace

static Rounded roundRow(const float *row, int64_t width,
                        const std::string &products) {
  Rounded result;
  float largest = 0;
  bool finite = true;
  for (int64_t c = 0; c < width; ++c) {
    result.values.push_back(products == "bf16" ? toBf16(row[c]) : row[c]);
    largest = std::max(largest, std::fabs(row[c]));
    finite &= std::isfinite(row[c]);
  }
  if (products != "i8")
    return result;
  result.zeros = finite && largest < 0x1p-100f;
  result.scale = finite ? (result.zeros ? 1 : largest / 127.0f) : NAN;
  float factor = 127.0f / largest;
  for (int64_t c = 0; c < width; ++c)
    result.values[c] =
        !finite || result.zeros
            ? 0
            : std::nearbyint(static_cast<float>(row[c] * factor));
  return result;
}

std::vector<Expected> test::attentionRow(const AttentionData &data, int64_t i) {
  std::vector<Expected> out(data.width);
  Rounded q = roundRow(data.q + i * data.stride, data.depth, data.products);
  std::vector<Rounded> values;
  std::vector<double> weights;
  double top = -INFINITY, sum = 0;
  for (int64_t j = 0; j < data.keys; ++j) {
    double bias = data.bias ? data.bias[i * data.keys + j] : 0;
    if ((data.causal && j > i + data.keys - data.rows) || bias == -INFINITY)
      continue;
    Rounded k = roundRow(data.k + j * data.stride, data.depth, data.products);
    values.push_back(
        roundRow(data.v + j * data.stride, data.width, data.products));
    double dot = 0;
    for (int64_t l = 0; l < data.depth; ++l)
      dot += q.values[l] * k.values[l];
    weights.push_back(dot * q.scale * k.scale * data.scale + bias);
    top = std::max(top, weights.back());
  }
  if (weights.empty())
    return out;
  for (double &weight : weights)
    sum += weight = std::exp(weight - top);

  // Weights as products take them, and how far those may be off.
  std::vector<double> slack(weights.size());
  double unit = 1, largest = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    if (data.products == "bf16") {
      double exact = weights[j];
      weights[j] = toBf16(exact);
      slack[j] =
          std::fabs(toBf16(exact * (1 + 1e-5)) - toBf16(exact * (1 - 1e-5)));
    } else if (data.products == "i8") {
      weights[j] *= values[j].zeros ? 0 : values[j].scale;
      largest =
          std::isnan(weights[j]) ? weights[j] : std::max(largest, weights[j]);
    }
  }
  if (data.products == "i8" && largest != 0) {
    unit = largest / 255;
    for (size_t j = 0; j < weights.size(); ++j) {
      double exact = weights[j] / unit;
      weights[j] = std::nearbyint(exact);
      // The score's own rounding grows with the score.
      slack[j] = std::nearbyint(exact * (1 + 2e-5) + 1e-4) -
                 std::nearbyint(exact * (1 - 2e-5) - 1e-4);
    }
  }
  for (int64_t c = 0; c < data.width; ++c) {
    double magnitude = 0;
    for (size_t j = 0; j < weights.size(); ++j) {
      out[c].value += weights[j] * values[j].values[c] * unit / sum;
      magnitude += std::fabs(weights[j] * values[j].values[c] * unit / sum);
      out[c].tolerance +=
          std::fabs(slack[j] * values[j].values[c] * unit / sum);
    }
    // The largest weight, which i8 are relative to, is known to 1e-5.
    double relative = data.products == "i8" ? 2e-5 : 4e-6;
    out[c].tolerance += 2e-6 + relative * magnitude;
  }
  return out;
}
