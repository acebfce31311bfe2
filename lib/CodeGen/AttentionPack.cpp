//===- AttentionPack.cpp - keys, values and queries as words --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys become panels of one register width, [panel][word of a key][lane];
// values [group of keys][channel]. All reads stay within the sequence: lanes
// beyond the last key repeat it, and weigh nothing.
//===----------------------------------------------------------------------===//
#include "AttentionEmitter.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

/// Calls `emit(first column, columns)` for registers of columns, in a loop
/// while they are full.
static void forRegisters(Emitter &e, int64_t columns,
                         function_ref<void(Value, int64_t)> emit) {
  int64_t lanes = e.target.lanes, whole = columns / lanes * lanes;
  if (whole == lanes)
    emit(e.index(0), lanes);
  else if (whole)
    e.loop(e.index(0), e.index(whole), lanes,
           [&](Value at) { emit(at, lanes); });
  if (columns > whole)
    emit(e.index(whole), columns - whole);
}

void AttentionEmitter::transpose(SmallVector<Value> &square) {
  for (int64_t block = lanes / 2; block; block /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes; ++i) {
      bool second = i & block;
      low.push_back(second ? lanes + i - block : i);
      high.push_back(second ? lanes + i : i + block);
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if (i & block)
        continue;
      Value a = square[i], b = square[i + block];
      square[i] = vector::ShuffleOp::create(e, a, b, low);
      square[i + block] = vector::ShuffleOp::create(e, a, b, high);
    }
  }
}

SmallVector<Value> AttentionEmitter::largestBits(Value buffer,
                                                 ArrayRef<Value> rows,
                                                 int64_t columns) {
  VectorType integers = e.vectorOf(e.getI32Type());
  Value magnitude = e.splat(e.getI32IntegerAttr(0x7fffffff));
  auto combine = [&](Value a, Value b) -> Value {
    return arith::MaxSIOp::create(e, a, b);
  };
  auto take = [&](Value at, int64_t count, ValueRange tops) {
    SmallVector<Value> next;
    for (auto [row, top] : llvm::zip(rows, tops)) {
      Value v = loadInput(buffer, {row, at}, e.firstLanes(count));
      Value bits = arith::AndIOp::create(
          e, arith::BitcastOp::create(e, integers, v), magnitude);
      next.push_back(combine(top, bits));
    }
    return next;
  };
  SmallVector<Value> tops(rows.size(), e.splat(e.getI32IntegerAttr(0)));
  int64_t whole = columns / lanes * lanes;
  if (whole)
    tops = e.loop(
        zero, e.index(whole), lanes, tops,
        [&](Value at, ValueRange carried) { return take(at, lanes, carried); });
  if (columns > whole)
    tops = take(e.index(whole), columns - whole, tops);
  return reduceRows(tops, combine);
}

void AttentionEmitter::scalesOf(Value bits, float small, Value &scale,
                                Value &factor, Value &bad) {
  VectorType floats = e.vectorOf(e.getF32Type());
  Value top = arith::BitcastOp::create(e, floats, bits);
  Value infinity = e.splat(std::numeric_limits<float>::infinity());
  Value large = arith::CmpFOp::create(e, arith::CmpFPredicate::OGE, top,
                                      e.splat(0x1p-100f));
  // Not less than infinity: infinite or NaN.
  bad = arith::CmpFOp::create(e, arith::CmpFPredicate::UGE, top, infinity);
  scale = arith::DivFOp::create(e, top, e.splat(127.0f));
  scale = arith::SelectOp::create(e, large, scale, e.splat(small));
  scale = arith::SelectOp::create(
      e, bad, e.splat(std::numeric_limits<float>::quiet_NaN()), scale);
  factor = arith::DivFOp::create(e, e.splat(127.0f), top);
  factor = arith::SelectOp::create(e, large, factor, e.splat(0.0f));
}

/// Adding 1.5 * 2^23 rounds to even and leaves the integer in the low bits.
Value AttentionEmitter::roundToBits(Value values, Value factor,
                                    int64_t offset) {
  Value scaled = arith::MulFOp::create(e, values, factor);
  Value sum = arith::AddFOp::create(e, scaled, e.splat(12582912.0f + offset));
  return arith::BitcastOp::create(e, e.vectorOf(e.getI32Type()), sum);
}

