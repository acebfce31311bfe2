//===- EmitLinearWgmma.cpp - products by warpgroups, for sm_90a -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One warp asks the copy engine for boxes of both factors, stage after stage;
// warpgroups multiply them from shared memory. Each stage has two barriers:
// `full` counts the bytes that come, `empty` the warps that are done with
// them. f16, bf16 and i8 differ in the instruction only. Blocks stay, and do
// several tiles: while results are stored, the next tile's stages are filled.
//===----------------------------------------------------------------------===//
#include "LinearEpilogue.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
class LinearWgmmaEmitter {
public:
  LinearWgmmaEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), epilogue(b, spec), element(spec.type("input")),
        n(spec.number("n")), size(element.isInteger(8) ? 1 : 2),
        tile(wgmmaTile(spec)),
        steps(llvm::divideCeil(spec.number("k") * size, tile.kBytes())) {}
  void emit();

private:
  /// The state of a walk around the ring: a stage, and the parity of the phase
  /// of its barriers. It goes on from tile to tile.
  Values next(Value stage, Value parity);
  Value barrierOf(Value stage, int64_t which) {
    return b.bytes(barriers, b.add(b.mul(stage, 16), 8 * which));
  }
  /// The tiles of this block; `state` is where the walk begins.
  void forTiles(ArrayRef<Value> state,
                llvm::function_ref<Values(ArrayRef<Value>)> body);
  Values copyTile(ArrayRef<Value> state);
  Values multiplyTile(ArrayRef<Value> state);
  Values multiplyStage(Value stage, ArrayRef<Value> sums);
  /// Of the right factor in a panel, in bytes.
  int64_t rightPlace() const { return tile.m() * tile.kPanelBytes; }
  /// This warp is done with a stage.
  void release(Value stage, Value condition) {
    b.ifThen(condition, [&] { b.arrive(barrierOf(stage, Empty)); });
  }

  /// How much of what results need besides there are registers for.
  int64_t spare() const {
    if (tile.resident() > 1 && tile.n > 64)
      return element.isInteger(8) ? 1 : 2;
    return 6;
  }

  enum { Full, Empty };
  DeviceBuilder &b;
  LinearEpilogue epilogue;
  Type element;
  int64_t n, size;
  WgmmaTile tile;
  int64_t steps;
  Value thread, lane, shared, barriers, firstRow, firstColumn, left, right;
};
} // namespace

Values LinearWgmmaEmitter::next(Value stage, Value parity) {
  Value following = b.add(stage, 1);
  Value isIn = b.less(following, tile.stages);
  return {b.select(isIn, following, b.i32(0)),
          b.select(isIn, parity, b.exclusiveOr(parity, b.i32(1)))};
}

void LinearWgmmaEmitter::forTiles(
    ArrayRef<Value> state, llvm::function_ref<Values(ArrayRef<Value>)> body) {
  Value rowBlocks = b.div(b.add(epilogue.rows, tile.m() - 1), tile.m());
  int64_t columns = llvm::divideCeil(n, tile.n);
  b.loop(b.blockX(), b.mul(rowBlocks, columns), b.gridX(), state,
         [&](Value index, ArrayRef<Value> values) {
           auto [row, column] = b.tileOf(index, rowBlocks, columns);
           firstRow = b.mul(row, tile.m());
           firstColumn = b.mul(column, tile.n);
           return body(values);
         });
}

/// One thread.
Values LinearWgmmaEmitter::copyTile(ArrayRef<Value> state) {
  return b.loop(b.i32(0), b.i32(steps), b.i32(1), state,
                [&](Value step, ArrayRef<Value> values) {
                  Value stage = values[0];
                  b.waitPhase(barrierOf(stage, Empty), values[1]);
                  Value full = barrierOf(stage, Full);
                  b.arriveExpecting(full, tile.stageBytes());
                  Value to = b.bytes(shared, b.mul(stage, tile.stageBytes()));
                  for (int64_t panel = 0; panel < tile.panels; ++panel) {
                    Value column = b.mul(b.add(b.mul(step, tile.panels), panel),
                                         tile.kPanelBytes / size);
                    int64_t at = panel * tile.panelBytes();
                    b.copyBox(b.bytes(to, b.i32(at)), epilogue.input, column,
                              firstRow, full);
                    b.copyBox(b.bytes(to, b.i32(at + rightPlace())),
                              epilogue.weight, column, firstColumn, full);
                  }
                  return next(stage, values[1]);
                });
}

