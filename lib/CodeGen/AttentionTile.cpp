//===- AttentionTile.cpp - scores, weights and sums of a tile of rows -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionEmitter.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

static constexpr float kLog2E = 1.44269504f;

/// Scores of a tile to scratch, in units of log2; returns the lane-wise maxima
/// of each row. With i8 these are of score + log2 of the value's scale.
SmallVector<Value> AttentionEmitter::emitScores(const Tile &tile, Value from,
                                                Value to) {
  Value hidden = e.splat(-std::numeric_limits<float>::infinity());
  SmallVector<Value> tops(tile.size(), hidden);
  Value clear = to;
  if (!tile.limits.empty()) {
    // Panels that every row sees need no mask.
    Value all = e.div(tile.limits.front(), lanes);
    clear = e.max(from, e.min(all, to));
  }
  auto panelsTo = [&](Value begin, Value end, int64_t most, bool masked) {
    tops = inGroups(begin, end, most, tops,
                    [&](Value at, int64_t vectors, ValueRange inner) {
                      return emitPanels(tile, at, vectors, from, masked, inner);
                    });
  };
  panelsTo(from, clear, vectorsFor(tile.size()), false);
  if (!tile.limits.empty())
    panelsTo(clear, to, 1, true);
  return tops;
}

SmallVector<Value> AttentionEmitter::emitPanels(const Tile &tile, Value at,
                                                int64_t vectors, Value origin,
                                                bool masked, ValueRange tops) {
  int64_t count = tile.size();
  SmallVector<Value> panel, start, sums;
  for (int64_t v = 0; v < vectors; ++v) {
    panel.push_back(e.add(at, v));
    if (product->rowOffset())
      start.push_back(e.load(keyPanels, {panel[v], e.index(depthWords), zero}));
    else if (single)
      start.push_back(e.load(stats, {panel[v], e.index(Bias), zero}));
    else
      start.push_back(e.splat(e.getZeroAttr(product->sum())));
  }
  for (int64_t r = 0; r < count; ++r)
    sums.append(start);
  sums = steps(depthWords, sums, [&](Value word, ValueRange acc) {
    auto row = [&](int64_t r) {
      return e.broadcast(
          single ? memref::LoadOp::create(e, op.getQuery(),
                                          ValueRange{tile.rows[r], word})
                 : memref::LoadOp::create(e, queryWords,
                                          ValueRange{e.index(r), word}));
    };
    auto column = [&](int64_t v) {
      return e.load(keyPanels, {panel[v], word, zero});
    };
    return multiply(acc, count, vectors, row, column);
  });
  SmallVector<Value> next(tops);
  for (int64_t v = 0; v < vectors; ++v) {
    SmallVector<Value> panelStats(NumStats);
    auto stat = [&](Stat which) {
      panelStats[which] = e.load(stats, {panel[v], e.index(which), zero});
    };
    if (!single)
      stat(Bias);
    if (eightBit) {
      stat(KeyScale);
      stat(ValueLog);
    }
    Value column = e.mul(e.sub(panel[v], origin), lanes);
    for (int64_t r = 0; r < count; ++r) {
      Value score = finishScore(tile, r, sums[r * vectors + v], panel[v],
                                panelStats, masked);
      storeFloats(score, scores, {e.index(r), column});
      if (eightBit)
        score = arith::AddFOp::create(e, score, panelStats[ValueLog]);
      next[r] = larger(score, next[r]);
    }
  }
  return next;
}

Value AttentionEmitter::finishScore(const Tile &tile, int64_t r, Value sum,
                                    Value panel, ArrayRef<Value> panelStats,
                                    bool masked) {
  Value hidden = e.splat(-std::numeric_limits<float>::infinity());
  Value score = sum;
  if (eightBit) {
    Value lane = e.index(r / lanes * lanes + laneOf(r, tile.size()));
    Value rowScale = e.broadcast(
        memref::LoadOp::create(e, factors, ValueRange{e.index(1), lane}));
    score = arith::SIToFPOp::create(e, e.vectorOf(e.getF32Type()), score);
    score = arith::MulFOp::create(e, score, panelStats[KeyScale]);
    score = e.multiplyAdd(score, rowScale, panelStats[Bias]);
  } else if (!single) {
    score = e.multiplyAdd(score, e.splat(scale), panelStats[Bias]);
  }
  Value first = e.mul(panel, lanes);
  auto below = [&](Value limit) -> Value {
    return vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type()),
                                        ValueRange{e.sub(limit, first)});
  };
  if (Value bias = op.getBias()) {
    // What the bias hides is hidden whatever the score, NaN included.
    Value at = e.add(op.getFirstRow(), tile.rows[r]);
    Type element = cast<MemRefType>(bias.getType()).getElementType();
    Value none = e.splat(
        e.getFloatAttr(element, -std::numeric_limits<double>::infinity()));
    Value added = vector::MaskedLoadOp::create(
        e, none.getType(), bias, ValueRange{at, first}, below(keys), none);
    if (!element.isF32())
      added = arith::ExtFOp::create(e, hidden.getType(), added);
    Value shown = e.multiplyAdd(added, e.splat(kLog2E), score);
    // The least finite number hides no key, but the factor makes it infinite.
    Value least = e.splat(std::numeric_limits<float>::lowest());
    shown = pick(arith::CmpFPredicate::OLT, shown, least, least, shown);
    score = pick(arith::CmpFPredicate::OEQ, added, hidden, hidden, shown);
  }
  if (masked)
    score = arith::SelectOp::create(e, below(tile.limits[r]), score, hidden);
  return score;
}

