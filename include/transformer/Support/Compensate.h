//===- Compensate.h - rounding that later rounding makes up for -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding a weight changes the output of its layer by an error E x with the
// energy tr(E C ET), where C is the covariance of the input x. Columns are
// rounded one after the other, and what each leaves is taken to the columns
// that are not rounded yet, where the input's correlations allow it (Frantar et
// al., "GPTQ", 2022; Hassibi and Stork, "Optimal Brain Surgeon", 1992).
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_COMPENSATE_H
#define TRANSFORMER_SUPPORT_COMPENSATE_H

#include "transformer/Support/LinearAlgebra.h"
#include "transformer/Support/Rounding.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::transformer {

/// For all weights of one input.
class Compensator {
public:
  /// `covariance` of the input, to which `damping` times its mean variance is
  /// added. Fails if that is not positive definite.
  static llvm::Expected<Compensator> create(Matrix covariance,
                                            double damping = 0.01);

  int64_t width() const { return covariance.rows; }

  /// How far apart each channel's grid may be, against the others, for errors
  /// of the same size: the inverse of the spread that the channels rounded
  /// later leave unexplained, to the power of `exponent`, scaled to a geometric
  /// mean of 1. Numbers that bf16 holds. An exponent of 1 is the optimum for
  /// fine grids; where most weights become 0 it is smaller.
  std::vector<float> gridMultipliers(double exponent) const;

  /// The energy of the output's error that grids of step 1 * multiplier cost
  /// per output channel: sum of (multiplier * unexplained spread)^2 / 12.
  double errorOfUnitStep(llvm::ArrayRef<float> multipliers) const;

  /// The energy of the outputs of `weight` [rows, columns]: tr(W C WT).
  double outputEnergy(const Matrix &weight) const;

  /// What an error of a channel costs that those rounded later make up for as
  /// far as they can.
  std::vector<double> importance() const;

  /// Rounds `weight` [rows, width] to integers of -127 to 127 times the row's
  /// scale and the column's multiplier (none: 1). `error` of the result is the
  /// energy of the output's error as a part of outputEnergy.
  RoundedRows round(const Matrix &weight, llvm::ArrayRef<float> scales,
                    llvm::ArrayRef<float> multipliers) const;
  /// The same to the integers of `grid`.
  RoundedRows round(const Matrix &weight, const GroupGrid &grid,
                    llvm::ArrayRef<float> multipliers) const;

private:
  /// The nearest integer that the element (row, column) can be.
  using Nearest =
      llvm::function_ref<double(double value, int64_t row, int64_t column)>;
  RoundedRows round(const Matrix &weight, llvm::ArrayRef<float> scales,
                    llvm::ArrayRef<float> multipliers, Nearest nearest) const;

  Matrix covariance;          // as measured
  std::vector<int64_t> order; // of rounding: loud channels first
  /// Of the damped, ordered covariance: inverse = factorT factor, upper.
  Matrix factor;
};

/// The bits per weight that an entropy coder needs for `weight` [rows, columns]
/// divided by step * multiplier and rounded: columns in 16 classes by their
/// spread, each coded by its own frequencies. Integers beyond 127 count as 16
/// bits each.
double bitsOfGrid(const Matrix &weight, double step,
                  llvm::ArrayRef<float> multipliers);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_COMPENSATE_H
