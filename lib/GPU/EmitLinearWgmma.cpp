//===- EmitLinearWgmma.cpp - products by warpgroups, for sm_90a -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One warp asks the copy engine for boxes of both factors, stage after stage;
// warpgroups multiply them from shared memory. Each stage has two barriers:
// `full` counts the bytes that come, `empty` the warps that are done with
// them. f16, bf16 and i8 differ in the instruction only.
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
        tile(wgmmaTile(n)),
        steps(llvm::divideCeil(spec.number("k") * size, tile.kBytes)) {}
  void emit();

private:
  /// The state of a walk around the ring: a stage, and the parity of the phase
  /// of its barriers.
  Values next(Value stage, Value parity);
  Value barrierOf(Value stage, int64_t which) {
    return b.bytes(barriers, b.add(b.mul(stage, 16), 8 * which));
  }
  void copyAll();
  void multiplyAll();
  Values multiplyStage(Value stage, ArrayRef<Value> sums);

  enum { Full, Empty };
  DeviceBuilder &b;
  LinearEpilogue epilogue;
  Type element;
  int64_t n, size;
  WgmmaTile tile;
  int64_t steps;
  Value thread, shared, barriers, firstRow, firstColumn, left, right;
};
} // namespace

Values LinearWgmmaEmitter::next(Value stage, Value parity) {
  Value following = b.add(stage, 1);
  Value isIn = b.less(following, tile.stages);
  return {b.select(isIn, following, b.i32(0)),
          b.select(isIn, parity, b.exclusiveOr(parity, b.i32(1)))};
}

/// One thread.
void LinearWgmmaEmitter::copyAll() {
  // Stages are empty at first.
  b.loop(b.i32(0), b.i32(steps), b.i32(1), {b.i32(0), b.i32(1)},
         [&](Value step, ArrayRef<Value> state) {
           Value stage = state[0];
           b.waitPhase(barrierOf(stage, Empty), state[1]);
           Value full = barrierOf(stage, Full);
           b.arriveExpecting(full, tile.stageBytes());
           Value to = b.bytes(shared, b.mul(stage, tile.stageBytes()));
           Value column = b.mul(step, tile.kBytes / size);
           b.copyBox(to, epilogue.input, column, firstRow, full);
           b.copyBox(b.bytes(to, b.i32(tile.m() * tile.kBytes)),
                     epilogue.weight, column, firstColumn, full);
           return next(stage, state[1]);
         });
}

Values LinearWgmmaEmitter::multiplyStage(Value stage, ArrayRef<Value> carried) {
  Value start = b.mul(stage, tile.stageBytes());
  Value a = b.advance(left, start), w = b.advance(right, start);
  Values sums = b.fenceProducts(carried);
  for (int64_t at = 0; at < tile.kBytes; at += 32)
    sums = b.multiplyRows(b.advance(a, at), b.advance(w, at), sums, element);
  b.commitProducts();
  return sums;
}

/// All threads of the warpgroups.
void LinearWgmmaEmitter::multiplyAll() {
  Value lane = b.rem(thread, 32), row = b.mul(b.div(thread, 128), 64);
  left = b.advance(b.describeRows(shared), b.mul(row, tile.kBytes));
  right = b.describeRows(b.bytes(shared, b.i32(tile.m() * tile.kBytes)));
  Values carried(tile.n / 2, element.isInteger(8) ? b.i32(0) : b.f32(0));
  carried.append({b.i32(0), b.i32(0), b.i32(0)});
  Values results =
      b.loop(b.i32(0), b.i32(steps), b.i32(1), carried,
             [&](Value step, ArrayRef<Value> values) {
               Value before = values.back();
               Value stage = values.drop_back().back();
               Value parity = values.drop_back(2).back();
               b.waitPhase(barrierOf(stage, Full), parity);
               Values all = multiplyStage(stage, values.drop_back(3));
               // One stage is multiplied while the one before it is given
               // back.
               b.waitProducts(1);
               Value isFirst = b.both(b.less(b.i32(0), step), b.equal(lane, 0));
               b.ifThen(isFirst, [&] { b.arrive(barrierOf(before, Empty)); });
               Values state = next(stage, parity);
               all.append({state[1], state[0], stage});
               return all;
             });
  Values sums = b.waitProducts(ArrayRef(results).drop_back(3));
  Value warpRow = b.add(row, b.mul(b.rem(b.div(thread, 32), 4), 16));
  epilogue.finishBlocks(sums, b.add(b.add(firstRow, warpRow), b.div(lane, 4)),
                        b.add(firstColumn, b.mul(b.rem(lane, 4), 2)),
                        n % tile.n != 0);
}

void LinearWgmmaEmitter::emit() {
  thread = b.threadIndex();
  shared = b.shared(/*alignment=*/1024);
  barriers = b.bytes(shared, b.i32(tile.stages * tile.stageBytes()));
  firstRow = b.mul(b.blockX(), tile.m());
  firstColumn = b.mul(b.blockY(), tile.n);
  b.ifThen(b.equal(thread, 0), [&] {
    for (int64_t stage = 0; stage < tile.stages; ++stage) {
      b.initBarrier(barrierOf(b.i32(stage), Full), 1);
      b.initBarrier(barrierOf(b.i32(stage), Empty), 4 * tile.groups);
    }
    b.fenceAsynchronous();
  });
  b.barrier();
  b.ifThen(b.less(thread, 128 * tile.groups), [&] { multiplyAll(); });
  b.ifThen(b.equal(thread, 128 * tile.groups), [&] { copyAll(); });
}

void mlir::transformer::gpu::emitLinearWgmmaKernel(DeviceBuilder &b,
                                                   const KernelSpec &spec) {
  LinearWgmmaEmitter(b, spec).emit();
}
