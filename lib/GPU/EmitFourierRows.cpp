//===- EmitFourierRows.cpp - rows before and after their transforms -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"
#include "Tiles.h"
#include "transformer/GPU/Fourier.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

/// The even and the odd half of each row, by a warp: means, so that none is
/// larger than the numbers it is made of. The place of the odd half that would
/// be zero has the frequency width / 2, whose sum is not worth a product.
void mlir::transformer::gpu::emitFoldKernel(DeviceBuilder &b,
                                            const KernelSpec &spec) {
  FourierShape shape(spec.number("width"));
  Type from = spec.type("input"), to = spec.type("output");
  Value input = b.nextArgument(), even = b.nextArgument();
  Value odd = b.nextArgument(), rows = b.nextArgument();
  Value thread = b.threadIndex(), lane = b.rem(thread, 32);
  Value row = b.add(b.mul(b.blockX(), kFoldRows), b.div(thread, 32));
  Value width = b.i32(shape.width), zero = b.f32(0);
  b.ifThen(b.less(row, rows), [&] {
    Value start = b.offset(input, b.rowStart(row, shape.width), from);
    Value evens = b.offset(even, b.rowStart(row, shape.evenDepth), to);
    Value odds = b.offset(odd, b.rowStart(row, shape.oddDepth), to);
    Value sum =
        b.loop(lane, b.i32(shape.evenDepth), b.i32(32), zero,
               [&](Value column, ArrayRef<Value> sums) -> Values {
                 Value twice = b.mul(column, 2);
                 Value isThere = b.less(twice, b.add(width, 1));
                 Value hasPartner =
                     b.both(b.less(b.i32(0), column), b.less(twice, width));
                 auto read = [&](Value condition, Value at) {
                   return b
                       .loadFloatsIf(condition, b.offset(start, at, from), from,
                                     1)
                       .front();
                 };
                 Value x = read(isThere, column);
                 Value y = read(hasPartner, b.sub(width, column));
                 Value both = b.fadd(x, y);
                 Value mean = b.select(hasPartner, b.fmul(both, b.f32(0.5)), x);
                 b.storeValues(mean, b.offset(evens, column, to), to);
                 Value isOdd = b.both(b.less(b.i32(0), column),
                                      b.less(column, shape.oddDepth));
                 b.ifThen(isOdd, [&] {
                   Value half = b.fmul(b.fsub(x, y), b.f32(0.5));
                   b.storeValues(b.select(hasPartner, half, zero),
                                 b.offset(odds, column, to), to);
                 });
                 Value isNegative = b.equal(b.rem(column, 2), 1);
                 return {b.fadd(
                     sums[0], b.select(isNegative, b.fsub(zero, both), both))};
               })
            .front();
    sum = b.allReduce(sum, 32, [&](Value l, Value r) { return b.fadd(l, r); });
    if (!shape.hasLast())
      sum = zero;
    b.ifThen(b.less(lane, 1), [&] {
      b.storeValues(b.fmul(sum, b.f32(std::ldexp(1.0, -shape.shift))), odds,
                    to);
    });
  });
}

/// Rows as cuFFT transforms them in place: f32, with room for a complex number
/// of each frequency up to width / 2. A block per row.
void mlir::transformer::gpu::emitWidenKernel(DeviceBuilder &b,
                                             const KernelSpec &spec) {
  Value input = b.nextArgument(), output = b.nextArgument();
  Value rows = b.nextArgument(), row = b.blockX();
  int64_t width = spec.number("width");
  Type from = spec.type("input"), to = spec.type("output");
  b.ifThen(b.less(row, rows), [&] {
    Value x = b.offset(input, b.rowStart(row, width), from);
    Value y = b.offset(output, b.rowStart(row, width / 2 * 2 + 2), to);
    b.loop(b.threadIndex(), b.i32(width), b.i32(spec.launch().threads), {},
           [&](Value column, ArrayRef<Value>) -> Values {
             b.storeValues(b.loadFloats(b.offset(x, column, from), from, 1),
                           b.offset(y, column, to), to);
             return {};
           });
  });
}

/// The real parts of what cuFFT has made, of long sequences: frequencies (s, h)
/// above width / 2 are those of (length - s, width - h).
void mlir::transformer::gpu::emitMirrorKernel(DeviceBuilder &b,
                                              const KernelSpec &spec) {
  Value input = b.nextArgument(), offsets = b.nextArgument();
  Value output = b.nextArgument(), tokens = b.nextArgument();
  Value sequences = b.nextArgument(), fftFrom = b.nextArgument();
  Value token = b.blockX();
  int64_t width = spec.number("width"), room = width / 2 * 2 + 2;
  Type i32 = b.getI32Type(), f32 = b.f32();
  b.ifThen(b.less(token, tokens), [&] {
    Value sequence = b.sequenceOf(token, offsets, sequences);
    Value start = b.load(b.offset(offsets, sequence, i32), i32);
    Value end = b.load(b.offset(offsets, b.add(sequence, 1), i32), i32);
    Value isShort = b.less(b.sub(end, start), fftFrom);
    Value isFirst = b.less(token, b.add(start, 1));
    Value other = b.select(isFirst, start, b.add(start, b.sub(end, token)));
    Value here = b.offset(input, b.rowStart(token, room), f32);
    Value there = b.offset(input, b.rowStart(other, room), f32);
    Value row = b.offset(output, b.rowStart(token, width), f32);
    Value count = b.select(isShort, b.i32(0), b.i32(width));
    b.loop(b.threadIndex(), count, b.i32(spec.launch().threads), {},
           [&](Value column, ArrayRef<Value>) -> Values {
             Value isBelow = b.less(column, width / 2 + 1);
             Value mirrored = b.sub(b.i32(width), column);
             Value from = b.select(isBelow, here, there);
             Value at = b.mul(b.select(isBelow, column, mirrored), 2);
             b.store(b.load(b.offset(from, at, f32), f32),
                     b.offset(row, column, f32));
             return {};
           });
  });
}
