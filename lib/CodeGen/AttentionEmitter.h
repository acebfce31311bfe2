//===- AttentionEmitter.h - transformer_kernel.attention to loops -*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Private to the emitter of attention.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_ATTENTIONEMITTER_H
#define TRANSFORMER_LIB_CODEGEN_ATTENTIONEMITTER_H

#include "WordProduct.h"

namespace mlir::transformer {

class AttentionEmitter {
public:
  AttentionEmitter(kernel::AttentionOp op, const Target &target);
  void emit();

private:
  /// A tile of query rows.
  struct Tile {
    SmallVector<Value> rows;
    /// Under a causal mask, how many keys each row sees.
    SmallVector<Value> limits;
    /// Keys, and panels of keys, that some row of the tile sees.
    Value seen, used;
    int64_t size() const { return rows.size(); }
  };
  /// What a register of each panel of keys says about its keys.
  enum Stat {
    /// Added to scores: 0, -inf beyond the last key, NaN if i8 can't say it.
    Bias,
    /// i8: factors of scores, and of weights before they are rounded.
    KeyScale,
    ValueScale,
    /// log2 of the scale of the values.
    ValueLog,
    NumStats
  };

  // EmitAttention.cpp
  void allocate();
  void emitTiles();
  void emitTile(Value row, int64_t count);
  /// How many keys a row sees under a causal mask: those up to its own, where
  /// the sequences end together.
  Value causalLimit(Value row);
  void emitRareValues(const Tile &tile);

  // AttentionBlocks.cpp
  void emitBlocks(const Tile &tile);
  void emitBlock(const Tile &tile, Value from, Value to, Value lastKey,
                 SmallVector<Value> &tops, SmallVector<Value> &sums, bool only);

  // AttentionPack.cpp
  void packKeys();
  void packPanel(Value panel);
  void packValues();
  void packValuePanel(Value panel);
  void packQueries(const Tile &tile);
  void storeKeyBias(Value panel, Value bad);
  /// Transposes a square of registers in log2(lanes) rounds of exchanges.
  void transpose(SmallVector<Value> &square);
  /// The absolute maxima of rows, as bits of f32 (NaN is the largest), each in
  /// the lane that laneOf tells.
  SmallVector<Value> largestBits(Value buffer, ArrayRef<Value> rows,
                                 int64_t columns);
  /// Scales and factors of rows with these maxima, as `quantize` has them;
  /// `bad` are the rows with NaN or infinity, whose factor is 0.
  void scalesOf(Value bits, float small, Value &scale, Value &factor,
                Value &bad);
  /// values * factor, rounded to an integer in the low bits.
  Value roundToBits(Value values, Value factor, int64_t offset);

  // AttentionTile.cpp
  SmallVector<Value> emitScores(const Tile &tile, Value from, Value to);
  SmallVector<Value> emitPanels(const Tile &tile, Value at, int64_t vectors,
                                Value origin, bool masked, ValueRange tops);
  Value finishScore(const Tile &tile, int64_t r, Value sum, Value panel,
                    ArrayRef<Value> stats, bool masked);
  SmallVector<Value> emitWeights(const Tile &tile, ArrayRef<Value> shifts,
                                 Value from, Value to);
  SmallVector<Value> emitWeightRows(Value first, ArrayRef<Value> shifts,
                                    Value from, Value to);
  /// `finish(row, register, sum)` gets every register of the sums.
  void
  emitWeightedSums(const Tile &tile, Value origin, Value first, Value last,
                   function_ref<void(int64_t, Value, Value, Value)> finish);

  // AttentionRows.cpp
  /// Combines the lanes of one register per row: the result of row r lies in
  /// lane laneOf(r) of the register r / lanes.
  SmallVector<Value> reduceRows(ArrayRef<Value> vectors,
                                function_ref<Value(Value, Value)> combine);
  int64_t laneOf(int64_t row, int64_t rows);
  Value ofRow(ArrayRef<Value> reduced, int64_t row, int64_t rows);
  /// 2^x for x <= 0: 0 below -126.5.
  Value exp2(Value x);
  /// log2 of positive x, to 1e-5.
  Value log2(Value x);
  Value larger(Value a, Value b);
  Value pick(arith::CmpFPredicate predicate, Value a, Value b, Value yes,
             Value no);

  /// Whether a tile of products stays in registers.
  bool fits(int64_t rows, int64_t vectors) const;
  /// Registers of columns at once for so many rows.
  int64_t vectorsFor(int64_t rows) const;
  /// One step of each of the sums[r * vectors + v], for words of `row(r)` and
  /// `column(v)`.
  SmallVector<Value> multiply(ValueRange sums, int64_t rows, int64_t vectors,
                              function_ref<Value(int64_t)> row,
                              function_ref<Value(int64_t)> column);
  /// `emit(index, carried)` for 0 to `count`, several in one round.
  SmallVector<Value>
  steps(int64_t count, ValueRange carried,
        function_ref<SmallVector<Value>(Value, ValueRange)> emit);
  /// `emit(at, registers, carried)` from `from` to `to`, `most` at a time and
  /// then ever fewer.
  SmallVector<Value>
  inGroups(Value from, Value to, int64_t most, ValueRange carried,
           function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> emit);
  /// Loads and stores of words as floats.
  Value loadFloats(Value buffer, ValueRange at);
  void storeFloats(Value value, Value buffer, ValueRange at);
  Value loadWords(Value buffer, ValueRange at, int64_t count);
  void storeWords(Value words, Value buffer, ValueRange at);
  Value absolute(Value v);
  /// Registers of the op's operands, as f32, and of its result.
  Value loadInput(Value buffer, ValueRange at, Value mask);
  void storeResult(Value value, ValueRange at, Value mask);

  kernel::AttentionOp op;
  Emitter e;
  std::unique_ptr<WordProduct> product;
  int64_t lanes, rowTile, depth, width, group;
  int64_t depthWords, valueRegisters;
  bool eightBit, single, hides;
  /// Queries are read where they are.
  bool direct;
  /// Panels per block of the softmax; none where all fit in one.
  std::optional<int64_t> blockPanels;
  float scale;
  Value keys, panels, zero;
  /// `factors` has one register or more for keys, then as many for the scales
  /// of query rows.
  Value keyPanels, stats, valueWords, scores, queryWords, rowWords, factors,
      partial;
  /// Where registers are few, one for each query row.
  Value rowStats;
  /// NaN if a value is not finite, where some rows do not see all keys.
  Value poison;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_ATTENTIONEMITTER_H
