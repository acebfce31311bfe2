//===- EmitFourierMix.cpp - Fourier transforms along sequences ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The real part of the transform, along each sequence, of rows that have been
// transformed: of frequencies s and h with C the cosines and S the sines of the
// length, sum C[s,t] a[t,h] + sum S[s,t] b[t,h], where a and b are real and
// imaginary part. Rows t and N - t are added or subtracted first, so that t
// ends at N/2, and so do the frequencies: the two sums P and Q are P + Q at
// (s, h) and at (N - s, width - h), P - Q at (N - s, h) and at (s, width - h).
// Cosines and sines are a table in shared memory, which the block makes for the
// length of its sequence.
//===----------------------------------------------------------------------===//
#include "DeviceBuilder.h"
#include "Tiles.h"
#include "transformer/GPU/Fourier.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
/// What the kernel for tensor cores and the simple one share.
class MixEmitter {
public:
  MixEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), spec(spec), shape(spec.number("width")),
        element(spec.type("input")), tableSize(spec.number("table")) {}
  virtual ~MixEmitter() = default;
  void emit();

protected:
  /// All of a block, with the table or, for sequences too long for it, without.
  virtual void emitBlock(bool hasTable) = 0;
  /// A table's entry is `entryBytes` bytes at `tablePlace` of shared memory.
  virtual void storeEntry(Value cosine, Value sine, Value place) = 0;

  Value place(Value index) {
    return b.bytes(b.shared(), b.add(b.mul(index, entryBytes), tablePlace));
  }
  std::pair<Value, Value> turn(Value index) {
    return b.turn(index, length, inverse);
  }
  /// (index + step) modulo the length, both below it.
  Value step(Value index, Value step) {
    Value sum = b.add(index, step);
    return b.select(b.less(sum, length), sum, b.sub(sum, length));
  }
  Value modulo(Value index) { return arith::RemUIOp::create(b, index, length); }
  /// Of frequencies (row, column), if `isRow` and `isColumn`; `isLast`: the
  /// column is width / 2.
  void finish(Value p, Value q, Value row, Value isRow, Value column,
              Value isColumn, Value isLast);

  DeviceBuilder &b;
  const KernelSpec &spec;
  FourierShape shape;
  Type element;
  int64_t tableSize, entryBytes = 8, tablePlace = 0;
  Value cosines, sines, output, thread;
  Value start, length, inverse; // of the sequence
  Value depth;                  // length / 2 + 1
  Value firstRow;               // of the block's frequencies

private:
  void fillTable();
};

/// On tensor cores: 64 frequencies of the sequence by 64 of the rows. The
/// cosines are fragments that each lane reads from the table.
class MixTileEmitter : public MixEmitter {
public:
  MixTileEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : MixEmitter(b, spec) {
    entryBytes = 4, tablePlace = kMixTileBytes;
  }

private:
  static constexpr int64_t chunks = kMixColumns / 8,
                           slotBytes = kMixTileBytes / 2,
                           oddPlace = slotBytes / 2;
  void emitBlock(bool hasTable) override;
  void storeEntry(Value cosine, Value sine, Value place) override {
    b.storeValues({cosine, sine}, place, element);
  }
  Values load(Value step);
  void store(const Values &raw, Value step, Value slot);
  Value entry(Value index, bool hasTable);
  Values multiply(ArrayRef<Value> carried, Value slot, bool hasTable);

  Value lane, firstColumn, isLastTile;
  Values steps; // by which the two rows of a lane turn in 16 tokens
};

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

/// Of the tile of tokens that starts with 32 * step: rows t and N - t of both
/// parts. What is not there is read elsewhere, and not used.
Values MixTileEmitter::load(Value step) {
  Values raw;
  Type vector = VectorType::get({8}, element);
  for (int64_t i = 0; i < kMixDepth * chunks; i += 128) {
    Value index = b.add(thread, i);
    Value t = b.add(b.mul(step, kMixDepth), b.div(index, chunks));
    t = b.select(b.less(t, depth), t, b.i32(0));
    Value partner = b.select(b.less(b.i32(0), t), b.sub(length, t), t);
    Value column = b.add(firstColumn, b.mul(b.rem(index, chunks), 8));
    column = b.select(b.less(column, shape.columns), column, b.i32(0));
    for (Value base : {cosines, sines})
      for (Value row : {t, partner}) {
        Value from = b.offset(
            base, b.rowStart(b.add(start, row), shape.columns), element);
        raw.push_back(b.load(b.offset(from, column, element), vector));
      }
  }
  return raw;
}

