//===- EmitAttention.cpp - transformer_kernel.attention to registers ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys are transposed and values copied to panels of one register width, then
// each tile of query rows computes all of its scores, their softmax, and the
// weighted values, with the scores of the tile in the nearest cache. The
// softmax is exact over the whole row; nothing is rescaled. All reads stay
// within the n keys: lanes beyond them repeat the last key and are masked to
// -inf, which adds nothing to any sum.
//===----------------------------------------------------------------------===//
#include "Emitter.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

namespace {

class AttentionEmitter {
public:
  AttentionEmitter(kernel::AttentionOp op, const Target &target)
      : op(op), e(op, target), lanes(target.lanes), rowTile(target.rowTile),
        depth(cast<MemRefType>(op.getQuery().getType()).getDimSize(1)),
        width(cast<MemRefType>(op.getInit().getType()).getDimSize(1)) {}

  void emit() {
    Value query = op.getQuery();
    keys = memref::DimOp::create(e, op.getKey(), 0);
    registers = e.div(e.add(keys, lanes - 1), lanes);
    allocate();
    packKeys();
    packValues();
    Value rows = memref::DimOp::create(e, query, 0);
    Value rest = arith::RemUIOp::create(e, rows, e.index(rowTile));
    Value full = e.sub(rows, rest);
    e.loop(e.index(0), full, rowTile,
           [&](Value row) { emitTile(row, rowTile); });
    e.switchRows(rest, rowTile, [&](int64_t count) { emitTile(full, count); });
    op.erase();
  }

private:
  Value allocate(ArrayRef<int64_t> shape, ValueRange sizes) {
    auto type = MemRefType::get(shape, e.getF32Type());
    return memref::AllocOp::create(e, type, sizes, e.getI64IntegerAttr(64));
  }

  void allocate() {
    int64_t valueRegisters = (width + lanes - 1) / lanes;
    int64_t count = ShapedType::kDynamic, capacity = ShapedType::kDynamic;
    SmallVector<Value> registerSize, keySize;
    if (std::optional<int64_t> bound = op.getMaxKeys()) {
      capacity = *bound, count = (*bound + lanes - 1) / lanes;
    } else {
      registerSize.push_back(registers);
      keySize.push_back(keys);
    }
    keyPanels = allocate({count, depth, lanes}, registerSize);
    valuePanels = allocate({valueRegisters, capacity, lanes}, keySize);
    scores = allocate({count, rowTile, lanes}, registerSize);
  }

