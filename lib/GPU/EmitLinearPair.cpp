//===- EmitLinearPair.cpp - two products in a row, in one kernel ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block makes all results of the first product for its rows, and keeps them
// in shared memory, rounded as they would be in a buffer; then it goes over the
// columns of the second one. Both products are those of `linear`, so that the
// numbers are the same as with a launch for each.
//===----------------------------------------------------------------------===//
#include "LinearEpilogue.h"
#include "TileProduct.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
class LinearPairEmitter {
public:
  LinearPairEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), spec(spec), epilogue(b, spec), element(spec.type("input")),
        hidden(spec.type("hidden")), isI8(element.isInteger(8)),
        n(spec.number("n")), tile(pairTile(spec)),
        kBytes(spec.number("k") * tile.size), rankBytes(tile.rank * tile.size),
        stepsDown(llvm::divideCeil(kBytes, tile.down.kBytes)),
        stepsUp(llvm::divideCeil(rankBytes, tile.up.kBytes)),
        tilesDown(llvm::divideCeil(tile.rank, tile.down.n)),
        tilesUp(tile.tilesOfGroup(n, spec.number("groups"))),
        down(b, element, tile.down, tile.stageBytes()),
        up(b, element, tile.up, tile.stageBytes()) {}
  void emit();

private:
  Value place(int64_t bytes) { return b.bytes(b.shared(), b.i32(bytes)); }
  /// In the panels that the second product reads.
  Value placeOf(Value row, Value column) {
    Value byte = b.mul(column, tile.size);
    int64_t width = tile.up.kBytes;
    Value panel = b.mul(b.div(byte, width), tile.panelBytes());
    Value inRow = b.rem(byte, width);
    Value chunk = swizzled(b, row, b.div(inRow, 16), width / 16);
    return b.bytes(place(tile.hiddenPlace()),
                   b.add(panel, b.add(chunk, b.rem(inRow, 16))));
  }
  Value wholeRow(Value row) {
    return b.bytes(place(tile.wholePlace()), b.mul(row, tile.pitch()));
  }
  /// Steps of the ring: of the first product, and of both.
  int64_t totalDown() const { return tilesDown * stepsDown; }
  int64_t total() const { return totalDown() + tilesUp * stepsUp; }
  int64_t rightPlace() const { return tile.m() * tile.down.kBytes; }
  void planCopies();
  void copyDown(Value step, Value stage);
  void copyUp(Value step, Value stage);
  Values multiplyDown();
  void multiplyUp(ArrayRef<Value> state);
  void store(ArrayRef<Value> sums, Value firstColumn);
  void roundRows();
  void roundRow(Value row);

  DeviceBuilder &b;
  const KernelSpec &spec;
  LinearEpilogue epilogue;
  Type element, hidden;
  bool isI8;
  int64_t n;
  PairTile tile;
  int64_t kBytes, rankBytes, stepsDown, stepsUp, tilesDown, tilesUp;
  TileProduct down, up;
  TileProduct::Copies left;
  Value firstRow, firstTile;
};
} // namespace

/// The results of a tile of the first product. Those of rows that do not exist
/// are kept too, and those of columns that do not exist are zeros.
void LinearPairEmitter::store(ArrayRef<Value> sums, Value firstColumn) {
  Value column = b.add(firstColumn, down.laneColumn);
  for (int64_t i = 0; i < down.blocksM; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      Value row = b.add(down.laneRow, 16 * i + 8 * half), scale;
      if (isI8) {
        Value at = b.add(firstRow, row);
        at = b.select(b.less(at, epilogue.rows), at, firstRow);
        scale =
            b.load(b.offset(epilogue.downInputScales, at, b.f32()), b.f32());
      }
      for (int64_t j = 0; j < down.blocksN; ++j) {
        Value at = b.add(column, 8 * j), isIn;
        if (tile.rank % tile.down.n)
          isIn = b.less(at, tile.rank);
        Values x(down.sumsOf(sums, i).slice(4 * j + 2 * half, 2));
        Value from = isIn ? b.select(isIn, at, b.i32(0)) : at;
        auto perColumn = [&](Value base) {
          return b.loadFloats(b.offset(base, from, b.f32()), b.f32(), 2);
        };
        if (isI8)
          for (auto [value, more] :
               llvm::zip_equal(x, perColumn(epilogue.downScales)))
            value = b.fmul(arith::SIToFPOp::create(b, b.f32(), value),
                           b.fmul(scale, more));
        if (epilogue.downBias)
          for (auto [value, more] :
               llvm::zip_equal(x, perColumn(epilogue.downBias)))
            value = b.fadd(value, more);
        if (isIn)
          for (Value &value : x)
            value = b.select(isIn, value, b.f32(0));
        // A tile may be wider than what is kept.
        Value isKept;
        int64_t kept = isI8 ? llvm::alignTo(tile.rank, 64)
                            : tile.panels() * tile.up.kBytes / tile.size;
        if (kept % tile.down.n)
          isKept = b.less(at, kept);
        b.ifThen(isKept, [&] {
          b.storeValues(
              x, isI8 ? b.offset(wholeRow(row), at, hidden) : placeOf(row, at),
              hidden);
        });
      }
    }
}

/// Steps of k of all tiles of the first product, then those of the second one,
/// go through one ring: so the first weights of the second are on their way
/// while the first is multiplied.
void LinearPairEmitter::planCopies() {
  firstRow = b.mul(b.blockX(), tile.m());
  firstTile = b.mul(b.blockY(), tilesUp);
  left =
      down.plan(epilogue.input, kBytes, firstRow, epilogue.rows, tile.m(), 0);
}

