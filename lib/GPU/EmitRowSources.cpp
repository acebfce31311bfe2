//===- EmitRowSources.cpp - what the sums of row kernels are made of ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowsEmitter.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

Values RowsEmitter::readRow(Value base, Value index, Type element) {
  return readColumns(b.offset(base, b.rowStart(index, width), element), element,
                     tile.vector);
}

/// `step`: how many are loaded at once.
Values RowsEmitter::readColumns(Value start, Type element, int64_t step) {
  Values x;
  for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
    for (int64_t i = 0; i < tile.vector; i += step)
      llvm::append_range(
          x, b.loadFloatsIf(insideOf(chunk),
                            b.offset(start, b.add(columnOf(chunk), i), element),
                            element, step));
  return x;
}

Values RowsEmitter::slice(const Source &source) {
  Type element = source.what.element;
  int64_t count = source.what.count, start = source.what.start;
  bool isAligned = count % tile.vector == 0 && start % tile.vector == 0;
  Value first = b.offset(source.data, b.rowStart(row, count), element);
  return readColumns(b.offset(first, b.i32(start), element), element,
                     isAligned ? tile.vector : 1);
}

Values RowsEmitter::pool(const Source &source) {
  Type element = source.what.element;
  auto [from, to] = bounds(source, row);
  bool isMax = source.what.detail == "max", isCls = source.what.detail == "cls";
  Value count = b.sub(to, from);
  if (isCls && !source.mask)
    to = b.select(b.less(count, 1), to, b.add(from, 1));
  Values start(tile.chunks * tile.vector, b.f32(isMax ? -INFINITY : 0.0));
  if (source.mask)
    start.push_back(b.i32(0)); // how many tokens there have been
  Values x =
      b.loop(from, to, b.i32(1), start, [&](Value token, ArrayRef<Value> sums) {
        auto addToken = [&] {
          Values next = readRow(source.data, token, element);
          for (auto [value, sum] : llvm::zip(next, sums))
            value = isMax ? b.maximum(sum, value) : b.fadd(sum, value);
          if (source.mask)
            next.push_back(b.add(sums.back(), 1));
          return next;
        };
        if (!source.mask)
          return addToken();
        Type type = source.what.mask;
        Value isSeen =
            b.isSeen(b.load(b.offset(source.mask, token, type), type));
        if (isCls) // the first of them, and no more
          isSeen = b.both(isSeen, b.equal(sums.back(), 0));
        auto isHidden = arith::XOrIOp::create(
            b, isSeen, arith::ConstantOp::create(b, b.getBoolAttr(true)));
        return b.changedIf(isHidden, sums, /*ifNot=*/addToken);
      });
  if (source.mask)
    count = x.pop_back_val();
  Value isEmpty = b.less(count, 1), factor;
  if (source.what.detail == "mean")
    factor =
        b.fdiv(b.f32(1), arith::SIToFPOp::create(
                             b, b.f32(), b.select(isEmpty, b.i32(1), count)));
  for (Value &value : x) {
    if (isMax)
      value = b.select(isEmpty, b.f32(0), value);
    if (factor)
      value = b.fmul(value, factor);
  }
  return x;
}

std::pair<Value, Value> RowsEmitter::bounds(const Source &source,
                                            Value sequence) {
  Type i32 = b.getI32Type();
  return {b.load(b.offset(source.indices, sequence, i32), i32),
          b.load(b.offset(source.indices, b.add(sequence, 1), i32), i32)};
}

Values RowsEmitter::lags(const Source &source) {
  auto [from, to] = ownBounds(source);
  int64_t count = source.what.count;
  // The lags that stay inside of the sequence.
  Value shift = b.sub(b.i32(count / 2), row);
  Value first = b.add(from, shift), last = b.add(to, shift);
  first = b.select(b.less(first, 0), b.i32(0), first);
  last = b.select(b.less(last, count), last, b.i32(count));
  Values start(tile.chunks * tile.vector, b.f32(0));
  return b.loop(
      first, last, b.i32(1), start, [&](Value lag, ArrayRef<Value> sums) {
        Values x = readRow(source.data, b.sub(lag, shift), source.what.element);
        Values factors = readRow(source.scales, lag, b.f32());
        for (auto [value, factor, sum] : llvm::zip_equal(x, factors, sums))
          value = b.fma(value, factor, sum);
        return x;
      });
}

Values RowsEmitter::prepend(const Source &source) {
  Value place = b.rem(row, source.what.length + source.what.count);
  Value isParameter = b.less(place, source.what.count);
  Values x = readRow(source.data, row, source.what.element);
  Values parameters =
      readRow(source.scales, b.select(isParameter, place, b.i32(0)), b.f32());
  for (auto [value, parameter] : llvm::zip_equal(x, parameters))
    value = b.select(isParameter, parameter, value);
  return x;
}

Values RowsEmitter::select(const Source &source) {
  Type i32 = b.getI32Type(), element = source.what.element;
  Value start =
      b.offset(source.data, b.rowStart(row, source.what.count), element);
  Values x;
  for (int64_t chunk = 0; chunk < tile.chunks; ++chunk) {
    Value inside = insideOf(chunk);
    // Columns that are not there read the first one, and are zero.
    Value first = columnOf(chunk);
    if (inside)
      first = b.select(inside, first, b.i32(0));
    for (int64_t i = 0; i < tile.vector; ++i) {
      Value index = b.load(b.offset(source.indices, b.add(first, i), i32), i32);
      Value value =
          b.loadFloats(b.offset(start, index, element), element, 1).front();
      x.push_back(inside ? b.select(inside, value, b.f32(0)) : value);
    }
  }
  return x;
}

Values RowsEmitter::read(const Source &source) {
  if (source.what.kind == RowSource::Dense)
    return readRow(source.data, row, source.what.element);
  if (source.what.kind == RowSource::Pool)
    return pool(source);
  if (source.what.kind == RowSource::Lags)
    return lags(source);
  if (source.what.kind == RowSource::Prepend)
    return prepend(source);
  if (source.what.kind == RowSource::Select)
    return select(source);
  if (source.what.kind == RowSource::Slice)
    return slice(source);
  Type i32 = b.getI32Type();
  Value index = source.what.kind == RowSource::Unpool
                    ? b.sequenceOf(row, source.indices, sequences)
                    : Value(b.load(b.offset(source.indices, row, i32), i32));
  Values x = readRow(source.data, index, source.what.element);
  if (source.scales) {
    Value at = source.what.detail == "row" ? index : b.i32(0);
    Value scale = b.load(b.offset(source.scales, at, b.f32()), b.f32());
    for (Value &value : x)
      value = b.fmul(value, scale);
  }
  return x;
}