  /// Transposes a square of registers in log2(lanes) rounds of exchanges.
  void transpose(SmallVector<Value> &square) {
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

  void packKeys() {
    Value last = e.sub(keys, e.index(1));
    e.loop(e.index(0), registers, 1, [&](Value panel) {
      SmallVector<Value> rows;
      Value first = e.mul(panel, lanes);
      for (int64_t i = 0; i < lanes; ++i)
        rows.push_back(e.min(e.add(first, i), last));
      auto block = [&](Value at, int64_t count) {
        SmallVector<Value> square;
        for (Value row : rows)
          square.push_back(e.load(op.getKey(), {row, at}, e.firstLanes(count)));
        transpose(square);
        for (int64_t i = 0; i < std::min(count, lanes); ++i)
          e.store(square[i], keyPanels, {panel, e.add(at, i), e.index(0)});
      };
      int64_t whole = depth / lanes * lanes;
      if (whole)
        e.loop(e.index(0), e.index(whole), lanes,
               [&](Value at) { block(at, lanes); });
      if (depth > whole)
        block(e.index(whole), depth - whole);
    });
  }

  void packValues() {
    e.loop(e.index(0), keys, 1, [&](Value key) {
      for (int64_t at = 0, v = 0; at < width; at += lanes, ++v) {
        Value part =
            e.load(op.getValue(), {key, e.index(at)}, e.firstLanes(width - at));
        e.store(part, valuePanels, {e.index(v), key, e.index(0)});
      }
    });
  }

  void emitTile(Value row, int64_t count) {
    SmallVector<Value> rows;
    for (int64_t r = 0; r < count; ++r)
      rows.push_back(e.add(row, r));
    // The keys that some row of the tile sees: all, or under a causal mask
    // those up to the last row's own, where the sequences end together.
    Value seen = keys;
    SmallVector<Value> limits;
    if (op.getCausal()) {
      Value shift = e.sub(keys, op.getNumRows());
      Value zero = e.index(0);
      for (Value r : rows) {
        Value limit = e.add(e.add(e.add(r, op.getFirstRow()), shift), 1);
        limits.push_back(e.max(zero, e.min(limit, keys)));
      }
      seen = limits.back();
    }
    Value used = e.div(e.add(seen, lanes - 1), lanes);

    SmallVector<Value> largest = emitScores(rows, limits, used);
    SmallVector<Value> scales = emitSoftmax(largest, used);
    emitWeightedSums(rows, scales, seen);
  }

  /// Calls `emit(index, registers)` for pairs of registers up to `count` and
  /// for the odd one, which carry values from one to the next.
  SmallVector<Value>
  forPairs(Value count, ValueRange carried,
           function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> emit) {
    Value odd = arith::RemUIOp::create(e, count, e.index(2));
    Value even = e.sub(count, odd);
    SmallVector<Value> values =
        e.loop(e.index(0), even, 2, carried,
               [&](Value at, ValueRange inner) { return emit(at, 2, inner); });
    return e.loop(even, count, 1, values, [&](Value at, ValueRange inner) {
      return emit(at, 1, inner);
    });
  }

  /// Scores of a tile to scratch; returns the lane-wise maxima of each row.
  SmallVector<Value> emitScores(ArrayRef<Value> rows, ArrayRef<Value> limits,
                                Value used) {
    float lowest = -std::numeric_limits<float>::infinity();
    Value hidden = e.splat(lowest);
    Value scale = e.splat(op.getScaleAttr());
    Value zero = e.splat(0.0f), start = e.index(0);
    SmallVector<Value> maxima(rows.size(), hidden);
    return forPairs(
        used, maxima, [&](Value at, int64_t vectors, ValueRange largest) {
          SmallVector<Value> sums =
              e.loop(start, e.index(depth), 1,
                     SmallVector<Value>(rows.size() * vectors, zero),
                     [&](Value d, ValueRange acc) {
                       SmallVector<Value> columns, next;
                       for (int64_t v = 0; v < vectors; ++v)
                         columns.push_back(
                             e.load(keyPanels, {e.add(at, v), d, start}));
                       for (auto [r, row] : llvm::enumerate(rows)) {
                         Value q = e.broadcast(memref::LoadOp::create(
                             e, op.getQuery(), ValueRange{row, d}));
                         for (int64_t v = 0; v < vectors; ++v)
                           next.push_back(e.multiplyAdd(q, columns[v],
                                                        acc[r * vectors + v]));
                       }
                       return next;
                     });
          SmallVector<Value> next(largest.begin(), largest.end());
          for (int64_t v = 0; v < vectors; ++v) {
            Value panel = e.add(at, v), first = e.mul(panel, lanes);
            Value visible = maskBelow(first, keys);
            for (auto [r, row] : llvm::enumerate(rows)) {
              Value score =
                  arith::MulFOp::create(e, sums[r * vectors + v], scale);
              if (Value bias = op.getBias())
                score = arith::AddFOp::create(
                    e, score,
                    e.load(bias, {e.add(op.getFirstRow(), row), first},
                           visible));
              // A row's causal limit is never beyond the keys.
              Value seen =
                  limits.empty() ? visible : maskBelow(first, limits[r]);
              score = arith::SelectOp::create(e, seen, score, hidden);
              e.store(score, scores, {panel, e.index(r), start});
              next[r] = larger(score, next[r]);
            }
          }
          return next;
        });
  }

  /// Lanes whose key, `first` + lane, is below `limit`.
  Value maskBelow(Value first, Value limit) {
    return vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type()),
                                        ValueRange{e.sub(limit, first)});
  }

