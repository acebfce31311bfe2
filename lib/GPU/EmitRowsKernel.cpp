//===- EmitRowsKernel.cpp - row ops in one pass over memory ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row lives in the registers of one warp, or of several if it is wide: it is
// read once, whatever is computed of it, and each result is written once.
//===----------------------------------------------------------------------===//
#include "RowsEmitter.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

/// Over the row. Several warps leave their parts in shared memory, each
/// reduction in places of its own, so that one barrier is enough.
Value RowsEmitter::reduce(const Values &x, Combine combine) {
  Value result = x[0];
  for (Value value : llvm::drop_begin(x))
    result = combine(result, value);
  result = b.allReduce(result, 32, combine);
  if (tile.warps == 1)
    return result;
  Value places = b.bytes(b.shared(), b.i32(4 * tile.warps * numReductions++));
  Value isFirst = b.less(b.rem(lane, 32), 1);
  b.ifThen(isFirst, [&] { b.store(result, b.offset(places, warp, b.f32())); });
  b.barrier();
  Value all = b.load(places, b.f32());
  for (int64_t i = 1; i < tile.warps; ++i)
    all = combine(all, b.load(b.offset(places, b.i32(i), b.f32()), b.f32()));
  return all;
}

/// Zeros in columns that do not exist.
Values RowsEmitter::masked(Values x) {
  for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
    if (Value inside = insideOf(chunk))
      for (int64_t i = 0; i < tile.vector; ++i) {
        Value &value = x[chunk * tile.vector + i];
        value = b.select(inside, value, b.f32(0));
      }
  return x;
}

void RowsEmitter::normalize(Values &x) {
  StringRef norm = spec.word("norm");
  if (norm.empty())
    return;
  auto sum = [&](Value l, Value r) { return b.fadd(l, r); };
  if (norm == "layer") {
    Value mean = b.fmul(reduce(x, sum), b.f32(1.0 / width));
    for (Value &value : x)
      value = b.fsub(value, mean);
    x = masked(x);
  }
  Values squares;
  for (Value value : x)
    squares.push_back(b.fmul(value, value));
  Value total = reduce(squares, sum), factor;
  if (norm == "l2") {
    Value size = b.maximum(LLVM::SqrtOp::create(b, b.f32(), ValueRange{total}),
                           b.f32(spec.real("epsilon")));
    factor = b.fdiv(b.f32(1), size);
  } else {
    Value variance =
        b.fma(total, b.f32(1.0 / width), b.f32(spec.real("epsilon")));
    factor = b.fdiv(b.f32(1),
                    LLVM::SqrtOp::create(b, b.f32(), ValueRange{variance}));
  }
  for (int64_t chunk = 0; chunk < tile.chunks; ++chunk) {
    Value inside = insideOf(chunk), column = columnOf(chunk);
    auto parameters = [&](Value base) {
      return base ? b.loadFloatsIf(inside, b.offset(base, column, b.f32()),
                                   b.f32(), tile.vector)
                  : Values(tile.vector);
    };
    Values gamma = parameters(weight), beta = parameters(bias);
    for (int64_t i = 0; i < tile.vector; ++i) {
      Value &value = x[chunk * tile.vector + i];
      value = b.fmul(value, factor);
      if (beta[i])
        value = b.fma(value, gamma[i], beta[i]);
      else if (gamma[i])
        value = b.fmul(value, gamma[i]);
    }
  }
}

void RowsEmitter::write(const Values &x, Value base, Type element) {
  Value start = b.offset(base, b.rowStart(row, width), element);
  for (int64_t chunk = 0; chunk < tile.chunks; ++chunk)
    b.ifThen(insideOf(chunk), [&] {
      b.storeValues(ArrayRef(x).slice(chunk * tile.vector, tile.vector),
                    b.offset(start, columnOf(chunk), element), element);
    });
}

/// One for all rows; null: each has its own.
Value RowsEmitter::givenScale() {
  if (scale)
    return b.load(scale, b.f32());
  return spec.has("scale") ? b.f32(spec.real("scale")) : Value();
}

void RowsEmitter::quantize(Values x) {
  if (multiplier)
    for (int64_t chunk = 0; chunk < tile.chunks; ++chunk) {
      Values factors = b.loadFloatsIf(
          insideOf(chunk), b.offset(multiplier, columnOf(chunk), b.f32()),
          b.f32(), tile.vector);
      for (int64_t i = 0; i < tile.vector; ++i) {
        Value &value = x[chunk * tile.vector + i];
        value = b.fmul(value, factors[i]);
      }
    }
  x = masked(x);
  Values sizes;
  for (Value value : x)
    sizes.push_back(b.fabs(value));
  Value largest =
      reduce(sizes, [&](Value l, Value r) { return b.maximum(l, r); });
  RowRounding rounding(b, largest, givenScale());
  for (Value &value : x)
    value = rounding.round(value);
  write(x, rounded, b.getI8Type());
  b.ifThen(b.less(lane, 1),
           [&] { b.store(rounding.scale, b.offset(scales, row, b.f32())); });
}

void RowsEmitter::emit() {
  SmallVector<Source> sources;
  bool needsSequences = false;
  for (const RowSource &what : spec.sources()) {
    Source source{what, b.nextArgument(), nullptr, nullptr, nullptr};
    if (what.numPointers() > 1 && what.kind != RowSource::Prepend)
      source.indices = b.nextArgument();
    if (what.mask)
      source.mask = b.nextArgument();
    else if (what.kind == RowSource::Prepend || what.numPointers() == 3)
      source.scales = b.nextArgument();
    needsSequences |= what.needsSequences();
    sources.push_back(source);
  }
  StringRef norm = spec.word("norm");
  if (norm == "layer" || norm == "rms")
    weight = b.nextArgument();
  if (spec.has("bias"))
    bias = b.nextArgument();
  if (spec.has("multiplier"))
    multiplier = b.nextArgument();
  if (spec.isUnit("scale"))
    scale = b.nextArgument();
  if (spec.has("output"))
    output = b.nextArgument();
  if (spec.has("quantize"))
    rounded = b.nextArgument(), scales = b.nextArgument();
  Value rows = b.nextArgument();
  if (needsSequences)
    sequences = b.nextArgument();

  Value thread = b.threadIndex();
  row = b.mul(b.blockX(), tile.rowsPerBlock());
  if (tile.rowsPerBlock() > 1)
    row = b.add(row, b.div(thread, tile.lanes()));
  lane = tile.rowsPerBlock() > 1 ? b.rem(thread, tile.lanes()) : thread;
  warp = b.div(lane, 32);
  b.ifThen(b.less(row, rows), [&] {
    Values x = read(sources[0]);
    for (const Source &source : llvm::drop_begin(sources)) {
      Values more = read(source);
      for (auto [value, other] : llvm::zip_equal(x, more))
        value = b.fadd(value, other);
    }
    normalize(x);
    for (Value &value : x)
      value = b.activate(spec.word("activation"), value);
    if (output)
      write(x, output, spec.type("output"));
    if (rounded)
      quantize(x);
  });
}

void mlir::transformer::gpu::emitRowsKernel(DeviceBuilder &b,
                                            const KernelSpec &spec) {
  RowsEmitter(b, spec).emit();
}
