//===- AttentionRows.cpp - what one row per lane or register takes --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer;

Value AttentionEmitter::pick(arith::CmpFPredicate predicate, Value a, Value b,
                             Value yes, Value no) {
  Value is = arith::CmpFOp::create(e, predicate, a, b);
  return arith::SelectOp::create(e, is, yes, no);
}

/// The maximum, ignoring NaN in `a`: NaN reaches the result by itself.
Value AttentionEmitter::larger(Value a, Value b) {
  return pick(arith::CmpFPredicate::OGT, a, b, a, b);
}

int64_t AttentionEmitter::laneOf(int64_t row, int64_t rows) {
  int64_t first = row / lanes * lanes;
  int64_t group = llvm::PowerOf2Ceil(std::min(lanes, rows - first));
  return row % lanes * (lanes / group);
}

/// Registers are merged in pairs as long as there are several, then folded. In
/// either case the same lanes of a row are combined, so that a sum does not
/// depend on how many rows share the work.
SmallVector<Value>
AttentionEmitter::reduceRows(ArrayRef<Value> vectors,
                             function_ref<Value(Value, Value)> combine) {
  SmallVector<Value> results;
  for (size_t first = 0; first < vectors.size(); first += lanes) {
    auto part =
        vectors.slice(first, std::min<size_t>(lanes, vectors.size() - first));
    SmallVector<Value> group(part);
    group.resize(llvm::PowerOf2Ceil(part.size()), part.back());
    for (int64_t block = lanes / 2; block; block /= 2) {
      bool merges = group.size() > 1;
      SmallVector<int64_t> low, high;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        bool second = lane & block;
        low.push_back(second && merges ? lanes + lane - block : lane & ~block);
        high.push_back(second && merges ? lanes + lane : lane | block);
      }
      int64_t half = merges ? group.size() / 2 : 1;
      for (int64_t i = 0; i < half; ++i) {
        Value a = group[i], b = merges ? group[i + half] : a;
        group[i] = combine(vector::ShuffleOp::create(e, a, b, low),
                           vector::ShuffleOp::create(e, a, b, high));
      }
      group.truncate(half);
    }
    results.push_back(group[0]);
  }
  return results;
}

Value AttentionEmitter::ofRow(ArrayRef<Value> reduced, int64_t row,
                              int64_t rows) {
  Value one = vector::ExtractOp::create(e, reduced[row / lanes],
                                        ArrayRef<int64_t>{laneOf(row, rows)});
  return e.broadcast(one);
}

/// With n the integer nearest to x, 2^n is made of bits: adding 1.5 * 2^23 +
/// 127 leaves its exponent field in the low bits of the sum. For n = -127 that
/// is 0, so hidden keys, at -infinity, weigh exactly nothing.
Value AttentionEmitter::exp2(Value x) {
  VectorType integers = e.vectorOf(e.getI32Type());
  x = larger(e.splat(-127.0f), x);
  Value magic = e.splat(12582912.0f + 127.0f);
  Value shifted = arith::AddFOp::create(e, x, magic);
  Value n = arith::SubFOp::create(e, shifted, magic);
  Value f = arith::SubFOp::create(e, x, n);
  Value y = e.splat(0.001326697039f);
  for (float c : {0.009675459746f, 0.05550742616f, 0.240221217536f,
                  0.693146949161f, 1.00000007103f})
    y = e.multiplyAdd(y, f, e.splat(c));
  Value bits = arith::BitcastOp::create(e, integers, shifted);
  Value power =
      arith::ShLIOp::create(e, bits, e.splat(e.getI32IntegerAttr(23)));
  return arith::MulFOp::create(e, y,
                               arith::BitcastOp::create(e, x.getType(), power));
}

Value AttentionEmitter::log2(Value x) {
  VectorType integers = e.vectorOf(e.getI32Type());
  auto integer = [&](int32_t v) { return e.splat(e.getI32IntegerAttr(v)); };
  Value bits = arith::BitcastOp::create(e, integers, x);
  Value exponent = arith::SubIOp::create(
      e, arith::ShRUIOp::create(e, bits, integer(23)), integer(127));
  Value fraction =
      arith::OrIOp::create(e, arith::AndIOp::create(e, bits, integer(0x7fffff)),
                           integer(0x3f800000));
  Value t = arith::SubFOp::create(
      e, arith::BitcastOp::create(e, x.getType(), fraction), e.splat(1.0f));
  Value y = e.splat(0.0439286278f);
  for (float c :
       {-0.189832447f, 0.411561482f, -0.707253434f, 1.44159208f, 1.439093e-5f})
    y = e.multiplyAdd(y, t, e.splat(c));
  return arith::AddFOp::create(
      e, arith::SIToFPOp::create(e, x.getType(), exponent), y);
}

Value AttentionEmitter::absolute(Value v) { return math::AbsFOp::create(e, v); }

