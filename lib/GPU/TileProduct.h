//===- TileProduct.h - products of tiles by mma.sync -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of both factors travel through a ring of stages in shared memory: while
// one is multiplied, the next ones are on their way. f16, bf16 and i8 differ in
// the instruction only, because fragments have the same bytes.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_GPU_TILEPRODUCT_H
#define TRANSFORMER_LIB_GPU_TILEPRODUCT_H

#include "DeviceBuilder.h"
#include "Tiles.h"

namespace mlir::transformer::gpu {

/// The share of this thread in the products of a block.
class TileProduct {
public:
  using Values = DeviceBuilder::Values;

  /// `stageBytes`: from one stage of the ring, which starts where shared memory
  /// does, to the next.
  TileProduct(DeviceBuilder &b, Type element, LinearTile tile,
              int64_t stageBytes);

  const LinearTile tile;
  /// Of 16 rows and of 8 columns of this warp's results; of 16 bytes of a row.
  const int64_t blocksM, blocksN, chunks;
  /// Where they begin in the tile.
  Value warpRow, warpColumn;
  /// Of the first of the four sums that this lane has of a block.
  Value laneRow, laneColumn;

  /// The share of one thread in copying the rows of a factor.
  struct Copies {
    Values from, isRow, to;
    Value base;
    int64_t rowBytes;
  };
  /// `rows` rows from `first` on, of `rowBytes` bytes each; from `limit` on
  /// they are zeros. `place`: in a stage, in bytes.
  Copies plan(Value base, int64_t rowBytes, Value first, Value limit,
              int64_t rows, int64_t place);
  /// What step `step` of k is of them, to a stage.
  void copy(const Copies &copies, Value step, Value stage);

  /// Copies of a step to a stage.
  using Copy = llvm::function_ref<void(Value step, Value stage)>;
  /// Where the left factor's tile of a step lies, which is in a stage.
  using Left = llvm::function_ref<Value(Value step, Value stage)>;
  /// Starts the copies of the first of `total` steps. Returns zeros for
  /// steps().
  Values begin(int64_t total, Copy copy);
  /// Steps `from` to `to` of `total`; the right factor is at `rightPlace` in a
  /// stage. `state` and what is returned: sums, then where in the ring the walk
  /// is.
  Values steps(Value from, Value to, int64_t total, ArrayRef<Value> state,
               Copy copy, Left left, int64_t rightPlace);
  Value addressOf(Value stage) {
    return b.bytes(b.shared(), b.mul(stage, stageBytes));
  }
  /// Sums at their start, and the ring where it is in `state`, which may be
  /// that of another product with as many stages.
  Values restarted(ArrayRef<Value> state);
  static ArrayRef<Value> sumsOf(ArrayRef<Value> state) {
    return state.drop_back(2);
  }
  /// Of the i-th sixteen rows.
  ArrayRef<Value> sumsOf(ArrayRef<Value> state, int64_t i) const {
    return state.slice(4 * i * blocksN, 4 * blocksN);
  }

private:
  Values multiply(Value left, Value right, ArrayRef<Value> sums);
  Value zero() { return element.isInteger(8) ? b.i32(0) : b.f32(0); }

  DeviceBuilder &b;
  Type element;
  int64_t stageBytes;
  Value thread, lane, chunk;
};

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_TILEPRODUCT_H
