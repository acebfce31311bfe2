//===- GroupGrid.cpp - weights as 4-bit integers in groups ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RoundingScales.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

/// Numbers of a group over what their columns are divided by, and what an
/// error of each counts.
namespace {
struct Group {
  double values[GroupGrid::kColumns], weights[GroupGrid::kColumns];
  int64_t count = 0;
  double top = 0;

  /// Of rounding to multiples of `step`.
  double errorOf(double step) const {
    double sum = 0, inverse = 1 / step;
    for (int64_t i = 0; i < count; ++i) {
      double integer =
          std::clamp(std::nearbyint(values[i] * inverse),
                     double(GroupGrid::kLeast), double(GroupGrid::kMost));
      double error = values[i] - integer * step;
      sum += weights[i] * error * error;
    }
    return sum;
  }

  /// In units of `scale`. Steps down to half of what takes the largest number
  /// are tried: others are rounded better for it.
  int8_t bestMultiplier(double scale) const {
    double whole = top / (GroupGrid::kMost * scale);
    int last = std::clamp(int(std::ceil(whole)), 1, GroupGrid::kMostMultiplier);
    int first = std::clamp(int(whole / 2), 1, last), best = last;
    double least = errorOf(best * scale);
    for (int size = last; size >= first; --size)
      for (int m : {size, -size}) {
        double error = errorOf(m * scale);
        if (error < least)
          least = error, best = m;
      }
    return int8_t(best);
  }
};
} // namespace

GroupGrid transformer::chooseGroupGrid(llvm::ArrayRef<float> values,
                                       int64_t rows, int64_t columns,
                                       llvm::ArrayRef<float> divisors,
                                       llvm::ArrayRef<double> importance,
                                       ScaleType type) {
  GroupGrid grid;
  grid.groups = (columns + GroupGrid::kColumns - 1) / GroupGrid::kColumns;
  grid.multipliers.resize(rows * grid.groups);
  std::vector<Group> groups(grid.groups);
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = values.data() + r * columns;
    double top = 0;
    for (int64_t c = 0; c < columns; ++c) {
      Group &group = groups[c / GroupGrid::kColumns];
      int64_t at = c % GroupGrid::kColumns;
      if (at == 0)
        group.count = 0, group.top = 0;
      double divisor = divisors.empty() ? 1.0 : divisors[c];
      group.values[at] = row[c] / divisor;
      group.weights[at] =
          divisor * divisor * (importance.empty() ? 1.0 : importance[c]);
      group.top = std::max(group.top, std::abs(group.values[at]));
      ++group.count;
      top = std::max(top, group.top);
    }
    float scale = storableScale(top / GroupGrid::kTop, type);
    grid.scales.push_back(scale);
    for (int64_t g = 0; g < grid.groups; ++g)
      grid.multipliers[r * grid.groups + g] = groups[g].bestMultiplier(scale);
  }
  return grid;
}

RoundedRows transformer::roundRowsToGrid(llvm::ArrayRef<float> values,
                                         int64_t rows, int64_t columns,
                                         llvm::ArrayRef<float> divisors,
                                         const GroupGrid &grid) {
  RoundedRows result;
  result.scales = grid.scales;
  result.multipliers = grid.multipliers;
  result.values.resize(values.size());
  double lost = 0, all = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      double value = values[r * columns + c];
      double divisor = divisors.empty() ? 1.0 : divisors[c];
      double step = grid.scales[r] * divisor;
      double integer = grid.nearest(value / step, r, c);
      result.values[r * columns + c] = int8_t(integer);
      double error = value - integer * step;
      lost += error * error;
      all += value * value;
    }
  result.error = all > 0 ? lost / all : 0;
  return result;
}

static int64_t packedWidth(int64_t columns) { return (columns + 7) / 8 * 4; }

/// Of the byte that holds column c, and whether it is the high half.
static int64_t byteOf(int64_t column) { return column / 8 * 4 + column % 4; }
static bool isHigh(int64_t column) { return column % 8 >= 4; }

std::vector<int8_t> transformer::packI4(llvm::ArrayRef<int8_t> values,
                                        int64_t rows, int64_t columns,
                                        llvm::ArrayRef<int8_t> multipliers) {
  int64_t width = packedWidth(columns);
  int64_t groups = (columns + GroupGrid::kColumns - 1) / GroupGrid::kColumns;
  std::vector<int8_t> packed(rows * width);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      int integer = values[r * columns + c] /
                    multipliers[r * groups + c / GroupGrid::kColumns];
      int8_t &byte = packed[r * width + byteOf(c)];
      byte = int8_t(byte | (integer & 15) << (isHigh(c) ? 4 : 0));
    }
  return packed;
}

std::vector<int8_t> transformer::unpackI4(llvm::ArrayRef<int8_t> packed,
                                          int64_t rows, int64_t columns,
                                          llvm::ArrayRef<int8_t> multipliers) {
  int64_t width = packedWidth(columns);
  int64_t groups = (columns + GroupGrid::kColumns - 1) / GroupGrid::kColumns;
  std::vector<int8_t> values(rows * columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      auto byte = uint8_t(packed[r * width + byteOf(c)]);
      int integer = isHigh(c) ? byte >> 4 : byte & 15;
      integer = integer < 8 ? integer : integer - 16;
      values[r * columns + c] =
          int8_t(integer * multipliers[r * groups + c / GroupGrid::kColumns]);
    }
  return values;
}
