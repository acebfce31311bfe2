//===- DevicePlaces.cpp - which part of the work is whose -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"

using namespace mlir;
using namespace mlir::transformer::gpu;

std::pair<Value, Value> DeviceBuilder::tileOf(Value index, Value rows,
                                              int64_t columns) {
  // All columns of some rows come first, but of so many columns at most.
  constexpr int64_t kTogether = 16;
  if (columns <= kTogether)
    return {div(index, columns), rem(index, columns)};
  Value per = mul(rows, kTogether);
  Value group = arith::DivUIOp::create(*this, index, per);
  Value in = sub(index, arith::MulIOp::create(*this, group, per));
  Value first = mul(group, kTogether), left = sub(i32(columns), first);
  Value width = select(less(left, kTogether), left, i32(kTogether));
  Value row = arith::DivUIOp::create(*this, in, width);
  return {row, add(first, sub(in, arith::MulIOp::create(*this, row, width)))};
}

/// While low and high are more than one apart, others by `narrow`; the first.
static Value
search(DeviceBuilder &b, Value sequences,
       llvm::function_ref<std::pair<Value, Value>(Value, Value)> narrow) {
  Type type = b.getI32Type();
  auto loop = scf::WhileOp::create(
      b, TypeRange{type, type}, ValueRange{b.i32(0), sequences},
      [](OpBuilder &, Location, ValueRange) {},
      [](OpBuilder &, Location, ValueRange) {});
  OpBuilder::InsertionGuard guard(b);
  Block *before = loop.getBeforeBody(), *after = loop.getAfterBody();
  b.setInsertionPointToEnd(before);
  Value low = before->getArgument(0), high = before->getArgument(1);
  scf::ConditionOp::create(b, b.less(b.i32(1), b.sub(high, low)),
                           before->getArguments());
  b.setInsertionPointToEnd(after);
  auto [left, right] = narrow(after->getArgument(0), after->getArgument(1));
  scf::YieldOp::create(b, ValueRange{left, right});
  return loop.getResult(0);
}

Value DeviceBuilder::sequenceOf(Value index, Value offsets, Value sequences,
                                int64_t per) {
  Type type = getI32Type();
  return search(*this, sequences, [&](Value low, Value high) {
    Value middle = div(add(low, high), 2);
    Value start = load(offset(offsets, middle, type), type);
    if (per)
      start = add(div(start, per), middle);
    Value isRight = less(index, start);
    return std::pair(select(isRight, low, middle),
                     select(isRight, middle, high));
  });
}

Value DeviceBuilder::sequenceOfBlock(Value index, Value offsets,
                                     Value sequences, int64_t per) {
  // A load takes as long as all else here: 32 of them at once.
  Type type = getI32Type();
  Value lane = rem(threadIndex(), 32);
  return search(*this, sequences, [&](Value low, Value high) {
    Value step = div(add(sub(high, low), 31), 32);
    Value at = add(low, arith::MulIOp::create(*this, lane, step));
    Value isIn = less(at, high);
    Value from = offset(offsets, select(isIn, at, low), type);
    Value first = add(div(load(from, type), per), at);
    // The first lane's is one of those that begin at `index` or before.
    Value isBefore = both(isIn, less(first, add(index, 1)));
    Value count = allReduce(select(isBefore, f32(1), f32(0)), 32,
                            [&](Value a, Value c) { return fadd(a, c); });
    Value last = sub(arith::FPToSIOp::create(*this, type, count), i32(1));
    Value left = add(low, arith::MulIOp::create(*this, last, step));
    Value right = add(left, step);
    return std::pair(left, select(less(right, high), right, high));
  });
}
