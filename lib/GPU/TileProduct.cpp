//===- TileProduct.cpp - products of tiles by mma.sync --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileProduct.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

TileProduct::TileProduct(DeviceBuilder &b, Type element, LinearTile tile,
                         int64_t stageBytes)
    : tile(tile), blocksM(tile.m / tile.warpsM / 16),
      blocksN(tile.n / tile.warpsN / 8), chunks(tile.kBytes / 16), b(b),
      element(element), stageBytes(stageBytes) {
  thread = b.threadIndex();
  lane = b.rem(thread, 32);
  chunk = b.rem(thread, chunks);
  Value warp = b.div(thread, 32);
  warpRow = b.mul(b.rem(warp, tile.warpsM), tile.m / tile.warpsM);
  warpColumn = b.mul(b.div(warp, tile.warpsM), tile.n / tile.warpsN);
  laneRow = b.add(warpRow, b.div(lane, 4));
  laneColumn = b.add(warpColumn, b.mul(b.rem(lane, 4), 2));
}

TileProduct::Copies TileProduct::plan(Value base, int64_t rowBytes, Value first,
                                      Value limit, int64_t rows,
                                      int64_t place) {
  Copies copies;
  copies.base = base, copies.rowBytes = rowBytes;
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

void TileProduct::copy(const Copies &copies, Value step, Value stage) {
  Value at = b.mul(step, tile.kBytes);
  Value isIn;
  if (copies.rowBytes % tile.kBytes)
    isIn = b.less(b.add(at, b.mul(chunk, 16)), copies.rowBytes);
  for (auto [from, isRow, to] :
       llvm::zip_equal(copies.from, copies.isRow, copies.to)) {
    Value count = b.select(b.both(isRow, isIn), b.i32(16), b.i32(0));
    Value source = b.bytes(from, at);
    if (isIn)
      source = b.select(isIn, source, copies.base);
    b.copyAsync(b.bytes(to, b.mul(stage, stageBytes)), source, count);
  }
}

Values TileProduct::multiply(Value left, Value right, ArrayRef<Value> carried) {
  Values sums(carried);
  Value aRow = b.add(warpRow, b.rem(lane, 16)), aChunk = b.div(lane, 16);
  Value wRow =
      b.add(warpColumn, b.add(b.rem(lane, 8), b.mul(b.div(lane, 16), 8)));
  Value wChunk = b.rem(b.div(lane, 8), 2);
  auto load = [&](Value base, Value row, Value chunk) {
    return b.loadMatrices(b.bytes(base, swizzled(b, row, chunk, chunks)),
                          /*transposed=*/false);
  };
  for (int64_t part = 0; part < chunks; part += 2) {
    SmallVector<Values> as, ws;
    for (int64_t i = 0; i < blocksM; ++i)
      as.push_back(load(left, b.add(aRow, 16 * i), b.add(aChunk, part)));
    for (int64_t j = 0; j < blocksN; j += 2)
      ws.push_back(load(right, b.add(wRow, 8 * j), b.add(wChunk, part)));
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

Values TileProduct::begin(int64_t total, Copy copy) {
  // A group of copies per stage, an empty one where there is nothing left: so
  // the number to wait for is always the same.
  for (int64_t stage = 0; stage < tile.stages - 1; ++stage) {
    if (stage < total)
      copy(b.i32(stage), b.i32(stage));
    b.commitCopies();
  }
  Values state(4 * blocksM * blocksN, zero());
  state.push_back(b.i32(0));               // the stage to multiply
  state.push_back(b.i32(tile.stages - 1)); // the stage to fill
  return state;
}

Values TileProduct::restarted(ArrayRef<Value> state) {
  Values next(4 * blocksM * blocksN, zero());
  llvm::append_range(next, state.take_back(2));
  return next;
}

Values TileProduct::steps(Value from, Value to, int64_t total,
                          ArrayRef<Value> state, Copy copy, Left left,
                          int64_t rightPlace) {
  auto after = [&](Value stage) {
    Value next = b.add(stage, 1);
    return b.select(b.less(next, tile.stages), next, b.i32(0));
  };
  return b.loop(
      from, to, b.i32(1), state, [&](Value step, ArrayRef<Value> values) {
        Value stage = values[values.size() - 2], filled = values.back();
        b.waitCopies(tile.stages - 2);
        // Everyone's copies are there, and everyone has left the stage that is
        // filled next.
        b.barrier();
        Value ahead = b.add(step, tile.stages - 1);
        b.ifThen(b.less(ahead, total), [&] { copy(ahead, filled); });
        b.commitCopies();
        Values next = multiply(left(step, stage),
                               b.bytes(addressOf(stage), b.i32(rightPlace)),
                               sumsOf(values));
        next.push_back(after(stage));
        next.push_back(after(filled));
        return next;
      });
}