void LinearPairEmitter::copyDown(Value step, Value stage) {
  Value first = b.mul(b.div(step, stepsDown), tile.down.n);
  Value inTile = b.rem(step, stepsDown);
  down.copy(left, inTile, stage);
  down.copy(down.plan(epilogue.down, kBytes, first, b.i32(tile.rank),
                      tile.down.n, rightPlace()),
            inTile, stage);
}

void LinearPairEmitter::copyUp(Value step, Value stage) {
  step = b.sub(step, b.i32(totalDown()));
  Value first = b.mul(b.add(firstTile, b.div(step, stepsUp)), tile.up.n);
  up.copy(up.plan(epilogue.weight, rankBytes, first, b.i32(n), tile.up.n, 0),
          b.rem(step, stepsUp), stage);
}

Values LinearPairEmitter::multiplyDown() {
  auto copy = [&](Value step, Value stage) {
    Value isDown = b.less(step, totalDown());
    b.ifThen(isDown, [&] { copyDown(step, stage); });
    b.ifThen(b.less(b.i32(totalDown() - 1), step),
             [&] { copyUp(step, stage); });
  };
  return b.loop(b.i32(0), b.i32(tilesDown), b.i32(1), down.begin(total(), copy),
                [&](Value which, ArrayRef<Value> state) {
                  Value from = b.mul(which, stepsDown);
                  Values made = down.steps(
                      from, b.add(from, stepsDown), total(), state, copy,
                      [&](Value, Value stage) { return down.addressOf(stage); },
                      rightPlace());
                  store(made, b.mul(which, tile.down.n));
                  return down.restarted(made);
                });
}

/// As the kernel of rows does it, but for where numbers are.
void LinearPairEmitter::roundRow(Value row) {
  Value lane = b.rem(b.threadIndex(), 32);
  Values x;
  for (int64_t first = 0; first < tile.rank; first += 64) {
    Value column = b.add(b.mul(lane, 2), first);
    Values pair =
        b.loadFloats(b.offset(wholeRow(row), column, hidden), hidden, 2);
    if (epilogue.multiplier) {
      Value isIn;
      if (first + 64 > tile.rank)
        isIn = b.less(column, tile.rank);
      Values factors = b.loadFloatsIf(
          isIn, b.offset(epilogue.multiplier, column, b.f32()), b.f32(), 2);
      for (auto [value, factor] : llvm::zip_equal(pair, factors))
        value = b.fmul(value, factor);
    }
    llvm::append_range(x, pair);
  }
  Value largest = b.fabs(x[0]);
  for (Value value : llvm::drop_begin(x))
    largest = b.maximum(largest, b.fabs(value));
  largest = b.allReduce(largest, 32,
                        [&](Value l, Value r) { return b.maximum(l, r); });
  Value given;
  if (epilogue.givenScale)
    given = b.load(epilogue.givenScale, b.f32());
  else if (spec.has("scale"))
    given = b.f32(spec.real("scale"));
  RowRounding rounding(b, largest, given);
  for (int64_t i = 0, end = x.size(); i < end; i += 2)
    b.storeValues({rounding.round(x[i]), rounding.round(x[i + 1])},
                  placeOf(row, b.add(b.mul(lane, 2), 32 * i)), element);
  b.ifThen(b.less(lane, 1), [&] {
    b.store(rounding.scale, b.offset(place(tile.scalesPlace()), row, b.f32()));
  });
}

void LinearPairEmitter::roundRows() {
  int64_t rowsOfWarp = tile.m() / (tile.down.threads() / 32);
  Value first = b.mul(b.div(b.threadIndex(), 32), rowsOfWarp);
  b.loop(b.i32(0), b.i32(rowsOfWarp), b.i32(1), {},
         [&](Value i, ArrayRef<Value>) -> Values {
           roundRow(b.add(first, i));
           return {};
         });
}

void LinearPairEmitter::multiplyUp(ArrayRef<Value> state) {
  bool hasTail = spec.number("groups") * tilesUp * tile.up.n != n;
  b.loop(b.i32(0), b.i32(tilesUp), b.i32(1), state,
         [&](Value which, ArrayRef<Value> state) {
           Value from = b.add(b.mul(which, stepsUp), totalDown());
           Values made = up.steps(
               from, b.add(from, stepsUp), total(), state,
               [&](Value step, Value stage) { copyUp(step, stage); },
               [&](Value step, Value) {
                 return b.bytes(place(tile.hiddenPlace()),
                                b.mul(b.sub(step, from), tile.panelBytes()));
               },
               /*rightPlace=*/0);
           Value column =
               b.add(b.mul(b.add(firstTile, which), tile.up.n), up.laneColumn);
           for (int64_t i = 0; i < up.blocksM; ++i)
             epilogue.finishBlocks(up.sumsOf(made, i),
                                   b.add(b.add(firstRow, up.laneRow), 16 * i),
                                   column, hasTail, /*atOnce=*/2);
           return up.restarted(made);
         });
}

void LinearPairEmitter::emit() {
  planCopies();
  Values walk = multiplyDown();
  if (isI8) {
    b.barrier(); // whole rows are there
    roundRows();
    epilogue.takeScales(place(tile.scalesPlace()), firstRow);
  }
  // The barrier before the first step is also for what is in the panels.
  multiplyUp(up.restarted(walk));
}

void mlir::transformer::gpu::emitLinearPairKernel(DeviceBuilder &b,
                                                  const KernelSpec &spec) {
  LinearPairEmitter(b, spec).emit();
}
