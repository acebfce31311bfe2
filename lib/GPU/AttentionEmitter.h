//===- AttentionEmitter.h - attention on tensor cores ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What both kernels of attention on tensor cores have in common: a block does a
// block of queries of one head and sequence, against blocks of keys; softmax is
// online (Dao et al., "FlashAttention-2", 2023). Scores stay in registers: the
// results of the first product are, without any exchange, the factors of the
// second. The next keys and values are copied meanwhile.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_GPU_ATTENTIONEMITTER_H
#define TRANSFORMER_LIB_GPU_ATTENTIONEMITTER_H

#include "DeviceBuilder.h"
#include "Tiles.h"

namespace mlir::transformer::gpu {

class AttentionEmitter {
public:
  using Values = DeviceBuilder::Values;

  AttentionEmitter(DeviceBuilder &b, const KernelSpec &spec,
                   AttentionTile tile);
  virtual ~AttentionEmitter() = default;
  void emit();

protected:
  /// Where 16-byte chunk `chunk` of row `row` lies among rows of one head of
  /// `dim` numbers, `rows` of them, in bytes.
  virtual Value placeOf(Value row, Value chunk, int64_t rows, int64_t dim) = 0;
  /// Keys and values that this thread has waited for are there for products
  /// after the next barrier.
  virtual void publish() {}
  /// Before the first block: queries are in shared memory.
  virtual void beginQueries() {}
  /// Scores of a block of keys: of each block of 16 x 8, two rows of two
  /// neighbours each, for 16 rows of every warp.
  virtual Values scores(Value slot) = 0;
  /// sums + weights times values; `weights` are factors of 16 x 16.
  virtual Values addValues(Value slot, ArrayRef<Values> weights,
                           ArrayRef<Value> sums) = 0;

  /// In shared memory, in bytes.
  Value keysAt(Value slot) {
    return b.add(b.mul(slot, tile.keyBytes()), tile.keyPlace());
  }
  Value valuesAt(Value slot) {
    return b.add(b.mul(slot, tile.valueBytes()), tile.valuePlace());
  }

  DeviceBuilder &b;
  const KernelSpec &spec;
  Type element;
  int64_t heads, kvHeads, qkDim, valueDim;
  AttentionTile tile;
  int64_t keyTiles, valueTiles;
  Value thread, lane, warp;

private:
  /// `isThere`: of each row, instead of those below `count`, a bit.
  void copyRows(Value base, Value from, Value count, int64_t rows,
                int64_t numHeads, Value whichHead, int64_t dim, Value place,
                ArrayRef<Value> isThere = {});
  void copyKeys(Value block, Value slot, ArrayRef<Value> seen);
  void countBlocks(Value local);
  /// Whether all queries see these keys, of which the lane asks for one each.
  Values readKeys(Value block);
  /// As bits, the same in all lanes.
  Values vote(ArrayRef<Value> lanes);
  /// What the mask has for each score of a block.
  Values readMask(Value block);
  Values addMask(ArrayRef<Value> scores, ArrayRef<Value> mask);
  Values masked(ArrayRef<Value> scores, Value firstKey, ArrayRef<Value> seen);
  Values addBlock(Value block, Value slot, ArrayRef<Value> carried,
                  ArrayRef<Value> seen);
  Value allOf(ArrayRef<Value> seen, int64_t bits);
  void finish(ArrayRef<Value> carried);
  Value quad(Value x, llvm::function_ref<Value(Value, Value)> combine) {
    return b.allReduce(x, 4, combine);
  }

  std::optional<MaskForm> mask;
  /// Whether the mask is of keys alone: a bit each, in words of the tile's
  /// keys. Hidden ones are then zeros in shared memory, whatever they hold.
  bool hasBits;
  bool isAdded;
  Value maskPointer, maskRows[2]; // of this lane's rows

  Value query, key, value, output, head, kvHead;
  Value firstQuery, numQueries; // of the block
  Value rowInSequence;          // of this lane's first row
  Value firstKey, numKeys, keysMinusQueries;
  /// Blocks of keys that some query sees; and how many come first of which
  /// every query sees all.
  Value blocks, wholeBlocks;
};

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_ATTENTIONEMITTER_H
