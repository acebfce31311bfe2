//===- EmitLinearTile.cpp - products on tensor cores ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync, for sm_80 and up. Tiles of both factors travel through a ring of
// stages in shared memory: while one is multiplied, the next ones are on their
// way. f16, bf16 and i8 differ in the instruction only, because fragments have
// the same bytes.
//===----------------------------------------------------------------------===//
#include "LinearEpilogue.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
class LinearTileEmitter {
public:
  LinearTileEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), epilogue(b, spec), element(spec.type("input")),
        n(spec.number("n")), k(spec.number("k")),
        rowBytes(k * (element.isInteger(8) ? 1 : 2)),
        tile(linearTile(n, k, element.isInteger(8))),
        steps((rowBytes + tile.kBytes - 1) / tile.kBytes),
        chunks(tile.kBytes / 16), blocksM(tile.m / tile.warpsM / 16),
        blocksN(tile.n / tile.warpsN / 8) {}
  void emit();

private:
  /// The share of one thread in copying the rows of a factor.
  struct Copies {
    Values from, isRow, to;
  };
  Copies plan(Value base, Value first, Value limit, int64_t rows,
              int64_t place);
  void copy(const Copies &copies, Value step, Value stage);
  void copyStage(Value step, Value stage) {
    copy(a, step, stage);
    copy(w, step, stage);
  }
  Values multiplyStage(Value stage, ArrayRef<Value> sums);
  void finish(ArrayRef<Value> sums);

  DeviceBuilder &b;
  LinearEpilogue epilogue;
  Type element;
  int64_t n, k, rowBytes;
  LinearTile tile;
  int64_t steps, chunks, blocksM, blocksN;
  Value thread, lane, firstRow, firstColumn, warpRow, warpColumn, chunk;
  Copies a, w;
};
} // namespace

/// `place`: of the rows in a stage, in bytes.
LinearTileEmitter::Copies LinearTileEmitter::plan(Value base, Value first,
                                                  Value limit, int64_t rows,
                                                  int64_t place) {
  Copies copies;
  int64_t rowsAtOnce = tile.threads() / chunks;
  for (int64_t i = 0; i < rows; i += rowsAtOnce) {
    Value local = b.add(b.div(thread, chunks), i);
    Value row = b.add(first, local);
    Value isRow = b.less(row, limit);
    // What is not there is not read, but its address has to be a good one.
    Value from =
        b.bytes(base, b.rowStart(b.select(isRow, row, b.i32(0)), rowBytes));
    copies.isRow.push_back(isRow);
    copies.from.push_back(b.bytes(from, b.mul(chunk, 16)));
    copies.to.push_back(
        b.bytes(b.shared(), b.add(swizzled(b, local, chunk, chunks), place)));
  }
  return copies;
}

void LinearTileEmitter::copy(const Copies &copies, Value step, Value stage) {
  Value at = b.mul(step, tile.kBytes);
  Value isIn;
  if (rowBytes % tile.kBytes)
    isIn = b.less(b.add(at, b.mul(chunk, 16)), rowBytes);
  for (auto [from, isRow, to] :
       llvm::zip_equal(copies.from, copies.isRow, copies.to)) {
    Value count = b.select(b.both(isRow, isIn), b.i32(16), b.i32(0));
    Value source = b.bytes(from, at);
    if (isIn)
      source = b.select(isIn, source, epilogue.input);
    b.copyAsync(b.bytes(to, b.mul(stage, tile.stageBytes())), source, count);
  }
}

