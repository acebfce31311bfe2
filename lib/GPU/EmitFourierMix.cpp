//===- EmitFourierMix.cpp - transforms along sequences --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FourierMixEmitter.h"
#include "Tiles.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
/// By a thread per column, which sums for a few frequencies at once.
class MixSimpleEmitter : public MixEmitter {
public:
  using MixEmitter::MixEmitter;

private:
  void emitBlock(bool hasTable) override;
  void storeEntry(Value cosine, Value sine, Value place) override {
    b.storeValues({cosine, sine}, place, b.f32());
  }
};
} // namespace

void MixEmitter::fillTable() {
  b.loop(thread, length, b.i32(spec.launch().threads), {},
         [&](Value index, ArrayRef<Value>) -> Values {
           auto [cosine, sine] = turn(index);
           storeEntry(cosine, sine, place(index));
           return {};
         });
}

void MixEmitter::emit() {
  cosines = b.nextArgument(), sines = b.nextArgument();
  Value offsets = b.nextArgument();
  output = b.nextArgument();
  Value sequences = b.nextArgument();
  Value fftFrom = spec.has("fft") ? b.nextArgument() : Value();
  thread = b.threadIndex();
  // As in attention: of the blocks that a sequence gets some have nothing to
  // do. `per` tokens have half as many frequencies.
  int64_t per = spec.launch().per;
  Type i32 = b.getI32Type();
  Value sequence = b.sequenceOf(b.blockX(), offsets, sequences, per);
  start = b.load(b.offset(offsets, sequence, i32), i32);
  Value end = b.load(b.offset(offsets, b.add(sequence, 1), i32), i32);
  length = b.sub(end, start);
  depth = b.add(b.div(length, 2), 1);
  Value block = b.sub(b.blockX(), b.add(b.div(start, per), sequence));
  firstRow = b.mul(block, per / 2);
  Value isBusy = b.both(b.less(firstRow, depth), b.less(b.i32(0), length));
  if (fftFrom)
    isBusy = b.both(isBusy, b.less(length, fftFrom));
  b.ifThen(isBusy, [&] {
    inverse = b.fdiv(b.f32(1), arith::SIToFPOp::create(b, b.f32(), length));
    int64_t longest = spec.number("longest");
    bool isAlways = longest && longest <= tableSize;
    Value fits = b.less(length, tableSize + 1);
    b.ifThen(isAlways ? Value() : fits, [&] {
      fillTable();
      emitBlock(/*hasTable=*/true);
    });
    if (!isAlways)
      b.ifThen(b.less(b.i32(tableSize), length),
               [&] { emitBlock(/*hasTable=*/false); });
  });
}

void MixEmitter::finish(Value p, Value q, Value row, Value isRow, Value column,
                        Value isColumn, Value isLast) {
  Value scale = b.f32(std::ldexp(1.0, shape.shift + 1));
  p = b.fmul(p, scale), q = b.fmul(q, scale);
  Value sum = b.fadd(p, q), difference = b.fsub(p, q);
  Type f32 = b.f32();
  Value last = b.i32(shape.width / 2);
  if (isLast)
    column = b.select(isLast, last, column);
  Value mirrored = b.sub(b.i32(shape.width), column);
  Value isMirrored = b.both(b.less(b.i32(0), column), b.less(column, mirrored));
  auto write = [&](Value at, Value here, Value there) {
    Value place =
        b.offset(output, b.rowStart(b.add(start, at), shape.width), f32);
    b.store(here, b.offset(place, column, f32));
    b.ifThen(isMirrored,
             [&] { b.store(there, b.offset(place, mirrored, f32)); });
  };
  b.ifThen(b.both(isRow, isColumn), [&] {
    write(row, sum, difference);
    Value other = b.sub(length, row);
    b.ifThen(b.both(b.less(b.i32(0), row), b.less(row, other)),
             [&] { write(other, difference, sum); });
  });
}

void MixSimpleEmitter::emitBlock(bool hasTable) {
  constexpr int64_t rows = kMixSimpleRows;
  Value column = b.add(b.mul(b.blockY(), spec.launch().threads), thread);
  if (hasTable)
    b.barrier();
  b.ifThen(b.less(column, shape.width / 2 + 1), [&] {
    Value isLast = shape.hasLast() ? b.equal(column, shape.width / 2) : Value();
    Value from = isLast ? b.select(isLast, b.i32(0), column) : column;
    Value isOdd = b.less(b.i32(0), from);
    Values starts, carried(2 * rows, b.f32(0));
    for (int64_t r = 0; r < rows; ++r) {
      starts.push_back(modulo(b.add(firstRow, r)));
      carried.push_back(b.i32(0));
    }
    Values sums = b.loop(
        b.i32(0), depth, b.i32(1), carried, [&](Value t, ArrayRef<Value> old) {
          Value partner = b.select(b.less(b.i32(0), t), b.sub(length, t), t);
          auto read = [&](Value base, Value row) {
            Value at = b.offset(
                base, b.rowStart(b.add(start, row), shape.columns), element);
            return b.loadFloats(b.offset(at, from, element), element, 1)
                .front();
          };
          Value u = read(sines, t), v = read(sines, partner);
          Value x = read(cosines, t), y = read(cosines, partner);
          if (isLast)
            x = b.select(isLast, u, x), y = b.select(isLast, v, y);
          Value isAlone = arith::OrIOp::create(
              b, b.equal(t, 0),
              arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.mul(t, 2),
                                    length));
          Value even =
              b.fmul(b.fadd(x, y), b.select(isAlone, b.f32(0.25), b.f32(0.5)));
          Value odd =
              b.select(isOdd, b.fmul(b.fsub(u, v), b.f32(0.5)), b.f32(0));
          Values next(old);
          for (int64_t r = 0; r < rows; ++r) {
            Value &index = next[2 * rows + r], cosine, sine;
            if (hasTable) {
              Values both = b.loadFloats(place(index), b.f32(), 2);
              cosine = both[0], sine = both[1];
            } else {
              std::tie(cosine, sine) = turn(index);
            }
            next[2 * r] = b.fma(even, cosine, old[2 * r]);
            next[2 * r + 1] = b.fma(odd, sine, old[2 * r + 1]);
            index = step(index, starts[r]);
          }
          return next;
        });
    for (int64_t r = 0; r < rows; ++r) {
      Value row = b.add(firstRow, r);
      finish(sums[2 * r], sums[2 * r + 1], row, b.less(row, depth), column,
             nullptr, nullptr);
    }
  });
}

void mlir::transformer::gpu::emitMixSimpleKernel(DeviceBuilder &b,
                                                 const KernelSpec &spec) {
  MixSimpleEmitter(b, spec).emit();
}