  /// The maximum, ignoring NaN in `a`: NaN reaches the result by itself.
  Value larger(Value a, Value b) {
    Value is = arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, a, b);
    return arith::SelectOp::create(e, is, a, b);
  }

  /// Scores to unnormalised weights; returns 1 / sum of each row, and 0 for
  /// rows that see no key.
  SmallVector<Value> emitSoftmax(ArrayRef<Value> largest, Value used) {
    auto scalar = [&](float value) -> Value {
      return arith::ConstantOp::create(e, e.getF32FloatAttr(value));
    };
    Value zero = scalar(0.0f), one = scalar(1.0f);
    Value lowest = scalar(-std::numeric_limits<float>::infinity());
    SmallVector<Value> shifts;
    for (Value row : largest) {
      Value top =
          e.reduceLanes(row, [&](Value a, Value b) { return larger(a, b); });
      // With nothing to see there is nothing to shift by: -inf - -inf is NaN.
      Value none =
          arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, top, lowest);
      shifts.push_back(
          e.broadcast(arith::SelectOp::create(e, none, zero, top)));
    }
    Value log2e = e.splat(1.44269504f), start = e.index(0);
    SmallVector<Value> sums = e.loop(
        start, used, 1, SmallVector<Value>(largest.size(), e.splat(0.0f)),
        [&](Value panel, ValueRange carried) {
          SmallVector<Value> next;
          for (auto [r, shift] : llvm::enumerate(shifts)) {
            SmallVector<Value> at{panel, e.index(r), start};
            Value score = e.load(scores, at);
            score = arith::SubFOp::create(e, score, shift);
            score = arith::MulFOp::create(e, score, log2e);
            Value weight = math::Exp2Op::create(e, score);
            e.store(weight, scores, at);
            next.push_back(arith::AddFOp::create(e, carried[r], weight));
          }
          return next;
        });
    SmallVector<Value> scales;
    for (Value row : sums) {
      Value sum = e.reduceLanes(row, [&](Value a, Value b) -> Value {
        return arith::AddFOp::create(e, a, b);
      });
      Value none =
          arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, sum, zero);
      Value inverse = arith::DivFOp::create(e, one, sum);
      scales.push_back(
          e.broadcast(arith::SelectOp::create(e, none, zero, inverse)));
    }
    return scales;
  }

  void emitWeightedSums(ArrayRef<Value> rows, ArrayRef<Value> scales,
                        Value seen) {
    int64_t whole = width / lanes, pairs = whole / 2 * 2;
    if (pairs)
      e.loop(e.index(0), e.index(pairs), 2,
             [&](Value v) { emitWeightedSum(rows, scales, seen, v, 2, {}); });
    if (whole > pairs)
      emitWeightedSum(rows, scales, seen, e.index(pairs), 1, {});
    if (width > whole * lanes)
      emitWeightedSum(rows, scales, seen, e.index(whole), 1,
                      e.firstLanes(width - whole * lanes));
  }

  void emitWeightedSum(ArrayRef<Value> rows, ArrayRef<Value> scales, Value seen,
                       Value first, int64_t vectors, Value mask) {
    Value start = e.index(0);
    SmallVector<Value> sums(rows.size() * vectors, e.splat(0.0f));
    auto term = [&](Value panel, Value lane, ValueRange acc) {
      SmallVector<Value> columns, next;
      Value key = e.add(e.mul(panel, lanes), lane);
      for (int64_t v = 0; v < vectors; ++v)
        columns.push_back(e.load(valuePanels, {e.add(first, v), key, start}));
      for (size_t r = 0; r < rows.size(); ++r) {
        Value weight = e.broadcast(memref::LoadOp::create(
            e, scores, ValueRange{panel, e.index(r), lane}));
        for (int64_t v = 0; v < vectors; ++v)
          next.push_back(
              e.multiplyAdd(weight, columns[v], acc[r * vectors + v]));
      }
      return next;
    };
    Value full = e.div(seen, lanes);
    sums = e.loop(start, full, 1, sums, [&](Value panel, ValueRange acc) {
      return e.loop(start, e.index(lanes), 1, acc,
                    [&](Value lane, ValueRange inner) {
                      return term(panel, lane, inner);
                    });
    });
    Value left = e.sub(seen, e.mul(full, lanes));
    sums = e.loop(start, left, 1, sums, [&](Value lane, ValueRange acc) {
      return term(full, lane, acc);
    });
    for (auto [r, row] : llvm::enumerate(rows))
      for (int64_t v = 0; v < vectors; ++v)
        e.store(arith::MulFOp::create(e, sums[r * vectors + v], scales[r]),
                op.getInit(), {row, e.mul(e.add(first, v), lanes)}, mask);
  }

  kernel::AttentionOp op;
  Emitter e;
  int64_t lanes, rowTile, depth, width;
  Value keys, registers, keyPanels, valuePanels, scores;
};

} // namespace

LogicalResult transformer::emitAttention(kernel::AttentionOp op,
                                         const Target &target) {
  for (Value buffer :
       {op.getQuery(), op.getKey(), op.getValue(), op.getInit()}) {
    auto type = dyn_cast<MemRefType>(buffer.getType());
    if (!type || !type.getElementType().isF32() || type.getRank() != 2 ||
        type.isDynamicDim(1) || !type.isLastDimUnitStride())
      return op.emitError("operands must be f32 buffers of a fixed number of "
                          "contiguous columns; found ")
             << buffer.getType();
  }
  if (Value bias = op.getBias()) {
    auto type = dyn_cast<MemRefType>(bias.getType());
    if (!type || !type.getElementType().isF32() || type.getRank() != 2 ||
        !type.isLastDimUnitStride())
      return op.emitError("bias must be an f32 buffer of contiguous columns; "
                          "found ")
             << bias.getType();
  }
  AttentionEmitter(op, target).emit();
  return success();
}
