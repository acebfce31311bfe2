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

LinearTile mlir::transformer::gpu::linearTile(int64_t n, int64_t k, bool isI8) {
  // Few columns: narrow blocks, so that there are enough of them.
  if (n < 128)
    return {64, 64, 64, 3, 2, 2};
  return {128, 128, 64, 3, 2, 2};
}

WgmmaTile mlir::transformer::gpu::wgmmaTile(int64_t n) {
  // Two blocks share a multiprocessor where they can: one multiplies while the
  // other writes its results. Where there are many columns, wide blocks read
  // less shared memory for each product, and there are enough of them.
  if (n <= 64)
    return {2, 64, 4};
  if (n < 2048)
    return {2, 128, 3};
  return {2, 256, 4};
}

AttentionTile mlir::transformer::gpu::attentionTile(int64_t qkDim,
                                                    int64_t valueDim) {
  // Wide heads hold more of the result in registers: fewer keys at a time.
  if (qkDim > 64 || valueDim > 64)
    return {64, 32};
  return {64, 64};
}
