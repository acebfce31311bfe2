//===- Rounding.h - weights as i8 with scales -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_ROUNDING_H
#define TRANSFORMER_SUPPORT_ROUNDING_H

#include "llvm/ADT/ArrayRef.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace mlir::transformer {

/// The grids of rows of 4-bit integers: in each group of 64 columns those of
/// -8 to 7 times a multiplier of -15 to 15, so that products fit in 8 bits. The
/// sign lets the largest number of a group be the one of -8.
struct GroupGrid {
  static constexpr int64_t kColumns = 64;
  static constexpr int kLeast = -8, kMost = 7, kMostMultiplier = 15;
  /// The largest product.
  static constexpr int kTop = -kLeast * kMostMultiplier;

  int64_t groups = 0; // of a row
  std::vector<int8_t> multipliers;
  std::vector<float> scales; // of rows

  int8_t multiplier(int64_t row, int64_t column) const {
    return multipliers[row * groups + column / kColumns];
  }
  /// The nearest number of the grid, in units of the row's scale.
  double nearest(double value, int64_t row, int64_t column) const {
    double by = multiplier(row, column);
    return by * std::clamp(std::nearbyint(value / by), double(kLeast),
                           double(kMost));
  }
};

/// Rows of i8 with a scale each: row r stands for values * scales[r].
struct RoundedRows {
  std::vector<int8_t> values;
  std::vector<float> scales;
  /// Of groups of columns, by which their values can be divided; as a rule
  /// none.
  std::vector<int8_t> multipliers;
  /// The energy of what rounding changed, as a part of the energy of all.
  double error = 0;
};

/// How precise the scales are; bf16 ones are f32 numbers that bf16 holds.
enum class ScaleType { F32, BF16 };

/// Symmetric, per row: scale = max |row| / 127, for bf16 the next larger
/// number, q = roundeven(row / scale). A row of zeros has scale 1. With
/// `divisors`, one per column, the columns are divided by them first; the error
/// is that of the original numbers.
RoundedRows roundRowsToI8(llvm::ArrayRef<float> values, int64_t rows,
                          int64_t columns, llvm::ArrayRef<float> divisors = {},
                          ScaleType type = ScaleType::F32);

/// Grids for `values` [rows, columns] over `divisors` (none: 1). A row's scale
/// is that of its largest number; of the multipliers that a group could have,
/// the one with the least sum of squared errors, each times the square of its
/// divisor and its column's `importance` (none: 1).
GroupGrid chooseGroupGrid(llvm::ArrayRef<float> values, int64_t rows,
                          int64_t columns, llvm::ArrayRef<float> divisors,
                          llvm::ArrayRef<double> importance, ScaleType type);

/// `values` over `divisors` to the nearest numbers of `grid`.
RoundedRows roundRowsToGrid(llvm::ArrayRef<float> values, int64_t rows,
                            int64_t columns, llvm::ArrayRef<float> divisors,
                            const GroupGrid &grid);

/// Rows of 4-bit integers as `transformer.unpack_i4` takes them, and back:
/// `values` are products with `multipliers`.
std::vector<int8_t> packI4(llvm::ArrayRef<int8_t> values, int64_t rows,
                           int64_t columns, llvm::ArrayRef<int8_t> multipliers);
std::vector<int8_t> unpackI4(llvm::ArrayRef<int8_t> packed, int64_t rows,
                             int64_t columns,
                             llvm::ArrayRef<int8_t> multipliers);

/// What to multiply the channels of an input by so that input and weight lose
/// equally by rounding (SmoothQuant, with the rms in place of the maximum):
/// weightMax^(1 - exponent) / rms^exponent, scaled to a geometric mean of 1.
/// Channels that are all but silent count as 1/1000 of the loudness of all.
/// The result is numbers that bf16 holds.
std::vector<float> smoothingMultipliers(llvm::ArrayRef<double> rms,
                                        llvm::ArrayRef<float> weightMax,
                                        double exponent);

/// The nearest bf16 number, ties to even; for finite numbers.
float roundToBf16(float value);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_ROUNDING_H