bool AttentionEmitter::fits(int64_t rows, int64_t vectors) const {
  int64_t parts = product->parts();
  return rows * vectors + (std::min(rows, vectors) + 1) * parts +
             product->spare() <=
         e.target.registers();
}

int64_t AttentionEmitter::vectorsFor(int64_t rows) const {
  int64_t sums = rowTile * e.target.tileVectors;
  // Columns that come in several parts leave no room for more of them.
  int64_t vectors = product->parts() > 1 ? 2 : 4;
  while (vectors > 1 && (rows * vectors > sums || !fits(rows, vectors)))
    vectors /= 2;
  return vectors;
}

/// Whichever are fewer, rows or columns, are kept for all of the others.
SmallVector<Value>
AttentionEmitter::multiply(ValueRange sums, int64_t rows, int64_t vectors,
                           function_ref<Value(int64_t)> row,
                           function_ref<Value(int64_t)> column) {
  bool keepsRows = rows < vectors;
  SmallVector<SmallVector<Value>> kept;
  for (int64_t i = 0; i < std::min(rows, vectors); ++i)
    kept.push_back(product->prepare(keepsRows ? row(i) : column(i)));
  SmallVector<Value> next(sums);
  for (int64_t i = 0; i < std::max(rows, vectors); ++i) {
    SmallVector<Value> other = product->prepare(keepsRows ? column(i) : row(i));
    for (auto [k, one] : llvm::enumerate(kept)) {
      Value &sum = next[keepsRows ? k * vectors + i : i * vectors + k];
      sum = keepsRows ? product->step(sum, one, other)
                      : product->step(sum, other, one);
    }
  }
  return next;
}

SmallVector<Value> AttentionEmitter::steps(
    int64_t count, ValueRange carried,
    function_ref<SmallVector<Value>(Value, ValueRange)> emit) {
  // Where a step is several instructions, those of steps in a row would be
  // mixed, and take more registers than there are.
  bool roomy = e.target.registers() > 16;
  bool simple = product->spare() == 0 && (single || roomy);
  int64_t straight = simple && roomy ? 8 : 1, unroll = simple ? 4 : 1;
  SmallVector<Value> values(carried);
  int64_t looped = count <= straight ? 0 : count / unroll * unroll;
  if (looped)
    values = e.loop(zero, e.index(looped), unroll, values,
                    [&](Value at, ValueRange inner) {
                      SmallVector<Value> next(inner);
                      for (int64_t u = 0; u < unroll; ++u)
                        next = emit(e.add(at, u), next);
                      return next;
                    });
  for (int64_t i = looped; i < count; ++i)
    values = emit(e.index(i), values);
  return values;
}

SmallVector<Value> AttentionEmitter::inGroups(
    Value from, Value to, int64_t most, ValueRange carried,
    function_ref<SmallVector<Value>(Value, int64_t, ValueRange)> emit) {
  SmallVector<Value> values(carried);
  for (int64_t size = most; size; size /= 2) {
    Value end = to;
    if (size > 1) {
      Value rest = arith::RemUIOp::create(e, e.sub(to, from), e.index(size));
      end = e.sub(to, rest);
    }
    values = e.loop(from, end, size, values, [&](Value at, ValueRange inner) {
      return emit(at, size, inner);
    });
    from = end;
  }
  return values;
}

Value AttentionEmitter::loadWords(Value buffer, ValueRange at, int64_t count) {
  auto type = VectorType::get(
      {count}, cast<MemRefType>(buffer.getType()).getElementType());
  return vector::LoadOp::create(e, type, buffer, at);
}

void AttentionEmitter::storeWords(Value words, Value buffer, ValueRange at) {
  vector::StoreOp::create(e, words, buffer, at);
}

Value AttentionEmitter::loadFloats(Value buffer, ValueRange at) {
  Value words = e.load(buffer, at);
  VectorType floats = e.vectorOf(e.getF32Type());
  return words.getType() == floats
             ? words
             : arith::BitcastOp::create(e, floats, words).getResult();
}

void AttentionEmitter::storeFloats(Value value, Value buffer, ValueRange at) {
  VectorType words =
      e.vectorOf(cast<MemRefType>(buffer.getType()).getElementType());
  if (words != value.getType())
    value = arith::BitcastOp::create(e, words, value);
  e.store(value, buffer, at);
}

Value AttentionEmitter::loadInput(Value buffer, ValueRange at, Value mask) {
  Value value = e.load(buffer, at, mask);
  VectorType floats = e.vectorOf(e.getF32Type());
  return value.getType() == floats
             ? value
             : arith::ExtFOp::create(e, floats, value).getResult();
}

void AttentionEmitter::storeResult(Value value, ValueRange at, Value mask) {
  VectorType type =
      e.vectorOf(cast<MemRefType>(op.getInit().getType()).getElementType());
  if (value.getType() != type)
    value = arith::TruncFOp::create(e, type, value);
  e.store(value, op.getInit(), at, mask);
}
