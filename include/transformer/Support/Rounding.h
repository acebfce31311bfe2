//===- Rounding.h - weights as i8 with scales -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_ROUNDING_H
#define TRANSFORMER_SUPPORT_ROUNDING_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace mlir::transformer {

/// Rows of i8 with a scale each: row r stands for values * scales[r].
struct RoundedRows {
  std::vector<int8_t> values;
  std::vector<float> scales;
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