void AttentionEmitter::packKeys() {
  e.loop(zero, panels, 1, [&](Value panel) { packPanel(panel); });
}

void AttentionEmitter::packPanel(Value panel) {
  SmallVector<Value> rows;
  Value first = e.mul(panel, lanes), last = e.sub(keys, e.index(1));
  for (int64_t i = 0; i < lanes; ++i)
    rows.push_back(e.min(e.add(first, i), last));
  Value from = op.getKey(), log2Scale = e.splat(scale), bad;
  if (eightBit) {
    Value keyScale, factor;
    scalesOf(largestBits(from, rows, depth)[0], 1.0f, keyScale, factor, bad);
    e.store(arith::MulFOp::create(e, keyScale, log2Scale), stats,
            {panel, e.index(KeyScale), zero});
    e.store(factor, factors, {zero, zero});
  }
  storeKeyBias(panel, bad);
  if (!single) {
    SmallVector<Value> share(lanes);
    if (eightBit)
      for (int64_t i = 0; i < lanes; ++i)
        share[i] = e.broadcast(
            memref::LoadOp::create(e, factors, ValueRange{zero, e.index(i)}));
    forRegisters(e, depth, [&](Value at, int64_t count) {
      for (auto [i, row] : llvm::enumerate(rows)) {
        Value part = loadInput(from, {row, at}, e.firstLanes(count));
        if (eightBit)
          part = roundToBits(part, share[i], 0);
        storeWords(product->packLanes(part), rowWords,
                   {e.index(i), e.div(at, group)});
      }
    });
    from = rowWords;
    for (int64_t i = 0; i < lanes; ++i)
      rows[i] = e.index(i);
  }
  forRegisters(e, depthWords, [&](Value at, int64_t count) {
    SmallVector<Value> square;
    for (Value row : rows)
      square.push_back(single ? loadInput(from, {row, at}, e.firstLanes(count))
                              : e.load(from, {row, at}));
    transpose(square);
    for (int64_t i = 0; i < count; ++i) {
      // Scores come out of their sum with everything but the bias.
      Value words =
          single ? arith::MulFOp::create(e, square[i], log2Scale) : square[i];
      e.store(words, keyPanels, {panel, e.add(at, i), zero});
    }
  });
  if (product->rowOffset()) {
    // What the offset of the rows adds to each sum.
    Value offset = product->prepare(
        e.splat(e.getI32IntegerAttr(static_cast<int32_t>(0x80808080u))))[0];
    SmallVector<Value> sums =
        steps(depthWords, {e.splat(e.getI32IntegerAttr(0))},
              [&](Value word, ValueRange acc) {
                Value words = e.load(keyPanels, {panel, word, zero});
                return SmallVector<Value>{
                    product->step(acc[0], {offset}, product->prepare(words))};
              });
    Value none = e.splat(e.getI32IntegerAttr(0));
    e.store(arith::SubIOp::create(e, none, sums[0]), keyPanels,
            {panel, e.index(depthWords), zero});
  }
}

void AttentionEmitter::storeKeyBias(Value panel, Value bad) {
  Value left = e.sub(keys, e.mul(panel, lanes));
  Value exists = vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type()),
                                              ValueRange{left});
  Value bias = e.splat(0.0f);
  if (bad)
    bias = arith::SelectOp::create(
        e, bad, e.splat(std::numeric_limits<float>::quiet_NaN()), bias);
  bias = arith::SelectOp::create(
      e, exists, bias, e.splat(-std::numeric_limits<float>::infinity()));
  e.store(bias, stats, {panel, e.index(Bias), zero});
}

