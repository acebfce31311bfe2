//===- PairModel.cpp - two products in one launch, or in two --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The roofline of the performance model, and a time for each launch. One launch
// saves a launch and the way of the first product's results to memory and back;
// it makes them anew for each group of columns, and its tiles are those of
// mma.sync, smaller ones. Tiles count whole, with the rows and columns that do
// not exist.
//===----------------------------------------------------------------------===//
#include "PairModel.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir::transformer::gpu;

double mlir::transformer::gpu::pairSeconds(const PairWork &work, int64_t groups,
                                           int64_t rows,
                                           const ChipRates &rates) {
  PairTile tile = work.tile();
  double blocks = double(llvm::divideCeil(rows, tile.m())) * groups;
  double columns = double(tile.up.n * tile.tilesOfGroup(work.n, groups));
  double operations = blocks * 2 * tile.m() *
                      (double(work.k) * llvm::alignTo(work.rank, tile.down.n) +
                       double(work.rank) * columns);
  double bytes =
      double(rows) * (work.k * work.size + work.n * work.resultSize) +
      double(work.rank) * (work.k + work.n) * work.size;
  return kLaunchSeconds + rooflineSeconds(bytes, operations,
                                          rates.tensor * (work.isI8() ? 2 : 1),
                                          int64_t(blocks), rates);
}

/// Of one `linear`, or `linear_wgmma`, of k to n columns.
static double linearSeconds(int64_t rows, int64_t n, int64_t k, int64_t size,
                            int64_t resultSize, const ChipRates &rates,
                            bool hasWgmma) {
  int64_t m, columns;
  if (hasWgmma) {
    WgmmaTile tile = wgmmaTile(
        n, k * size, rows <= mostFewRows(n, k * size, rates.multiprocessors));
    m = tile.m(), columns = tile.n;
  } else {
    LinearTile tile =
        linearTile(n, rows <= mostFewRows(n, rates.multiprocessors));
    m = tile.m, columns = tile.n;
  }
  double blocks =
      double(llvm::divideCeil(rows, m)) * llvm::divideCeil(n, columns);
  double bytes =
      double(rows) * (k * size + n * resultSize) + double(n) * k * size;
  double peak = hasWgmma ? rates.wgmma : rates.tensor;
  return kLaunchSeconds + rooflineSeconds(bytes, blocks * 2 * m * columns * k,
                                          peak * (size == 1 ? 2 : 1),
                                          int64_t(blocks), rates);
}

double mlir::transformer::gpu::twoLaunchesSeconds(const PairWork &work,
                                                  int64_t rows,
                                                  const ChipRates &rates,
                                                  bool hasWgmma) {
  double seconds = linearSeconds(rows, work.rank, work.k, work.size,
                                 work.hiddenSize, rates, hasWgmma) +
                   linearSeconds(rows, work.n, work.rank, work.size,
                                 work.resultSize, rates, hasWgmma);
  if (work.isI8())
    seconds += kLaunchSeconds + double(rows) * work.rank *
                                    (work.hiddenSize + work.size) /
                                    rates.bytesPerSecond;
  return seconds;
}

std::vector<PairChoice>
mlir::transformer::gpu::choosePairs(const PairWork &work,
                                    const ChipRates &rates, bool hasWgmma) {
  // Calls have at most 32768 rows. Few rows have as many groups as there are
  // tiles of columns, many have one, and some have a number between: three
  // kernels are enough. What differs by less than a tenth the model does not
  // tell apart: then it is what it is for fewer rows.
  constexpr int64_t kMostRows = 32768;
  constexpr double kMargin = 1.1;
  PairTile tile = work.tile();
  int64_t tiles = tile.tiles(work.n);
  std::vector<PairChoice> choices;
  for (int64_t rows = tile.m(); rows <= kMostRows; rows *= 2) {
    PairChoice choice{0, rows, rows, 0,
                      twoLaunchesSeconds(work, rows, rates, hasWgmma)};
    int64_t best = 0;
    for (int64_t groups :
         {tiles, int64_t(llvm::divideCeil(tiles, 4)), int64_t(1)}) {
      double seconds = pairSeconds(work, groups, rows, rates);
      if (!best || seconds < choice.one)
        best = groups, choice.one = seconds;
    }
    if (choice.one <= choice.two)
      choice.groups = best;
    if (!choices.empty()) {
      int64_t last = choices.back().groups;
      double kept = last ? pairSeconds(work, last, rows, rates) : choice.two;
      if (kept <= kMargin * std::min(choice.one, choice.two)) {
        choices.back().most = rows;
        continue;
      }
    }
    choices.push_back(choice);
  }
  choices.back().most = INT64_MAX;
  return choices;
}
