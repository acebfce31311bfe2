//===- AttentionBlocks.cpp - the softmax of a tile, at once or online -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionEmitter.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

void AttentionEmitter::emitBlocks(const Tile &tile) {
  SmallVector<Value> tops, sums;
  if (!blockPanels) {
    emitBlock(tile, zero, tile.used, tile.seen, tops, sums, /*only=*/true);
    return;
  }
  // Sums of products are kept from block to block.
  auto forParts = [&](function_ref<void(int64_t, int64_t, Value)> emit) {
    for (int64_t r = 0; r < tile.size(); ++r)
      for (int64_t v = 0; v < valueRegisters; ++v)
        emit(r, v, e.index(r));
  };
  Value nothing = e.splat(0.0f);
  forParts([&](int64_t, int64_t v, Value row) {
    e.store(nothing, partial, {row, e.index(v), zero});
  });
  Value lowest = e.splat(-std::numeric_limits<float>::infinity());
  int64_t parts = (tile.size() + lanes - 1) / lanes;
  SmallVector<Value> carried(parts, lowest);
  carried.append(parts, nothing);
  carried = e.loop(zero, tile.used, *blockPanels, carried,
                   [&](Value from, ValueRange inner) {
                     SmallVector<Value> top(inner.take_front(parts)),
                         sum(inner.drop_front(parts));
                     Value to = e.min(e.add(from, *blockPanels), tile.used);
                     Value last = e.min(e.mul(to, lanes), tile.seen);
                     emitBlock(tile, from, to, last, top, sum, /*only=*/false);
                     top.append(sum);
                     return top;
                   });
  sums.assign(carried.begin() + parts, carried.end());
  Value unit = e.splat(eightBit ? 1.0f / 255.0f : 1.0f);
  for (Value &sum : sums)
    sum = pick(arith::CmpFPredicate::OEQ, sum, nothing, nothing,
               arith::DivFOp::create(e, unit, sum));
  forParts([&](int64_t r, int64_t v, Value row) {
    Value part = e.load(partial, {row, e.index(v), zero});
    Value factor = ofRow(sums, r, tile.size());
    storeResult(arith::MulFOp::create(e, part, factor),
                {tile.rows[r], e.index(v * lanes)},
                e.firstLanes(width - v * lanes));
  });
}

/// The panels from `from` to `to`, with keys up to `lastKey`. `tops` and `sums`
/// hold those of the blocks before, one row per lane; a block that is the
/// `only` one has none and divides by its sums itself.
void AttentionEmitter::emitBlock(const Tile &tile, Value from, Value to,
                                 Value lastKey, SmallVector<Value> &tops,
                                 SmallVector<Value> &sums, bool only) {
  Value nothing = e.splat(0.0f);
  Value lowest = e.splat(-std::numeric_limits<float>::infinity());
  auto most = [&](Value a, Value b) { return larger(a, b); };
  auto plus = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(e, a, b);
  };
  SmallVector<Value> now = reduceRows(emitScores(tile, from, to), most);
  SmallVector<Value> shifts, rowShifts, factors(now.size());
  for (auto [i, top] : llvm::enumerate(now)) {
    if (!only)
      top = larger(top, tops[i]);
    // With nothing to see there is nothing to shift by: -inf - -inf is NaN.
    shifts.push_back(
        pick(arith::CmpFPredicate::OEQ, top, lowest, nothing, top));
    if (!only) {
      // What was summed up so far is scaled to the new maximum. A row that
      // sees nothing new must not change: how many such blocks there are
      // depends on the rows beside it.
      factors[i] =
          pick(arith::CmpFPredicate::OEQ, tops[i], shifts[i], e.splat(1.0f),
               exp2(arith::SubFOp::create(e, tops[i], shifts[i])));
      tops[i] = top;
    }
  }
  for (int64_t r = 0; r < tile.size(); ++r)
    rowShifts.push_back(ofRow(shifts, r, tile.size()));
  SmallVector<Value> added =
      reduceRows(emitWeights(tile, rowShifts, from, to), plus);
  Value unit = e.splat(eightBit ? 1.0f / 255.0f : 1.0f);
  for (auto [i, sum] : llvm::enumerate(added)) {
    if (only)
      factors[i] = pick(arith::CmpFPredicate::OEQ, sum, nothing, nothing,
                        arith::DivFOp::create(e, unit, sum));
    else
      sums[i] = e.multiplyAdd(sums[i], factors[i], sum);
  }
  SmallVector<Value> rowFactors;
  for (int64_t r = 0; r < tile.size(); ++r)
    rowFactors.push_back(ofRow(factors, r, tile.size()));
  Value origin = e.mul(from, lanes / group);
  Value lastWord =
      group == 1 ? lastKey : e.div(e.add(lastKey, group - 1), group);
  emitWeightedSums(
      tile, origin, origin, lastWord,
      [&](int64_t r, Value column, Value sum, Value mask) {
        if (only)
          return storeResult(arith::MulFOp::create(e, sum, rowFactors[r]),
                             {tile.rows[r], column}, mask);
        SmallVector<Value> at{e.index(r), e.div(column, lanes), zero};
        e.store(e.multiplyAdd(e.load(partial, at), rowFactors[r], sum), partial,
                at);
      });
}