void AttentionEmitter::packValues() {
  if (eightBit)
    return e.loop(zero, panels, 1, [&](Value panel) { packValuePanel(panel); });
  Value last = e.sub(keys, e.index(1)), nothing = e.splat(0.0f);
  Value infinity = e.splat(std::numeric_limits<float>::infinity());
  Value groups = e.div(e.add(keys, group - 1), group);
  SmallVector<Value> carried;
  if (hides)
    carried.push_back(nothing);
  SmallVector<Value> found =
      e.loop(zero, groups, 1, carried, [&](Value g, ValueRange inner) {
        SmallVector<Value> seen(inner);
        Value first = group == 1 ? g : e.mul(g, group);
        for (int64_t v = 0; v < valueRegisters; ++v) {
          SmallVector<Value> parts;
          for (int64_t i = 0; i < group; ++i) {
            Value row = i ? e.min(e.add(first, i), last) : first;
            Value part = loadInput(op.getValue(), {row, e.index(v * lanes)},
                                   e.firstLanes(width - v * lanes));
            // Keys that a row does not see have the weight 0, which would not
            // make NaN or infinity disappear.
            if (hides) {
              seen[0] = e.multiplyAdd(part, nothing, seen[0]);
              part = pick(arith::CmpFPredicate::OLT, absolute(part), infinity,
                          part, nothing);
            }
            parts.push_back(part);
          }
          e.store(product->packAcross(parts), valueWords,
                  {g, e.index(v), zero});
        }
        return seen;
      });
  if (hides)
    poison = e.reduceLanes(found[0], [&](Value a, Value b) -> Value {
      return arith::AddFOp::create(e, a, b);
    });
}

void AttentionEmitter::packValuePanel(Value panel) {
  SmallVector<Value> rows;
  Value first = e.mul(panel, lanes), last = e.sub(keys, e.index(1));
  for (int64_t i = 0; i < lanes; ++i)
    rows.push_back(e.min(e.add(first, i), last));
  Value valueScale, factor, bad;
  scalesOf(largestBits(op.getValue(), rows, width)[0], 0.0f, valueScale, factor,
           bad);
  // NaN goes by the score, since an integer can't say it.
  Value finite = arith::SelectOp::create(e, bad, e.splat(0.0f), valueScale);
  Value none = e.splat(-std::numeric_limits<float>::infinity());
  SmallVector<Value> at{panel, e.index(Bias), zero};
  Value bias = arith::AddFOp::create(
      e, e.load(stats, at),
      arith::SelectOp::create(e, bad, valueScale, e.splat(0.0f)));
  e.store(bias, stats, at);
  e.store(arith::MulFOp::create(e, finite, e.splat(255.0f)), stats,
          {panel, e.index(ValueScale), zero});
  e.store(pick(arith::CmpFPredicate::OGT, finite, e.splat(0.0f), log2(finite),
               none),
          stats, {panel, e.index(ValueLog), zero});
  e.store(factor, factors, {zero, zero});
  // Read when it is used: there are no registers for all of them.
  auto share = [&](int64_t i) {
    return e.broadcast(
        memref::LoadOp::create(e, factors, ValueRange{zero, e.index(i)}));
  };
  Value firstGroup = e.mul(panel, lanes / group);
  forRegisters(e, width, [&](Value column, int64_t count) {
    for (int64_t g = 0; g < lanes / group; ++g) {
      SmallVector<Value> parts;
      for (int64_t i = g * group; i < (g + 1) * group; ++i)
        parts.push_back(roundToBits(
            loadInput(op.getValue(), {rows[i], column}, e.firstLanes(count)),
            share(i), 0));
      e.store(product->packAcross(parts), valueWords,
              {e.add(firstGroup, g), e.div(column, lanes), zero});
    }
  });
}

void AttentionEmitter::packQueries(const Tile &tile) {
  SmallVector<Value> share(tile.size());
  if (eightBit) {
    SmallVector<Value> bits = largestBits(op.getQuery(), tile.rows, depth);
    for (auto [i, part] : llvm::enumerate(bits)) {
      Value rowScale, factor, bad;
      scalesOf(part, 1.0f, rowScale, factor, bad);
      e.store(rowScale, factors, {e.index(1), e.index(i * lanes)});
      bits[i] = factor;
    }
    for (int64_t r = 0; r < tile.size(); ++r)
      share[r] = ofRow(bits, r, tile.size());
  }
  forRegisters(e, depth, [&](Value at, int64_t count) {
    for (auto [r, row] : llvm::enumerate(tile.rows)) {
      Value part = loadInput(op.getQuery(), {row, at}, e.firstLanes(count));
      if (eightBit)
        part = roundToBits(part, share[r], product->rowOffset());
      storeWords(product->packLanes(part), queryWords,
                 {e.index(r), e.div(at, group)});
    }
  });
}
