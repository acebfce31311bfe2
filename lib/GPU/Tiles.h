//===- Tiles.h - the tile table -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every choice of how much a thread, warp or block works on, in one place.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_GPU_TILES_H
#define TRANSFORMER_LIB_GPU_TILES_H

#include <algorithm>
#include <cstdint>

namespace mlir::transformer::gpu {

class KernelSpec;

/// How the rows of a row kernel are spread: each by `warps` warps, whose lanes
/// hold `chunks` times `vector` neighbouring columns.
struct RowsTile {
  int64_t vector, warps, chunks;
  int64_t rowsPerBlock() const { return warps == 1 ? 4 : 1; }
  int64_t lanes() const { return 32 * warps; }
  int64_t threads() const { return lanes() * rowsPerBlock(); }
};
/// Registers hold a row of up to 32768 columns.
inline constexpr int64_t kMostColumns = 32768;
RowsTile rowsTile(int64_t width);

/// A product on tensor cores: blocks of m x n results by warpsM x warpsN
/// warps; k advances by `kBytes` bytes of the factors; `stages` of them are in
/// shared memory at once.
struct LinearTile {
  int64_t m, n, kBytes, stages, warpsM, warpsN;
  int64_t threads() const { return 32 * warpsM * warpsN; }
  int64_t stageBytes() const { return (m + n) * kBytes; }
  int64_t sharedBytes() const { return stageBytes() * stages; }
};
/// Of n columns, and at most mostFewRows() rows if `isFew`.
LinearTile linearTile(int64_t n, bool isFew);
LinearTile linearTile(const KernelSpec &spec);
int64_t mostFewRows(int64_t n, int64_t multiprocessors);

/// Two products in a row, of which a block keeps all of the first one's results
/// for its rows in shared memory: behind the ring of stages they lie as the
/// second product's left factor, in panels of kBytes of each row. What is still
/// to be rounded to i8 lies behind them before, in rows of `pitch()` bytes,
/// which begin in different banks, and then the scales of rows.
struct PairTile {
  LinearTile down, up;
  int64_t rank, size, roundedFrom; // bytes of a number; 0: it is not rounded
  static constexpr int64_t kPadding = 16;
  int64_t m() const { return down.m; }
  int64_t stageBytes() const {
    return std::max(down.stageBytes(), up.n * up.kBytes);
  }
  int64_t panelBytes() const { return m() * up.kBytes; }
  int64_t panels() const { return (rank * size + up.kBytes - 1) / up.kBytes; }
  int64_t pitch() const {
    return (rank + 63) / 64 * 64 * roundedFrom + kPadding;
  }
  int64_t hiddenPlace() const { return stageBytes() * down.stages; }
  int64_t wholePlace() const { return hiddenPlace() + panels() * panelBytes(); }
  int64_t scalesPlace() const { return wholePlace() + m() * pitch(); }
  int64_t sharedBytes() const {
    return roundedFrom ? scalesPlace() + 4 * m() : wholePlace();
  }
  /// Of n columns, and how many of them each of `groups` blocks of some rows
  /// makes.
  int64_t tiles(int64_t n) const { return (n + up.n - 1) / up.n; }
  int64_t tilesOfGroup(int64_t n, int64_t groups) const {
    return (tiles(n) + groups - 1) / groups;
  }
};
PairTile pairTile(int64_t n, int64_t rank, int64_t size, int64_t roundedFrom);
PairTile pairTile(const KernelSpec &spec);

/// A product by warpgroups: each of `groups` multiplies 64 rows by `n` columns
/// (at most 256), and one more warp copies. A stage is so many panels of both
/// factors, each of the 128 bytes of k that the widest exchange of banks
/// covers.
struct WgmmaTile {
  int64_t groups, n, stages, panels = 1;
  static constexpr int64_t kPanelBytes = 128;
  int64_t kBytes() const { return panels * kPanelBytes; }
  int64_t m() const { return 64 * groups; }
  int64_t threads() const { return 128 * groups + 32; }
  int64_t panelBytes() const { return (m() + n) * kPanelBytes; }
  int64_t stageBytes() const { return panels * panelBytes(); }
  /// After the stages, two barriers for each.
  int64_t sharedBytes() const { return (stageBytes() + 16) * stages; }
  /// As many blocks as there is shared memory for on a multiprocessor, of which
  /// each needs 1 KiB more. They stay, and do one tile after the other.
  int64_t resident() const { return (228 << 10) / (sharedBytes() + 1024); }
};
/// Of n columns, rows of `rowBytes` bytes of the factors, and at most
/// mostFewRows() rows if `isFew`.
WgmmaTile wgmmaTile(int64_t n, int64_t rowBytes, bool isFew);
WgmmaTile wgmmaTile(const KernelSpec &spec);
int64_t mostFewRows(int64_t n, int64_t rowBytes, int64_t multiprocessors);

/// The simple product: one result per thread of a square block.
inline constexpr int64_t kSimpleTile = 16;

/// Attention on tensor cores: `queries` rows by as many sixteenths of warps,
/// against `keys` keys at a time, of which two sets are in shared memory. A row
/// of a head takes so many bytes there.
struct AttentionTile {
  int64_t queries, keys, qkBytes, valueRowBytes;
  int64_t warps() const { return queries / 16; }
  int64_t keyPlace() const { return queries * qkBytes; }
  int64_t keyBytes() const { return keys * qkBytes; }
  int64_t valuePlace() const { return keyPlace() + 2 * keyBytes(); }
  int64_t valueBytes() const { return keys * valueRowBytes; }
  int64_t sharedBytes() const { return valuePlace() + 2 * valueBytes(); }
};
AttentionTile attentionTile(int64_t qkDim, int64_t valueDim);
/// By warpgroups, in panels of 128 bytes of each row.
AttentionTile attentionWgmmaTile(int64_t qkDim, int64_t valueDim);

/// Fourier transforms. Rows are folded by a warp each. Along the sequence: 64
/// frequencies (16 per warp) by kMixColumns of the rows, kMixDepth tokens of
/// two parts at a time, of which two sets are in shared memory; the simple
/// kernel has kMixSimpleRows frequencies per thread. Longer sequences than the
/// table of their cosines has entries go without it.
inline constexpr int64_t kMostFourierColumns = 4096, kFoldRows = 4;
inline constexpr int64_t kMixRows = 64, kMixColumns = 64, kMixDepth = 32;
inline constexpr int64_t kMixTileBytes = 2 * 2 * 2 * kMixDepth * kMixColumns;
inline constexpr int64_t kMixSimpleRows = 8, kMostMixTable = 2048;

/// The simple attention: a query of one head per warp.
inline constexpr int64_t kSimpleAttentionWarps = 4;

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_TILES_H