Values LinearWgmmaEmitter::multiplyStage(Value stage, ArrayRef<Value> carried) {
  Value start = b.mul(stage, tile.stageBytes());
  Value a = b.advance(left, start), w = b.advance(right, start);
  Values sums = b.fenceProducts(carried);
  for (int64_t panel = 0; panel < tile.panels; ++panel)
    for (int64_t in = 0; in < tile.kPanelBytes; in += 32) {
      int64_t at = panel * tile.panelBytes() + in;
      sums = b.multiplyRows(b.advance(a, at), b.advance(w, at), sums, element);
    }
  b.commitProducts();
  return sums;
}

/// All threads of the warpgroups.
Values LinearWgmmaEmitter::multiplyTile(ArrayRef<Value> state) {
  Value isFirstLane = b.equal(lane, 0);
  Values carried(tile.n / 2, element.isInteger(8) ? b.i32(0) : b.f32(0));
  llvm::append_range(carried, state);
  carried.push_back(b.i32(0)); // the stage before
  Values results =
      b.loop(b.i32(0), b.i32(steps), b.i32(1), carried,
             [&](Value step, ArrayRef<Value> values) {
               Value before = values.back();
               auto [stage, parity] = std::pair(values.drop_back(2).back(),
                                                values.drop_back().back());
               b.waitPhase(barrierOf(stage, Full), parity);
               Values all = multiplyStage(stage, values.drop_back(3));
               // One stage is multiplied while the one before it is given
               // back.
               b.waitProducts(1);
               release(before, b.both(b.less(b.i32(0), step), isFirstLane));
               llvm::append_range(all, next(stage, parity));
               all.push_back(stage);
               return all;
             });
  Values sums = b.waitProducts(ArrayRef(results).drop_back(3));
  release(results.back(), isFirstLane);
  Value row = b.add(b.mul(b.div(thread, 32), 16), b.div(lane, 4));
  epilogue.finishBlocks(sums, b.add(firstRow, row),
                        b.add(firstColumn, b.mul(b.rem(lane, 4), 2)),
                        n % tile.n != 0, spare());
  return Values(ArrayRef(results).drop_back().take_back(2));
}

void LinearWgmmaEmitter::emit() {
  thread = b.threadIndex();
  lane = b.rem(thread, 32);
  shared = b.shared(/*alignment=*/1024);
  barriers = b.bytes(shared, b.i32(tile.stages * tile.stageBytes()));
  b.ifThen(b.equal(thread, 0), [&] {
    for (int64_t stage = 0; stage < tile.stages; ++stage) {
      b.initBarrier(barrierOf(b.i32(stage), Full), 1);
      b.initBarrier(barrierOf(b.i32(stage), Empty), 4 * tile.groups);
    }
    b.fenceAsynchronous();
  });
  b.barrier();
  Value zero = b.i32(0), one = b.i32(1);
  b.ifThen(b.less(thread, 128 * tile.groups), [&] {
    Value row = b.mul(b.div(thread, 128), 64);
    left = b.advance(b.describeRows(shared), b.mul(row, tile.kPanelBytes));
    right = b.describeRows(b.bytes(shared, b.i32(rightPlace())));
    forTiles({zero, zero},
             [&](ArrayRef<Value> state) { return multiplyTile(state); });
  });
  // Stages are empty at first.
  b.ifThen(b.equal(thread, 128 * tile.groups), [&] {
    forTiles({zero, one},
             [&](ArrayRef<Value> state) { return copyTile(state); });
  });
}

void mlir::transformer::gpu::emitLinearWgmmaKernel(DeviceBuilder &b,
                                                   const KernelSpec &spec) {
  LinearWgmmaEmitter(b, spec).emit();
}