void MixTileEmitter::store(const Values &raw, Value step, Value slot) {
  Value base = b.bytes(b.shared(), b.mul(slot, slotBytes));
  Value zero = b.f32(0), half = b.f32(0.5);
  auto elementOf = [&](Value vector, int64_t i) -> Value {
    Value value = LLVM::ExtractElementOp::create(b, vector, b.i32(i));
    return arith::ExtFOp::create(b, b.f32(), value);
  };
  for (auto [at, i] :
       llvm::enumerate(llvm::seq<int64_t>(0, kMixDepth * chunks / 128))) {
    ArrayRef<Value> parts = ArrayRef(raw).slice(4 * at, 4);
    Value index = b.add(thread, 128 * i);
    Value local = b.div(index, chunks), chunk = b.rem(index, chunks);
    Value t = b.add(b.mul(step, kMixDepth), local);
    Value column = b.add(firstColumn, b.mul(chunk, 8));
    Value isThere = b.both(b.less(t, depth), b.less(column, shape.columns));
    Value isOdd = isThere;
    if (isLastTile) {
      // Its only column is the first of the sines, a real part.
      Value isFirst = b.both(b.less(t, depth), b.equal(chunk, 0));
      isThere = b.select(isLastTile, isFirst, isThere);
      isOdd = b.select(isLastTile, b.less(b.i32(0), b.i32(0)), isOdd);
    }
    // A row that is its own partner counts once.
    Value twice = b.mul(t, 2);
    Value isAlone = arith::OrIOp::create(
        b, b.equal(t, 0),
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, twice, length));
    Value factor =
        b.select(isThere, b.select(isAlone, b.f32(0.25), half), zero);
    Values evens, odds;
    for (int64_t e = 0; e < 8; ++e) {
      Value x = elementOf(parts[0], e), y = elementOf(parts[1], e);
      Value u = elementOf(parts[2], e), v = elementOf(parts[3], e);
      if (isLastTile) {
        x = b.select(isLastTile, u, x);
        y = b.select(isLastTile, v, y);
      }
      evens.push_back(b.fmul(b.fadd(x, y), factor));
      Value odd = b.fmul(b.fsub(u, v), half);
      Value isUsed = isOdd;
      if (e == 0) // the sines of frequency 0, in whose place another travels
        isUsed = b.both(isOdd, b.less(b.i32(0), column));
      odds.push_back(b.select(isUsed, odd, zero));
    }
    Value to = b.bytes(base, swizzled(b, local, chunk, chunks));
    b.storeValues(evens, to, element);
    b.storeValues(odds, b.bytes(to, b.i32(oddPlace)), element);
  }
}

/// Cosine and sine as two numbers of 16 bits.
Value MixTileEmitter::entry(Value index, bool hasTable) {
  if (hasTable)
    return b.load(place(index), b.getI32Type());
  auto [cosine, sine] = turn(index);
  Value both = LLVM::PoisonOp::create(b, VectorType::get({2}, element));
  for (auto [i, value] : llvm::enumerate(Values{cosine, sine}))
    both = LLVM::InsertElementOp::create(
        b, both, arith::TruncFOp::create(b, element, value), b.i32(i));
  return LLVM::BitcastOp::create(b, b.getI32Type(), both);
}

