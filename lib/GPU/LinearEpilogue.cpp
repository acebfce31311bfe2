//===- LinearEpilogue.cpp - what follows the sums of a product ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LinearEpilogue.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

LinearEpilogue::LinearEpilogue(DeviceBuilder &b, const KernelSpec &spec)
    : b(b), spec(spec) {
  bool isI8 = spec.type("input").isInteger(8);
  bool isPair = spec.family() == "linear_pair";
  input = b.nextArgument();
  if (isPair) {
    down = b.nextArgument();
    if (spec.has("down_bias"))
      downBias = b.nextArgument();
    if (isI8)
      downInputScales = b.nextArgument(), downScales = b.nextArgument();
    if (spec.has("multiplier"))
      multiplier = b.nextArgument();
    if (spec.isUnit("scale"))
      givenScale = b.nextArgument();
  }
  weight = b.nextArgument();
  if (spec.has("bias"))
    bias = b.nextArgument();
  if (isI8 && !isPair)
    inputScales = b.nextArgument();
  if (isI8)
    weightScales = b.nextArgument();
  if (spec.has("residual"))
    residual = b.nextArgument();
  output = b.nextArgument();
  rows = b.nextArgument();
}

LinearEpilogue::Others LinearEpilogue::load(Value row, Value column,
                                            int64_t count) {
  auto perColumn = [&](Value base) {
    return base ? b.loadVector(b.offset(base, column, b.f32()), b.f32(), count)
                : Value();
  };
  Others others{perColumn(weightScales), perColumn(bias), Value()};
  if (residual) {
    Type type = spec.type("residual");
    Value start = b.rowStart(row, spec.number("n"));
    others.residual = b.loadVector(
        b.offset(b.offset(residual, start, type), column, type), type, count);
  }
  return others;
}

Values LinearEpilogue::results(ArrayRef<Value> sums, Value scale,
                               const Others &others) {
  int64_t count = sums.size();
  Values x(sums);
  auto combine = [&](Value vector,
                     llvm::function_ref<Value(Value, Value)> with) {
    if (!vector)
      return;
    for (auto [value, more] : llvm::zip_equal(x, b.floats(vector, count)))
      value = with(value, more);
  };
  combine(others.weightScales, [&](Value sum, Value more) {
    return b.fmul(arith::SIToFPOp::create(b, b.f32(), sum),
                  b.fmul(scale, more));
  });
  auto add = [&](Value value, Value more) { return b.fadd(value, more); };
  combine(others.bias, add);
  for (Value &value : x)
    value = b.activate(spec.word("activation"), value);
  combine(others.residual, add);
  return x;
}

void LinearEpilogue::finish(ArrayRef<Value> sums, Value row, Value column) {
  store(results(sums, scaleOf(row), load(row, column, sums.size())), row,
        column);
}

Value LinearEpilogue::scaleOf(Value row) {
  if (firstScale)
    row = b.sub(row, firstScale);
  return inputScales ? b.load(b.offset(inputScales, row, b.f32()), b.f32())
                     : Value();
}

void LinearEpilogue::store(ArrayRef<Value> values, Value row, Value column) {
  Type type = spec.type("output");
  Value start = b.rowStart(row, spec.number("n"));
  b.storeValues(values, b.offset(b.offset(output, start, type), column, type),
                type);
}

/// Lanes beside each other have two columns each of a block and of the next
/// one. The even one gets four neighbours of this block, the odd one of the
/// next.
Values LinearEpilogue::exchanged(ArrayRef<Value> here, ArrayRef<Value> next,
                                 Value isOdd) {
  Values sent, kept;
  for (auto [a, c] : llvm::zip_equal(here, next)) {
    sent.push_back(b.exchange(b.select(isOdd, a, c), 1));
    kept.push_back(b.select(isOdd, c, a));
  }
  Values result;
  for (bool isSecond : {false, true})
    for (auto [got, own] : llvm::zip_equal(sent, kept))
      result.push_back(isSecond ? b.select(isOdd, own, got)
                                : b.select(isOdd, got, own));
  return result;
}

void LinearEpilogue::finishBlocks(ArrayRef<Value> sums, Value row, Value column,
                                  bool hasTail, int64_t atOnce) {
  int64_t n = spec.number("n"), blocks = sums.size() / 4;
  // Four numbers at once: rows of 32 bytes are what memory is made of.
  bool isWide = n % 4 == 0 && blocks % 2 == 0;
  Value isOdd, first = column;
  if (isWide) {
    isOdd = b.equal(b.rem(b.threadIndex(), 2), 1);
    first = b.add(column, b.select(isOdd, b.i32(6), b.i32(0)));
  }
  int64_t step = isWide ? 2 : 1;
  for (int64_t half = 0; half < 2; ++half) {
    Value at = b.add(row, 8 * half), isRow = b.less(at, rows);
    auto pairOf = [&](int64_t i) { return sums.slice(4 * i + 2 * half, 2); };
    // What is not there is read from a place that is.
    Value from = b.select(isRow, at, b.i32(0));
    Value scale = scaleOf(firstScale ? at : from);
    for (int64_t begin = 0; begin < blocks; begin += step * atOnce) {
      int64_t end = std::min(blocks, begin + step * atOnce);
      SmallVector<Others> others;
      SmallVector<Value> columns, isIn;
      for (int64_t i = begin; i < end; i += step) {
        columns.push_back(b.add(first, 8 * i));
        isIn.push_back(hasTail ? b.less(columns.back(), n) : Value());
        Value place = columns.back();
        if (hasTail)
          place = b.select(isIn.back(), place, b.i32(0));
        others.push_back(load(from, place, 2 * step));
      }
      for (int64_t i = begin; i < end; i += step) {
        Values values = isWide ? exchanged(pairOf(i), pairOf(i + 1), isOdd)
                               : Values(pairOf(i));
        int64_t which = (i - begin) / step;
        values = results(values, scale, others[which]);
        b.ifThen(b.both(isRow, isIn[which]),
                 [&] { store(values, at, columns[which]); });
      }
    }
  }
}
