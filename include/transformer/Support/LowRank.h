//===- LowRank.h - products of fewer channels -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_LOWRANK_H
#define TRANSFORMER_SUPPORT_LOWRANK_H

#include "transformer/Support/LinearAlgebra.h"

namespace mlir::transformer {

/// Factors of a symmetric matrix without negative eigenvalues: `half` half^T is
/// the matrix, and `inverse` inverse^T its inverse on the directions that it
/// has; a column for each.
struct SymmetricRoot {
  Matrix half, inverse;
};
/// Eigenvalues below 1e-13 of the largest count as zero.
llvm::Expected<SymmetricRoot> rootOf(const Matrix &symmetric);

/// The best approximations of a linear by two: W ~ up[:, :r] down[:r, :]. The
/// channels between have variance 1 and do not correlate.
struct LowRank {
  Matrix down, up; // [channels, in], [out, channels], the best first
  /// Of each channel in the output; all of them sum up to `variance`.
  std::vector<double> energies;
  double variance = 0;

  int64_t channels() const { return int64_t(energies.size()); }
  /// The part of the variance that `rank` channels lose.
  double errorOf(int64_t rank) const;
  /// The smallest rank that loses at most `error`; all channels if none does.
  int64_t rankFor(double error) const;
};

struct LowRankOptions {
  /// Of the mean variance of the input; see `refit`.
  double damping = 1e-4;
  /// Channels that are wanted at most; 0: all. They come of random
  /// projections (Halko, Martinsson and Tropp, 2011) where all would be more
  /// than `exactBelow` and more than these.
  int64_t most = 0, exactBelow = 1024;
  uint64_t seed = 0;
};

/// Of `weight` [out, in] on inputs of this covariance, outputs weighing by
/// `metric` (square roots; none: 1). This is the singular value decomposition
/// in the metric of the activations (Chen et al., "DRONE", 2021).
llvm::Expected<LowRank> lowRankOf(const Matrix &covariance,
                                  const Matrix &weight,
                                  llvm::ArrayRef<double> metric,
                                  const LowRankOptions &options);

/// Rows as some of their columns: `down`[:, rest] = `down`[:, pivots] mix, both
/// in ascending order.
struct Interpolation {
  std::vector<int64_t> pivots, rest;
  Matrix mix; // [pivots, rest]
};
/// The interpolative decomposition of `down` [r, n], whose rank is r, with no
/// entry of the mix above `bound` (more than 1) once column i of `down` is
/// counted in units of `sizes`[i]: pivots by QR, exchanged until it holds (Gu
/// and Eisenstat, 1996).
llvm::Expected<Interpolation>
interpolate(const Matrix &down, llvm::ArrayRef<double> sizes, double bound = 2);

/// Scores q k^T on fewer channels: q' = query q and k' = key k.
struct NarrowScores {
  Matrix query, key; // [channels, old channels], the best first
  std::vector<double> energies;
};
/// The best ones, if `queries` is E[q q^T] and `keys` the covariance of the
/// keys of one head: what all keys share shifts all scores of a query and
/// changes no softmax. Queries of several heads with the same keys add up.
llvm::Expected<NarrowScores> narrowScores(const Matrix &queries,
                                          const Matrix &keys);

/// The covariance [out, out] of what `weight` makes of its input.
Matrix covarianceThrough(const Matrix &weight, const Matrix &covariance);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_LOWRANK_H