/// Carried: P, then Q, four numbers of each 16 x 8 block; the turns of two
/// rows at four tokens.
Values MixTileEmitter::multiply(ArrayRef<Value> carried, Value slot,
                                bool hasTable) {
  constexpr int64_t tiles = kMixColumns / 8;
  Values next(carried);
  Value base = b.bytes(b.shared(), b.mul(slot, slotBytes));
  Value row = b.rem(lane, 16), chunk = b.div(lane, 16);
  for (int64_t k = 0; k < kMixDepth / 16; ++k) {
    MutableArrayRef<Value> turns = MutableArrayRef(next).take_back(8);
    Values cosineFactors(4), sineFactors(4);
    for (int64_t r = 0; r < 2; ++r)
      for (int64_t pair = 0; pair < 2; ++pair) {
        Value entries[2];
        for (int64_t e = 0; e < 2; ++e) {
          Value &index = turns[4 * r + 2 * pair + e];
          entries[e] = entry(index, hasTable);
          index = step(index, steps[r]);
        }
        Value sixteen = b.i32(16), low = b.i32(0xffff);
        cosineFactors[2 * pair + r] =
            arith::OrIOp::create(b, arith::AndIOp::create(b, entries[0], low),
                                 arith::ShLIOp::create(b, entries[1], sixteen));
        sineFactors[2 * pair + r] = arith::OrIOp::create(
            b, arith::ShRUIOp::create(b, entries[0], sixteen),
            arith::AndIOp::create(b, entries[1], b.i32(~int64_t(0xffff))));
      }
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t j = 0; j < tiles; j += 2) {
        Values factors = b.loadMatrices(
            b.bytes(base, b.add(swizzled(b, b.add(row, 16 * k), b.add(chunk, j),
                                         chunks),
                                part * oddPlace)),
            /*transposed=*/true);
        for (int64_t i = 0; i < 2; ++i) {
          auto at = next.begin() + 4 * (part * tiles + j + i);
          Values sums = b.multiplyMatrices(part ? sineFactors : cosineFactors,
                                           ArrayRef(factors).slice(2 * i, 2),
                                           ArrayRef(at, 4), element);
          llvm::copy(sums, at);
        }
      }
  }
  return next;
}

void MixTileEmitter::emitBlock(bool hasTable) {
  constexpr int64_t tiles = kMixColumns / 8;
  lane = b.rem(thread, 32);
  int64_t fullTiles = llvm::divideCeil(shape.half, kMixColumns);
  firstColumn = b.mul(b.blockY(), kMixColumns);
  isLastTile = nullptr;
  if (shape.hasLast())
    isLastTile = b.equal(b.blockY(), fullTiles);

  Value row =
      b.add(b.add(firstRow, b.mul(b.div(thread, 32), 16)), b.div(lane, 4));
  Values carried(8 * tiles, b.f32(0));
  steps.clear();
  for (int64_t r = 0; r < 2; ++r) {
    Value own = modulo(b.add(row, 8 * r));
    steps.push_back(modulo(b.mul(own, 16)));
    for (int64_t column : {0, 1, 8, 9})
      carried.push_back(
          modulo(b.mul(own, b.add(b.mul(b.rem(lane, 4), 2), column))));
  }
  carried.push_back(b.i32(0)); // which of two places holds the tokens
  store(load(b.i32(0)), b.i32(0), b.i32(0));
  b.barrier();
  Value count = b.div(b.add(depth, kMixDepth - 1), kMixDepth);
  Values sums = b.loop(
      b.i32(0), count, b.i32(1), carried, [&](Value at, ArrayRef<Value> old) {
        Value slot = old.back(), other = b.exclusiveOr(slot, b.i32(1));
        // The next tokens are on their way meanwhile; after the last there are
        // none, and what is read instead is stored as zeros.
        Value ahead = b.add(at, 1);
        Values raw = load(ahead);
        Values next = multiply(old.drop_back(), slot, hasTable);
        store(raw, ahead, other);
        // Everyone has left this place, and has filled the other.
        b.barrier();
        next.push_back(other);
        return next;
      });
  Value column = b.add(firstColumn, b.mul(b.rem(lane, 4), 2));
  for (int64_t r = 0; r < 2; ++r) {
    Value at = b.add(row, 8 * r), isRow = b.less(at, depth);
    for (int64_t j = 0; j < tiles; ++j)
      for (int64_t e = 0; e < 2; ++e) {
        Value here = b.add(column, 8 * j + e);
        Value isColumn = b.less(here, shape.half);
        if (isLastTile)
          isColumn = arith::OrIOp::create(
              b, isColumn,
              b.both(isLastTile, b.equal(here, kMixColumns * fullTiles)));
        int64_t index = 4 * j + 2 * r + e;
        finish(sums[index], sums[4 * tiles + index], at, isRow, here, isColumn,
               isLastTile);
      }
  }
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

void mlir::transformer::gpu::emitMixKernel(DeviceBuilder &b,
                                           const KernelSpec &spec) {
  if (spec.family() == "mix")
    return MixTileEmitter(b, spec).emit();
  MixSimpleEmitter(b, spec).emit();
}
