//===- LowRank.cpp - products of fewer channels ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/LowRank.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace mlir;
using namespace mlir::transformer;
using llvm::ArrayRef;

llvm::Expected<SymmetricRoot> transformer::rootOf(const Matrix &symmetric) {
  llvm::Expected<Eigen> eigen = eigenSymmetric(symmetric);
  if (!eigen)
    return eigen.takeError();
  int64_t n = symmetric.rows, count = 0;
  while (count < n && eigen->values[count] > 0 &&
         eigen->values[count] > 1e-13 * eigen->values[0])
    ++count;
  SymmetricRoot root{Matrix(n, count), Matrix(n, count)};
  for (int64_t c = 0; c < count; ++c) {
    double scale = std::sqrt(eigen->values[c]);
    for (int64_t r = 0; r < n; ++r) {
      root.half(r, c) = eigen->vectors(r, c) * scale;
      root.inverse(r, c) = eigen->vectors(r, c) / scale;
    }
  }
  return root;
}

Matrix transformer::covarianceThrough(const Matrix &weight,
                                      const Matrix &covariance) {
  return multiply(weight,
                  multiply(covariance, weight, Form::AsIs, Form::Transposed));
}

double LowRank::errorOf(int64_t rank) const {
  if (!(variance > 0))
    return 0;
  double kept = 0;
  for (int64_t i = 0; i < std::min(rank, channels()); ++i)
    kept += energies[i];
  return std::max(0.0, 1 - kept / variance);
}

int64_t LowRank::rankFor(double error) const {
  double kept = 0;
  for (int64_t rank = 0; rank < channels(); ++rank) {
    // Rounding leaves a little of nothing.
    if (1 - kept / variance <= error + 1e-14)
      return rank;
    kept += energies[rank];
  }
  return channels();
}

/// Columns that span the same, orthonormal.
static llvm::Expected<Matrix> orthonormal(Matrix columns) {
  for (int i = 0; i < 2; ++i) { // the second time for what rounding left
    llvm::Expected<SymmetricRoot> root =
        rootOf(multiply(columns, columns, Form::Transposed));
    if (!root)
      return root.takeError();
    columns = multiply(columns, root->inverse);
  }
  return columns;
}

/// The largest `count` singular values of `a` and their vectors, from what `a`
/// makes of random vectors.
static llvm::Expected<Svd> randomizedSvd(const Matrix &a, int64_t count,
                                         uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Matrix probes(a.columns, std::min(count + 32, a.columns));
  for (double &value : probes.values)
    value = normal(engine);
  Matrix seen = multiply(a, probes);
  for (int round = 0; round < 3; ++round) {
    llvm::Expected<Matrix> basis = orthonormal(std::move(seen));
    if (!basis)
      return basis.takeError();
    llvm::Expected<Matrix> back =
        orthonormal(multiply(a, *basis, Form::Transposed));
    if (!back)
      return back.takeError();
    seen = multiply(a, *back);
  }
  llvm::Expected<Matrix> basis = orthonormal(std::move(seen));
  if (!basis)
    return basis.takeError();
  llvm::Expected<Svd> small = svd(multiply(*basis, a, Form::Transposed));
  if (!small)
    return small;
  small->u = multiply(*basis, small->u);
  return small;
}

llvm::Expected<LowRank> transformer::lowRankOf(const Matrix &covariance,
                                               const Matrix &weight,
                                               ArrayRef<double> metric,
                                               const LowRankOptions &options) {
  Matrix damped = covariance;
  damp(damped, options.damping);
  llvm::Expected<SymmetricRoot> root = rootOf(damped);
  if (!root)
    return root.takeError();
  Matrix seen = multiply(weight, root->half);
  if (!metric.empty())
    for (int64_t r = 0; r < seen.rows; ++r)
      for (double &value : seen.row(r))
        value *= metric[r];
  int64_t all = std::min(seen.rows, seen.columns);
  int64_t count = options.most ? std::min(options.most, all) : all;
  llvm::Expected<Svd> parts = all > options.exactBelow && count + 32 < all
                                  ? randomizedSvd(seen, count, options.seed)
                                  : svd(seen);
  if (!parts)
    return parts.takeError();
  LowRank result;
  result.variance = seen.energy();
  count = std::min<int64_t>(count, parts->values.size());
  std::vector<int64_t> first(count);
  std::iota(first.begin(), first.end(), 0);
  result.down = multiply(parts->vt.selectRows(first), root->inverse, Form::AsIs,
                         Form::Transposed);
  result.up = parts->u.selectColumns(first);
  for (int64_t i = 0; i < count; ++i) {
    double value = parts->values[i];
    result.energies.push_back(value * value);
    for (int64_t r = 0; r < result.up.rows; ++r)
      result.up(r, i) *= value / (metric.empty() ? 1.0 : metric[r]);
  }
  return result;
}

llvm::Expected<NarrowScores> transformer::narrowScores(const Matrix &queries,
                                                       const Matrix &keys) {
  llvm::Expected<SymmetricRoot> q = rootOf(queries);
  if (!q)
    return q.takeError();
  llvm::Expected<SymmetricRoot> k = rootOf(keys);
  if (!k)
    return k.takeError();
  llvm::Expected<Svd> core = svd(multiply(q->half, k->half, Form::Transposed));
  if (!core)
    return core.takeError();
  NarrowScores result;
  result.query =
      multiply(core->u, q->inverse, Form::Transposed, Form::Transposed);
  result.key = multiply(core->vt, k->inverse, Form::AsIs, Form::Transposed);
  for (auto [i, value] : llvm::enumerate(core->values)) {
    result.energies.push_back(value * value);
    for (Matrix *map : {&result.query, &result.key})
      for (double &factor : map->row(i))
        factor *= std::sqrt(value);
  }
  return result;
}
