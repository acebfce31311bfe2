//===- Elimination.cpp - which inputs of a linear it can do without -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With P, the inverse of the covariance, dropping the inputs s costs
// tr(V_s^T P_ss^-1 V_s), where V is [in, out]; then V -= P_:s P_ss^-1 V_s and
// P -= P_:s P_ss^-1 P_s:.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Elimination.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cblas.h>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;
using llvm::ArrayRef;

std::vector<int64_t> EliminationCurve::kept(int64_t count) const {
  int64_t dropped = std::clamp<int64_t>(groups() - count, 0, order.size());
  std::vector<bool> isDropped(groups());
  for (int64_t i = 0; i < dropped; ++i)
    isDropped[order[i]] = true;
  std::vector<int64_t> result;
  for (int64_t g = 0; g < groups(); ++g)
    if (!isDropped[g])
      result.push_back(g);
  return result;
}

int64_t EliminationCurve::countFor(double error) const {
  int64_t dropped = std::upper_bound(errors.begin(), errors.end(), error) -
                    errors.begin() - 1;
  return groups() - std::max<int64_t>(dropped, 0);
}

Matrix transformer::selection(int64_t size, ArrayRef<int64_t> which) {
  Matrix result(size, which.size());
  for (auto [i, from] : llvm::enumerate(which))
    result(from, i) = 1;
  return result;
}

/// The rows of `weight` times `metric`, transposed.
static Matrix inMetric(const Matrix &weight, ArrayRef<double> metric) {
  Matrix result = weight.transposed();
  if (!metric.empty())
    for (int64_t r = 0; r < result.rows; ++r)
      for (int64_t c = 0; c < result.columns; ++c)
        result(r, c) *= metric[c];
  return result;
}

/// The sum of the products of the elements.
static double inner(const Matrix &a, const Matrix &b) {
  return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(),
                            0.0);
}

static Matrix damped(Matrix covariance, double damping) {
  damp(covariance, damping);
  return covariance;
}

namespace {
/// Inputs one by one. P and V are brought up to date once for many of them, by
/// products of matrices; what a step needs of them follows from the steps
/// since. This is how LAPACK's pivoted factorizations are blocked.
class SingleSteps {
public:
  SingleSteps(Matrix inverse, Matrix weight)
      : p(std::move(inverse)), v(std::move(weight)), alive(p.rows) {
    std::iota(alive.begin(), alive.end(), 0);
    restart();
  }

  /// The input that costs least, and the cost.
  std::pair<int64_t, double> drop() {
    int64_t best = -1;
    double least = INFINITY;
    for (size_t i = 0; i < alive.size(); ++i)
      if (!isDead[i] && score(i) < least)
        least = score(i), best = i;
    if (best < 0) // NaN in all of them
      return {-1, 0};
    int64_t input = alive[best];
    step(best);
    if (int64_t(us.rows) == kBlock)
      bringUpToDate();
    return {input, least};
  }

private:
  static constexpr int64_t kBlock = 64;

  double score(size_t i) const { return norms[i] / diagonal[i]; }

  void restart() {
    int64_t n = p.rows;
    isDead.assign(n, false);
    diagonal.resize(n), norms.resize(n);
    for (int64_t i = 0; i < n; ++i) {
      diagonal[i] = p(i, i);
      norms[i] = 0;
      for (double value : v.row(i))
        norms[i] += value * value;
    }
    us = Matrix(0, n), vs = Matrix(0, v.columns);
  }

  /// to -= rows^T factors, for the pending steps.
  static void subtract(const Matrix &rows, ArrayRef<double> factors,
                       std::vector<double> &to) {
    if (rows.rows)
      cblas_dgemv(CblasRowMajor, CblasTrans, rows.rows, rows.columns, -1.0,
                  rows.values.data(), rows.columns, factors.data(), 1, 1.0,
                  to.data(), 1);
  }

