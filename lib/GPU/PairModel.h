//===- PairModel.h - two products in one launch, or in two ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_PAIRMODEL_H
#define TRANSFORMER_LIB_GPU_PAIRMODEL_H

#include "Tiles.h"
#include "transformer/GPU/PerformanceModel.h"

namespace mlir::transformer::gpu {

/// Rows of k numbers to `rank` ones, and those to n. Sizes are in bytes of a
/// number: of factors, of what is between the products in memory, and of
/// results with the residual.
struct PairWork {
  int64_t n, k, rank, size, hiddenSize, resultSize;
  bool isI8() const { return size == 1; }
  PairTile tile() const {
    return pairTile(n, rank, size, isI8() ? hiddenSize : 0);
  }
};

/// How long both products of some rows should take, in one launch.
double pairSeconds(const PairWork &work, int64_t groups, int64_t rows,
                   const ChipRates &rates);
/// The same in two launches, and one between them that rounds to i8.
double twoLaunchesSeconds(const PairWork &work, int64_t rows,
                          const ChipRates &rates, bool hasWgmma);

/// What is best for more rows than the choice before this one is for, and at
/// most `most`: one launch with so many groups of columns, or, if 0, two.
struct PairChoice {
  int64_t groups, most;
  int64_t rows; // of which the times are
  double one, two;
};
std::vector<PairChoice> choosePairs(const PairWork &work,
                                    const ChipRates &rates, bool hasWgmma);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_PAIRMODEL_H
