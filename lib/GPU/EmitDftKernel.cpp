//===- EmitDftKernel.cpp - Fourier transforms of rows ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The definition, for any width: a thread per frequency sums over the row.
// Rows are real, so half of the frequencies are conjugates of the others.
//===----------------------------------------------------------------------===//
#include "DeviceBuilder.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void mlir::transformer::gpu::emitDftKernel(DeviceBuilder &b,
                                           const KernelSpec &spec) {
  Value input = b.nextArgument(), output = b.nextArgument();
  Value rows = b.nextArgument(), thread = b.threadIndex();
  int64_t width = spec.number("width"), threads = spec.launch().threads;
  Type element = spec.type("input"), f32 = b.f32();
  Value count = b.i32(width), inverse = b.f32(1.0 / width);
  auto entry = [&](Value index, int64_t which) {
    return b.offset(b.shared(), b.add(index, which * width), f32);
  };
  b.loop(thread, count, b.i32(threads), {},
         [&](Value index, ArrayRef<Value>) -> Values {
           auto [cosine, sine] = b.turn(index, count, inverse);
           b.store(cosine, entry(index, 0));
           b.store(sine, entry(index, 1));
           return {};
         });
  b.barrier();
  Value frequency = b.add(b.mul(b.blockY(), threads), thread);
  Value first = b.mul(b.blockX(), kDftRows);
  b.ifThen(b.less(frequency, width / 2 + 1), [&] {
    Values starts, isRow;
    for (int64_t i = 0; i < kDftRows; ++i) {
      Value row = b.add(first, i);
      isRow.push_back(b.less(row, rows));
      // Beyond the end the first row is read again, and not written.
      row = b.select(isRow.back(), row, first);
      starts.push_back(b.offset(input, b.rowStart(row, width), element));
    }
    Values start(2 * kDftRows, b.f32(0));
    start.push_back(b.i32(0)); // column times frequency, modulo the width
    Values sums = b.loop(
        b.i32(0), count, b.i32(1), start,
        [&](Value column, ArrayRef<Value> old) {
          Values next(old);
          Value index = old.back();
          Value cosine = b.load(entry(index, 0), f32);
          Value sine = b.load(entry(index, 1), f32);
          for (int64_t i = 0; i < kDftRows; ++i) {
            Value x =
                b.loadFloats(b.offset(starts[i], column, element), element, 1)
                    .front();
            next[2 * i] = b.fma(x, cosine, old[2 * i]);
            next[2 * i + 1] = b.fma(x, sine, old[2 * i + 1]);
          }
          Value sum = b.add(index, frequency);
          next.back() = b.select(b.less(sum, width), sum, b.sub(sum, count));
          return next;
        });
    Value mirrored = b.sub(count, frequency);
    Value isMirrored =
        b.both(b.less(b.i32(0), frequency), b.less(frequency, mirrored));
    for (int64_t i = 0; i < kDftRows; ++i)
      b.ifThen(isRow[i], [&] {
        Value place =
            b.offset(output, b.rowStart(b.add(first, i), 2 * width), f32);
        auto write = [&](Value at, Value imaginary) {
          b.store(sums[2 * i], b.offset(place, at, f32));
          b.store(imaginary, b.offset(place, b.add(at, width), f32));
        };
        write(frequency, b.fsub(b.f32(0), sums[2 * i + 1]));
        b.ifThen(isMirrored, [&] { write(mirrored, sums[2 * i + 1]); });
      });
  });
}
