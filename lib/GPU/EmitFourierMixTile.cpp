//===- EmitFourierMixTile.cpp - transforms on tensor cores ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FourierMixEmitter.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
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
} // namespace

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

void mlir::transformer::gpu::emitMixTileKernel(DeviceBuilder &b,
                                               const KernelSpec &spec) {
  MixTileEmitter(b, spec).emit();
}