  void step(int64_t j) {
    int64_t n = p.rows, out = v.columns, pending = us.rows;
    std::vector<double> factors(pending);
    for (int64_t k = 0; k < pending; ++k)
      factors[k] = us(k, j);
    std::vector<double> u(p.row(j).begin(), p.row(j).end());
    std::vector<double> w(v.row(j).begin(), v.row(j).end());
    subtract(us, factors, u);
    subtract(vs, factors, w);
    double root = std::sqrt(std::max(u[j], 1e-300));
    for (double &value : u)
      value /= root;
    for (double &value : w)
      value /= root;
    // How each row of V lies to w.
    std::vector<double> along(n);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, out, 1.0, v.values.data(), out,
                w.data(), 1, 0.0, along.data(), 1);
    for (int64_t k = 0; k < pending; ++k)
      factors[k] = cblas_ddot(out, vs.row(k).data(), 1, w.data(), 1);
    subtract(us, factors, along);
    double length = cblas_ddot(out, w.data(), 1, w.data(), 1);
    for (int64_t i = 0; i < n; ++i) {
      norms[i] -= u[i] * (2 * along[i] - u[i] * length);
      diagonal[i] -= u[i] * u[i];
      norms[i] = std::max(norms[i], 0.0);
      diagonal[i] = std::max(diagonal[i], 1e-300);
    }
    isDead[j] = true;
    us.values.insert(us.values.end(), u.begin(), u.end());
    vs.values.insert(vs.values.end(), w.begin(), w.end());
    ++us.rows, ++vs.rows;
  }

  void bringUpToDate() {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, p.rows, p.rows,
                us.rows, -1.0, us.values.data(), us.columns, us.values.data(),
                us.columns, 1.0, p.values.data(), p.columns);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, v.rows, v.columns,
                us.rows, -1.0, us.values.data(), us.columns, vs.values.data(),
                vs.columns, 1.0, v.values.data(), v.columns);
    std::vector<int64_t> left, inputs;
    for (int64_t i = 0; i < p.rows; ++i)
      if (!isDead[i])
        left.push_back(i), inputs.push_back(alive[i]);
    p = p.selectRows(left).selectColumns(left);
    v = v.selectRows(left);
    alive = std::move(inputs);
    restart();
  }

  Matrix p, v, us, vs; // us, vs: a row per pending step
  std::vector<int64_t> alive;
  std::vector<bool> isDead;
  std::vector<double> diagonal, norms;
};

/// Groups of inputs, of which there are few.
class GroupSteps {
public:
  GroupSteps(Matrix inverse, Matrix weight, int64_t size, int64_t candidates)
      : p(std::move(inverse)), v(std::move(weight)), size(size),
        candidates(candidates), alive(p.rows / size) {
    std::iota(alive.begin(), alive.end(), 0);
  }

  std::pair<int64_t, double> drop() {
    int64_t best = -1;
    double least = INFINITY;
    Matrix solved;
    // Ascending: those that never go are the last ones.
    for (size_t i = 0; i < alive.size() && alive[i] < candidates; ++i) {
      std::vector<int64_t> own = inputsOf(i);
      Matrix rows = v.selectRows(own);
      llvm::Expected<Matrix> x =
          solvePositive(p.selectRows(own).selectColumns(own), rows);
      if (!x) {
        llvm::consumeError(x.takeError());
        continue;
      }
      double cost = inner(rows, *x);
      if (cost < least)
        least = cost, best = i, solved = std::move(*x);
    }
    if (best < 0)
      return {-1, 0};
    int64_t group = alive[best];
    remove(best, solved);
    return {group, std::max(least, 0.0)};
  }

private:
  std::vector<int64_t> inputsOf(size_t i) const {
    std::vector<int64_t> own(size);
    std::iota(own.begin(), own.end(), int64_t(i) * size);
    return own;
  }

