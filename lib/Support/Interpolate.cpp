//===- Interpolate.cpp - all columns from some of them --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Error.h"
#include "transformer/Support/LowRank.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using llvm::ArrayRef;

/// The mix once pivot `i` and column `j` of the rest have changed places.
static void exchange(Matrix &mix, int64_t i, int64_t j) {
  double by = 1 / mix(i, j);
  std::vector<double> column(mix.rows);
  for (int64_t k = 0; k < mix.rows; ++k)
    column[k] = mix(k, j);
  for (double &value : mix.row(i))
    value *= by;
  mix(i, j) = by;
  for (int64_t k = 0; k < mix.rows; ++k) {
    if (k == i)
      continue;
    mix(k, j) = 0;
    for (int64_t c = 0; c < mix.columns; ++c)
      mix(k, c) -= column[k] * mix(i, c);
  }
}

llvm::Expected<Interpolation> transformer::interpolate(const Matrix &down,
                                                       ArrayRef<double> sizes,
                                                       double bound) {
  int64_t rank = down.rows;
  Matrix scaled = down;
  for (int64_t r = 0; r < rank; ++r)
    for (auto [value, size] : llvm::zip_equal(scaled.row(r), sizes))
      value *= size;
  std::vector<int64_t> order = pivotColumns(scaled);
  Interpolation result;
  result.pivots.assign(order.begin(), order.begin() + rank);
  result.rest.assign(order.begin() + rank, order.end());
  auto mixOf = [&](const Matrix &of) {
    return solve(of.selectColumns(result.pivots),
                 of.selectColumns(result.rest));
  };
  llvm::Expected<Matrix> mix = mixOf(scaled);
  if (!mix)
    return mix.takeError();
  // Each exchange makes the volume of the pivots `bound` times larger or more,
  // so it ends; and solving again takes out what rounding has added.
  for (int round = 0; round < 3; ++round) {
    int64_t count = 0;
    while (!mix->values.empty()) {
      auto most = llvm::max_element(mix->values, [](double a, double b) {
        return std::abs(a) < std::abs(b);
      });
      if (!(std::abs(*most) > bound))
        break;
      int64_t at = most - mix->values.begin();
      int64_t i = at / mix->columns, j = at % mix->columns;
      exchange(*mix, i, j);
      std::swap(result.pivots[i], result.rest[j]);
      ++count;
    }
    llvm::sort(result.pivots);
    llvm::sort(result.rest);
    mix = mixOf(scaled);
    if (!mix)
      return mix.takeError();
    if (!count)
      break;
  }
  for (int64_t r = 0; r < rank; ++r)
    for (int64_t c = 0; c < mix->columns; ++c)
      (*mix)(r, c) *= sizes[result.pivots[r]] / sizes[result.rest[c]];
  result.mix = std::move(*mix);
  return result;
}
