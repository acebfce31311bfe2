//===- Tiles.cpp - the tile table -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tiles.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::transformer::gpu;

RowsTile mlir::transformer::gpu::rowsTile(int64_t width) {
  RowsTile tile;
  // 16 bytes of f16 at once.
  tile.vector =
      std::min<int64_t>(8, int64_t(1) << llvm::countr_zero(uint64_t(width)));
  auto chunks = [&] {
    return llvm::divideCeil(width, tile.vector * tile.lanes());
  };
  for (tile.warps = 1; int64_t(chunks()) * tile.vector > 32 && tile.warps < 32;)
    tile.warps *= 2;
  tile.chunks = chunks();
  return tile;
}

LinearTile mlir::transformer::gpu::linearTile(int64_t n, bool isFew) {
  // Few rows: as many blocks as there can be, which wait seldom and read far
  // ahead, because there is little to multiply meanwhile.
  if (isFew)
    return {32, 32, 128, 5, 2, 2};
  // Few columns: narrow blocks, so that there are enough of them.
  if (n < 128)
    return {64, 64, 64, 3, 2, 2};
  return {128, 128, 64, 3, 2, 2};
}

/// Rows of blocks of the usual size, of which so many multiprocessors have one.
static int64_t rowsOf(int64_t multiprocessors, int64_t n, int64_t columns,
                      int64_t rows) {
  return multiprocessors / llvm::divideCeil(n, columns) * rows;
}

int64_t mlir::transformer::gpu::mostFewRows(int64_t n,
                                            int64_t multiprocessors) {
  // Small tiles read their factors so much more often that the cache gives
  // them a quarter of what the tensor cores could do.
  LinearTile usual = linearTile(n, /*isFew=*/false);
  return rowsOf(multiprocessors / 4, n, usual.n, usual.m);
}

PairTile mlir::transformer::gpu::pairTile(int64_t n, int64_t rank, int64_t size,
                                          int64_t roundedFrom) {
  auto tile = [](int64_t columns) -> LinearTile {
    return {64, columns <= 64 ? 64 : 128, 64, 3, 2, 2};
  };
  return {tile(rank), tile(n), rank, size, roundedFrom};
}

WgmmaTile mlir::transformer::gpu::wgmmaTile(int64_t n, int64_t rowBytes,
                                            bool isFew) {
  // Few rows: as many blocks as there can be. Their products are soon done, so
  // that waiting for the next stage should be seldom, and far ahead.
  if (isFew)
    return {1, 64, 6, 2};
  if (n <= 64)
    return {2, 64, 4};
  // Rows are multiplied soon: of two blocks on a multiprocessor, one multiplies
  // while the other writes its results.
  if (rowBytes <= 16 * WgmmaTile::kPanelBytes)
    return {2, 128, 3};
  // Wide blocks read less for each product. The fewest columns for nothing;
  // then those of which there are more blocks.
  WgmmaTile best{2, 192, 4};
  for (int64_t wide : {256, 128})
    if (llvm::alignTo(n, wide) < llvm::alignTo(n, best.n))
      best.n = wide;
  return best;
}

int64_t mlir::transformer::gpu::mostFewRows(int64_t n, int64_t rowBytes,
                                            int64_t multiprocessors) {
  // Up to half of the multiprocessors would have no block of the usual size.
  WgmmaTile usual = wgmmaTile(n, rowBytes, /*isFew=*/false);
  return rowsOf(multiprocessors / 2, n, usual.n, usual.m());
}

AttentionTile mlir::transformer::gpu::attentionTile(int64_t qkDim,
                                                    int64_t valueDim) {
  // Wide heads hold more of the result in registers: fewer keys at a time.
  bool isWide = qkDim > 64 || valueDim > 64;
  return {64, isWide ? 32 : 64, 2 * qkDim, 2 * valueDim};
}

AttentionTile mlir::transformer::gpu::attentionWgmmaTile(int64_t qkDim,
                                                         int64_t valueDim) {
  auto panels = [](int64_t dim) -> int64_t {
    return 128 * llvm::divideCeil(dim, 64);
  };
  // Two warpgroups read the same keys and values, which halves what comes from
  // the cache; more would leave room for one block on a multiprocessor.
  return {128, 64, panels(qkDim), panels(valueDim)};
}
