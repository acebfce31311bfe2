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
