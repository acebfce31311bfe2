//===- Elimination.h - which inputs of a linear it can do without -*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear y = W x, whose input has the covariance C, is to live on fewer
// inputs: on z = B^T x. Every output is fitted by least squares, so that the
// error that is left is exactly tr(D (W - V B^T) C (W - V B^T)^T) with the new
// weight V, where D, the metric, says how much each output matters. Biases take
// the means, so that errors count about the mean.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_ELIMINATION_H
#define TRANSFORMER_SUPPORT_ELIMINATION_H

#include "transformer/Support/LinearAlgebra.h"

#include <optional>

namespace mlir::transformer {

/// What it costs to drop groups of inputs, one after the other.
struct EliminationCurve {
  /// Groups, the first that goes first. The last one never goes.
  std::vector<int64_t> order;
  /// [k]: the error with k groups dropped and the weights of the others fitted
  /// anew, as a part of the variance of the output. Ascending from 0.
  std::vector<double> errors;

  int64_t groups() const { return int64_t(errors.size()); }
  /// The groups that are left when `count` of them are, ascending.
  std::vector<int64_t> kept(int64_t count) const;
  /// The smallest number of groups whose error is at most `error`.
  int64_t countFor(double error) const;
};

/// Backward elimination (Hassibi and Stork, "Optimal Brain Surgeon", 1993, for
/// the inputs of a linear): in each step the group goes whose loss, with all
/// others fitted anew, adds the least error. `weight` is [out, in], `metric`
/// the square roots of D (none: 1), inputs of one group follow each other.
/// `damping` of the mean variance is added to each, against inputs that repeat
/// others. `candidates`: groups after so many never go; they are no part of the
/// curve.
llvm::Expected<EliminationCurve>
eliminate(const Matrix &covariance, const Matrix &weight,
          llvm::ArrayRef<double> metric, int64_t groupSize, double damping,
          std::optional<int64_t> candidates = std::nullopt);

/// The weight [out, columns of `basis`] for z = basis^T x in place of x. Errors
/// of the weight itself count too, by `damping` of the mean variance: where
/// the covariance knows nothing, the old weights stay.
llvm::Expected<Matrix> refit(const Matrix &covariance, const Matrix &weight,
                             const Matrix &basis, double damping);
/// The same for the inputs `kept`.
llvm::Expected<Matrix> refit(const Matrix &covariance, const Matrix &weight,
                             llvm::ArrayRef<int64_t> kept, double damping);

/// The error of `fresh` on basis^T x in place of `weight` on x, as a part of
/// the variance of the output; 0 if both are 0.
double relativeError(const Matrix &covariance, const Matrix &weight,
                     const Matrix &fresh, const Matrix &basis,
                     llvm::ArrayRef<double> metric);

/// The columns of an identity matrix.
Matrix selection(int64_t size, llvm::ArrayRef<int64_t> which);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_ELIMINATION_H