  void remove(size_t i, const Matrix &solved) {
    std::vector<int64_t> own = inputsOf(i), left;
    for (int64_t r = 0; r < p.rows; ++r)
      if (r / size != int64_t(i))
        left.push_back(r);
    Matrix across = p.selectRows(left).selectColumns(own);
    Matrix change = multiply(across, solved);
    llvm::Expected<Matrix> back = solvePositive(
        p.selectRows(own).selectColumns(own), across.transposed());
    Matrix onP = multiply(across, llvm::cantFail(std::move(back)));
    p = p.selectRows(left).selectColumns(left);
    v = v.selectRows(left);
    for (auto [to, by] : llvm::zip(p.values, onP.values))
      to -= by;
    for (auto [to, by] : llvm::zip(v.values, change.values))
      to -= by;
    alive.erase(alive.begin() + i);
  }

  Matrix p, v;
  int64_t size, candidates;
  std::vector<int64_t> alive;
};
} // namespace

template <typename Steps>
static EliminationCurve sweep(Steps steps, int64_t groups, double variance) {
  EliminationCurve curve;
  double error = 0;
  curve.errors.push_back(0);
  for (int64_t i = 1; i < groups; ++i) {
    auto [group, cost] = steps.drop();
    if (group < 0)
      return {};
    error += cost;
    curve.order.push_back(group);
    curve.errors.push_back(variance > 0 ? error / variance : 0);
  }
  return curve;
}

llvm::Expected<EliminationCurve>
transformer::eliminate(const Matrix &covariance, const Matrix &weight,
                       ArrayRef<double> metric, int64_t groupSize,
                       double damping, std::optional<int64_t> candidates) {
  assert(covariance.rows % groupSize == 0);
  Matrix v = inMetric(weight, metric);
  double variance = inner(v, multiply(covariance, v));
  llvm::Expected<Matrix> inverse = invertPositive(damped(covariance, damping));
  if (!inverse)
    return inverse.takeError();
  int64_t groups = candidates.value_or(covariance.rows / groupSize);
  EliminationCurve curve =
      groupSize == 1 && !candidates
          ? sweep(SingleSteps(std::move(*inverse), std::move(v)), groups,
                  variance)
          : sweep(GroupSteps(std::move(*inverse), std::move(v), groupSize,
                             groups),
                  groups, variance);
  if (curve.errors.empty())
    return makeError("the covariance or the weights are not finite");
  return curve;
}

/// `half` is the covariance times the basis, `small` that from both sides.
static llvm::Expected<Matrix> solveFit(const Matrix &half, const Matrix &small,
                                       const Matrix &weight) {
  llvm::Expected<Matrix> fresh = solvePositive(
      small, multiply(half, weight, Form::Transposed, Form::Transposed));
  if (!fresh)
    return fresh;
  return fresh->transposed();
}

llvm::Expected<Matrix> transformer::refit(const Matrix &covariance,
                                          const Matrix &weight,
                                          const Matrix &basis, double damping) {
  Matrix half = multiply(damped(covariance, damping), basis);
  return solveFit(half, multiply(basis, half, Form::Transposed), weight);
}

llvm::Expected<Matrix> transformer::refit(const Matrix &covariance,
                                          const Matrix &weight,
                                          ArrayRef<int64_t> kept,
                                          double damping) {
  Matrix half = damped(covariance, damping).selectColumns(kept);
  return solveFit(half, half.selectRows(kept), weight);
}

double transformer::relativeError(const Matrix &covariance,
                                  const Matrix &weight, const Matrix &fresh,
                                  const Matrix &basis,
                                  ArrayRef<double> metric) {
  Matrix change = multiply(fresh, basis, Form::AsIs, Form::Transposed);
  for (auto [to, from] : llvm::zip(change.values, weight.values))
    to = from - to;
  auto energyOf = [&](const Matrix &of) {
    Matrix v = inMetric(of, metric);
    return std::max(inner(v, multiply(covariance, v)), 0.0);
  };
  double error = energyOf(change), variance = energyOf(weight);
  if (error == 0)
    return 0;
  return variance > 0 ? error / variance : INFINITY;
}
