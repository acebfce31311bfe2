//===- EmitIndexKernels.cpp - positions of tokens, patches of images ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void mlir::transformer::gpu::emitPositionsKernel(DeviceBuilder &b,
                                                 const KernelSpec &spec) {
  Value offsets = b.nextArgument();
  Value ids = spec.has("padding") ? b.nextArgument() : Value();
  Value output = b.nextArgument();
  Value tokens = b.nextArgument(), sequences = b.nextArgument();
  Value token =
      b.add(b.mul(b.blockX(), spec.launch().threads), b.threadIndex());
  Type i32 = b.getI32Type();
  b.ifThen(b.less(token, tokens), [&] {
    Value sequence = b.sequenceOf(token, offsets, sequences);
    Value start = b.load(b.offset(offsets, sequence, i32), i32);
    Value position = b.add(b.sub(token, start), spec.number("start"));
    if (ids) {
      auto isPadding = [&](Value at) {
        return b.equal(b.load(b.offset(ids, at, i32), i32),
                       spec.number("padding"));
      };
      Value before =
          b.loop(start, token, b.i32(1), b.i32(0),
                 [&](Value at, ArrayRef<Value> count) -> Values {
                   return {b.add(count[0],
                                 b.select(isPadding(at), b.i32(1), b.i32(0)))};
                 })
              .front();
      position = b.select(isPadding(token), b.i32(spec.number("start") - 1),
                          b.sub(position, before));
    }
    b.store(position, b.offset(output, token, i32));
  });
}

/// A block per token, whose threads go through its numbers. Tokens that are no
/// patches, at the start of each image, are zeros.
void mlir::transformer::gpu::emitPatchesKernel(DeviceBuilder &b,
                                               const KernelSpec &spec) {
  Value input = b.nextArgument(), output = b.nextArgument();
  Value tokens = b.nextArgument(), token = b.blockX();
  int64_t channels = spec.number("channels"), height = spec.number("height");
  int64_t width = spec.number("width"), size = spec.number("size");
  int64_t before = spec.number("before"), perRow = width / size;
  int64_t length = before + height / size * perRow;
  int64_t columns = channels * size * size;
  Type from = spec.type("input"), to = spec.type("output");
  Value image = b.div(token, length);
  Value place = b.sub(b.rem(token, length), b.i32(before));
  Value isPatch = b.less(b.i32(-1), place);
  place = b.select(isPatch, place, b.i32(0));
  Value top = b.mul(b.div(place, perRow), size);
  Value left = b.mul(b.rem(place, perRow), size);
  Value pixels =
      b.offset(input, b.rowStart(image, channels * height * width), from);
  Value row = b.offset(output, b.rowStart(token, columns), to);
  b.ifThen(b.less(token, tokens), [&] {
    b.loop(b.threadIndex(), b.i32(columns), b.i32(spec.launch().threads), {},
           [&](Value column, ArrayRef<Value>) -> Values {
             Value channel = b.div(column, size * size);
             Value y = b.add(top, b.rem(b.div(column, size), size));
             Value x = b.add(left, b.rem(column, size));
             Value at =
                 b.add(b.mul(b.add(b.mul(channel, height), y), width), x);
             Values value =
                 b.loadFloatsIf(isPatch, b.offset(pixels, at, from), from, 1);
             b.storeValues(value, b.offset(row, column, to), to);
             return {};
           });
  });
}
