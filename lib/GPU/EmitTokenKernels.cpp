//===- EmitTokenKernels.cpp - rows by where their tokens are --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

/// The neighbours of each token in its sequence, one after the other in a row
/// that a product with the matrices of all lags can take; zeros beyond the
/// ends. A block per token.
void mlir::transformer::gpu::emitStackKernel(DeviceBuilder &b,
                                             const KernelSpec &spec) {
  Value input = b.nextArgument(), offsets = b.nextArgument();
  Value output = b.nextArgument(), tokens = b.nextArgument();
  Value sequences = b.nextArgument(), token = b.blockX();
  int64_t width = spec.number("width"), count = spec.number("count");
  Type from = spec.type("input"), to = spec.type("output"),
       i32 = b.getI32Type();
  b.ifThen(b.less(token, tokens), [&] {
    Value sequence = b.sequenceOf(token, offsets, sequences);
    Value start = b.load(b.offset(offsets, sequence, i32), i32);
    Value end = b.load(b.offset(offsets, b.add(sequence, 1), i32), i32);
    Value row = b.offset(output, b.rowStart(token, count * width), to);
    Value first = b.sub(token, b.i32(count / 2));
    b.loop(b.threadIndex(), b.i32(count * width), b.i32(spec.launch().threads),
           {}, [&](Value column, ArrayRef<Value>) -> Values {
             Value other = b.add(first, b.div(column, width));
             Value isThere =
                 b.both(b.less(other, end), b.less(start, b.add(other, 1)));
             Value x = b.offset(b.offset(input, b.rowStart(other, width), from),
                                b.rem(column, width), from);
             b.storeValues(b.loadFloatsIf(isThere, x, from, 1),
                           b.offset(row, column, to), to);
             return {};
           });
  });
}

/// Pairs of channels turn by the position of their token. A block per token,
/// whose threads go through the pairs of all heads and, after those, through
/// the channels that stay.
void mlir::transformer::gpu::emitRopeKernel(DeviceBuilder &b,
                                            const KernelSpec &spec) {
  Value input = b.nextArgument(), positions = b.nextArgument();
  Value turns = b.nextArgument(), output = b.nextArgument();
  Value tokens = b.nextArgument(), token = b.blockX();
  int64_t heads = spec.number("heads"), dim = spec.number("dim");
  int64_t turning = spec.number("turning"), pairs = turning / 2;
  bool isInterleaved = spec.has("interleaved");
  Type from = spec.type("input"), to = spec.type("output"), f32 = b.f32();
  b.ifThen(b.less(token, tokens), [&] {
    Type i32 = b.getI32Type();
    Value position = b.load(b.offset(positions, token, i32), i32);
    Value start = b.rowStart(token, heads * dim);
    Value x = b.offset(input, start, from), y = b.offset(output, start, to);
    auto read = [&](Value at) {
      return b.loadFloats(b.offset(x, at, from), from, 1).front();
    };
    auto write = [&](Value value, Value at) {
      b.storeValues(value, b.offset(y, at, to), to);
    };
    Value threads = b.i32(spec.launch().threads);
    b.loop(b.threadIndex(), b.i32(heads * pairs), threads, {},
           [&](Value index, ArrayRef<Value>) -> Values {
             Value pair = b.rem(index, pairs);
             Value head = b.mul(b.div(index, pairs), dim);
             Value first = b.add(head, isInterleaved ? b.mul(pair, 2) : pair);
             Value second = b.add(first, isInterleaved ? 1 : pairs);
             Value high = b.load(b.offset(turns, pair, f32), f32);
             Value low = b.load(b.offset(turns, b.add(pair, pairs), f32), f32);
             auto [cosine, sine] = b.turns(position, high, low);
             Value u = read(first), v = read(second);
             write(b.fsub(b.fmul(u, cosine), b.fmul(v, sine)), first);
             write(b.fma(u, sine, b.fmul(v, cosine)), second);
             return {};
           });
    int64_t rest = dim - turning;
    if (rest)
      b.loop(b.threadIndex(), b.i32(heads * rest), threads, {},
             [&](Value index, ArrayRef<Value>) -> Values {
               Value at = b.add(b.mul(b.div(index, rest), dim),
                                b.add(b.rem(index, rest), turning));
               write(read(at), at);
               return {};
             });
  });
}