Values LinearTileEmitter::multiplyStage(Value stage, ArrayRef<Value> carried) {
  Values sums(carried);
  Value base = b.bytes(b.shared(), b.mul(stage, tile.stageBytes()));
  Value aRow = b.add(warpRow, b.rem(lane, 16)), aChunk = b.div(lane, 16);
  Value wRow =
      b.add(warpColumn, b.add(b.rem(lane, 8), b.mul(b.div(lane, 16), 8)));
  Value wChunk = b.rem(b.div(lane, 8), 2);
  for (int64_t part = 0; part < chunks; part += 2) {
    SmallVector<Values> as, ws;
    for (int64_t i = 0; i < blocksM; ++i)
      as.push_back(
          b.loadMatrices(b.bytes(base, swizzled(b, b.add(aRow, 16 * i),
                                                b.add(aChunk, part), chunks)),
                         /*transposed=*/false));
    for (int64_t j = 0; j < blocksN; j += 2)
      ws.push_back(b.loadMatrices(
          b.bytes(base, b.add(swizzled(b, b.add(wRow, 8 * j),
                                       b.add(wChunk, part), chunks),
                              tile.m * tile.kBytes)),
          /*transposed=*/false));
    for (int64_t i = 0; i < blocksM; ++i)
      for (int64_t j = 0; j < blocksN; ++j) {
        auto at = sums.begin() + 4 * (i * blocksN + j);
        Values next =
            b.multiplyMatrices(as[i], ArrayRef(ws[j / 2]).slice(2 * (j % 2), 2),
                               ArrayRef(at, 4), element);
        llvm::copy(next, at);
      }
  }
  return sums;
}

void LinearTileEmitter::finish(ArrayRef<Value> sums) {
  Value row = b.add(b.add(firstRow, warpRow), b.div(lane, 4));
  Value column =
      b.add(b.add(firstColumn, warpColumn), b.mul(b.rem(lane, 4), 2));
  for (int64_t i = 0; i < blocksM; ++i)
    epilogue.finishBlocks(sums.slice(4 * i * blocksN, 4 * blocksN),
                          b.add(row, 16 * i), column, n % tile.n != 0,
                          /*atOnce=*/2);
}

void LinearTileEmitter::emit() {
  thread = b.threadIndex();
  lane = b.rem(thread, 32);
  Value warp = b.div(thread, 32);
  chunk = b.rem(thread, chunks);
  Value rowBlocks = b.div(b.add(epilogue.rows, tile.m - 1), tile.m);
  Value before = arith::MulIOp::create(b, b.blockY(), rowBlocks);
  auto [blockRow, blockColumn] = b.tileOf(b.add(b.blockX(), before), rowBlocks,
                                          llvm::divideCeil(n, tile.n));
  firstRow = b.mul(blockRow, tile.m);
  firstColumn = b.mul(blockColumn, tile.n);
  warpRow = b.mul(b.rem(warp, tile.warpsM), tile.m / tile.warpsM);
  warpColumn = b.mul(b.div(warp, tile.warpsM), tile.n / tile.warpsN);
  a = plan(epilogue.input, firstRow, epilogue.rows, tile.m, 0);
  w = plan(epilogue.weight, firstColumn, b.i32(n), tile.n,
           tile.m * tile.kBytes);

  // A group of copies per stage, an empty one where there is nothing left: so
  // the number to wait for is always the same.
  for (int64_t stage = 0; stage < tile.stages - 1; ++stage) {
    if (stage < steps)
      copyStage(b.i32(stage), b.i32(stage));
    b.commitCopies();
  }
  Value zero = element.isInteger(8) ? b.i32(0) : b.f32(0);
  Values carried(4 * blocksM * blocksN, zero);
  carried.push_back(b.i32(0));               // the stage to multiply
  carried.push_back(b.i32(tile.stages - 1)); // the stage to fill
  auto after = [&](Value stage) {
    Value next = b.add(stage, 1);
    return b.select(b.less(next, tile.stages), next, b.i32(0));
  };
  Values results = b.loop(
      b.i32(0), b.i32(steps), b.i32(1), carried,
      [&](Value step, ArrayRef<Value> values) {
        Value stage = values[values.size() - 2], filled = values.back();
        b.waitCopies(tile.stages - 2);
        // Everyone's copies are there, and everyone has left the stage that is
        // filled next.
        b.barrier();
        Value ahead = b.add(step, tile.stages - 1);
        b.ifThen(b.less(ahead, steps), [&] { copyStage(ahead, filled); });
        b.commitCopies();
        Values sums = multiplyStage(stage, values.drop_back(2));
        sums.push_back(after(stage));
        sums.push_back(after(filled));
        return sums;
      });
  finish(ArrayRef(results).drop_back(2));
}

void mlir::transformer::gpu::emitLinearTileKernel(DeviceBuilder &b,
                                                  const KernelSpec &spec) {
  LinearTileEmitter(b, spec).emit();
}