/// Scores to unnormalised weights, in the form that products take; returns the
/// lane-wise sums of each row.
SmallVector<Value> AttentionEmitter::emitWeights(const Tile &tile,
                                                 ArrayRef<Value> shifts,
                                                 Value from, Value to) {
  SmallVector<Value> sums;
  if (!rowStats) {
    constexpr int64_t kRows = 4;
    for (int64_t r = 0; r < tile.size(); r += kRows)
      sums.append(emitWeightRows(
          e.index(r), shifts.slice(r, std::min(kRows, tile.size() - r)), from,
          to));
    return sums;
  }
  // The constants leave registers for one row.
  for (auto [r, shift] : llvm::enumerate(shifts))
    e.store(shift, rowStats, {e.index(r), zero});
  e.loop(zero, e.index(tile.size()), 1, [&](Value row) {
    SmallVector<Value> at{row, zero};
    e.store(emitWeightRows(row, e.load(rowStats, at), from, to)[0], rowStats,
            at);
  });
  for (int64_t r = 0; r < tile.size(); ++r)
    sums.push_back(e.load(rowStats, {e.index(r), zero}));
  return sums;
}

/// The same for rows from `first` on.
SmallVector<Value> AttentionEmitter::emitWeightRows(Value first,
                                                    ArrayRef<Value> shifts,
                                                    Value from, Value to) {
  SmallVector<Value> start(shifts.size(), e.splat(0.0f));
  return e.loop(from, to, 1, start, [&](Value panel, ValueRange sums) {
    SmallVector<Value> next;
    Value factor;
    if (eightBit)
      factor = e.load(stats, {panel, e.index(ValueScale), zero});
    Value column = e.mul(e.sub(panel, from), lanes);
    for (auto [r, shift] : llvm::enumerate(shifts)) {
      Value row = e.add(first, r);
      Value x =
          arith::SubFOp::create(e, loadFloats(scores, {row, column}), shift);
      // Keys whose values are zeros may weigh more than all others together.
      if (eightBit)
        x = pick(arith::CmpFPredicate::OLT, e.splat(127.0f), x, e.splat(127.0f),
                 x);
      Value weight = exp2(x);
      next.push_back(arith::AddFOp::create(e, sums[r], weight));
      if (single) {
        e.store(weight, scores, {row, column});
        continue;
      }
      Value values = eightBit ? roundToBits(weight, factor, 0) : weight;
      // In place: words lie before the scores that are still to be read.
      storeWords(product->packLanes(values), scores,
                 {row, e.div(column, group)});
    }
    return next;
  });
}

void AttentionEmitter::emitWeightedSums(
    const Tile &tile, Value origin, Value first, Value last,
    function_ref<void(int64_t, Value, Value, Value)> finish) {
  int64_t count = tile.size();
  auto registers = [&](Value at, int64_t vectors, Value mask) {
    SmallVector<Value> start(count * vectors,
                             e.splat(e.getZeroAttr(product->sum())));
    SmallVector<Value> sums =
        e.loop(first, last, 1, start, [&](Value word, ValueRange acc) {
          Value key = e.sub(word, origin);
          auto row = [&](int64_t r) {
            return e.broadcast(
                memref::LoadOp::create(e, scores, ValueRange{e.index(r), key}));
          };
          auto column = [&](int64_t v) {
            return e.load(valueWords, {word, e.add(at, v), zero});
          };
          return multiply(acc, count, vectors, row, column);
        });
    for (int64_t r = 0; r < count; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = sums[r * vectors + v];
        if (eightBit)
          sum = arith::SIToFPOp::create(e, e.vectorOf(e.getF32Type()), sum);
        finish(r, e.mul(e.add(at, v), lanes), sum, mask);
      }
  };
  int64_t whole = width / lanes, most = vectorsFor(count), at = 0;
  for (int64_t size = most; size; size /= 2) {
    int64_t end = at + (whole - at) / size * size;
    if (end - at > size)
      e.loop(e.index(at), e.index(end), size,
             [&](Value v) { registers(v, size, {}); });
    else if (end > at)
      registers(e.index(at), size, {});
    at = end;
  }
  if (width > whole * lanes)
    registers(e.index(whole), 1, e.firstLanes(width - whole * lanes));
}
