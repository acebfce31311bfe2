//===- Rounding.cpp - weights as i8 with scales ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RoundingScales.h"

#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

float transformer::storableScale(double scale, ScaleType type) {
  float result = float(scale);
  if (type == ScaleType::BF16)
    result = llvm::bit_cast<float>((llvm::bit_cast<uint32_t>(result) + 0xffff) &
                                   0xffff0000u);
  return result > 0 ? result : 1;
}

RoundedRows transformer::roundRowsToI8(llvm::ArrayRef<float> values,
                                       int64_t rows, int64_t columns,
                                       llvm::ArrayRef<float> divisors,
                                       ScaleType type) {
  RoundedRows result;
  result.values.resize(values.size());
  result.scales.resize(rows);
  std::vector<double> row(columns);
  double lost = 0, all = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float *from = values.data() + r * columns;
    double top = 0;
    for (int64_t c = 0; c < columns; ++c) {
      row[c] = divisors.empty() ? from[c] : double(from[c]) / divisors[c];
      top = std::max(top, std::abs(row[c]));
    }
    // The scale is what f32 holds, so that rounding accounts for it.
    float scale = storableScale(top / 127, type);
    result.scales[r] = scale;
    int8_t *to = result.values.data() + r * columns;
    for (int64_t c = 0; c < columns; ++c) {
      double q = std::nearbyint(row[c] / scale);
      to[c] = int8_t(std::clamp(q, -127.0, 127.0));
      double error = row[c] - to[c] * double(scale);
      if (!divisors.empty())
        error *= divisors[c];
      lost += error * error;
      all += double(from[c]) * from[c];
    }
  }
  result.error = all > 0 ? lost / all : 0;
  return result;
}

float transformer::roundToBf16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  return llvm::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) &
                               0xffff0000u);
}

/// Numbers below 1/1000 of the root of the mean square are raised to it.
static std::vector<double> logarithms(llvm::ArrayRef<double> values) {
  double squares = 0;
  for (double v : values)
    squares += v * v;
  double floor = 1e-3 * std::sqrt(squares / double(values.size()));
  std::vector<double> result;
  for (double v : values)
    result.push_back(floor > 0 ? std::log(std::max(v, floor)) : 0.0);
  return result;
}

std::vector<float>
transformer::smoothingMultipliers(llvm::ArrayRef<double> rms,
                                  llvm::ArrayRef<float> weightMax,
                                  double exponent) {
  std::vector<double> loudness = logarithms(rms);
  std::vector<double> weights =
      logarithms(std::vector<double>(weightMax.begin(), weightMax.end()));
  std::vector<double> powers;
  double sum = 0;
  for (size_t i = 0; i < rms.size(); ++i) {
    powers.push_back((1 - exponent) * weights[i] - exponent * loudness[i]);
    sum += powers.back();
  }
  std::vector<float> result;
  for (double power : powers)
    result.push_back(
        roundToBf16(float(std::exp(power - sum / double(powers.size())))));
  return result;
}
