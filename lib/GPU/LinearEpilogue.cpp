//===- LinearEpilogue.cpp - what follows the sums of a product ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LinearEpilogue.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

LinearEpilogue::LinearEpilogue(DeviceBuilder &b, const KernelSpec &spec)
    : b(b), spec(spec) {
  input = b.nextArgument();
  weight = b.nextArgument();
  if (spec.has("bias"))
    bias = b.nextArgument();
  if (spec.type("input").isInteger(8))
    inputScales = b.nextArgument(), weightScales = b.nextArgument();
  if (spec.has("residual"))
    residual = b.nextArgument();
  output = b.nextArgument();
  rows = b.nextArgument();
}

void LinearEpilogue::finish(ArrayRef<Value> sums, Value row, Value column) {
  int64_t n = spec.number("n"), count = sums.size();
  Type f32 = b.f32();
  Values x(sums);
  auto perColumn = [&](Value base) {
    return b.loadFloats(b.offset(base, column, f32), f32, count);
  };
  if (inputScales) {
    Value scale = b.load(b.offset(inputScales, row, f32), f32);
    Values scales = perColumn(weightScales);
    for (int64_t i = 0; i < count; ++i)
      x[i] = b.fmul(arith::SIToFPOp::create(b, f32, x[i]),
                    b.fmul(scale, scales[i]));
  }
  if (bias) {
    Values more = perColumn(bias);
    for (int64_t i = 0; i < count; ++i)
      x[i] = b.fadd(x[i], more[i]);
  }
  for (Value &value : x)
    value = b.activate(spec.word("activation"), value);
  Value start = b.rowStart(row, n);
  if (residual) {
    Type type = spec.type("residual");
    Values more = b.loadFloats(
        b.offset(b.offset(residual, start, type), column, type), type, count);
    for (int64_t i = 0; i < count; ++i)
      x[i] = b.fadd(x[i], more[i]);
  }
  Type type = spec.type("output");
  b.storeValues(x, b.offset(b.offset(output, start, type), column, type), type);
}

void LinearEpilogue::finishBlocks(ArrayRef<Value> sums, Value row, Value column,
                                  bool hasTail) {
  int64_t n = spec.number("n");
  for (int64_t half = 0; half < 2; ++half) {
    Value at = b.add(row, 8 * half);
    b.ifThen(b.less(at, rows), [&] {
      for (size_t i = 0; i < sums.size() / 4; ++i) {
        Value next = b.add(column, 8 * i);
        b.ifThen(hasTail ? b.less(next, n) : Value(),
                 [&] { finish(sums.slice(4 * i + 2 * half, 2), at, next); });
      }
    });
  }
}
