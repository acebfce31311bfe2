//===- EmitLinearTile.cpp - products on tensor cores ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync, for sm_80 and up: a block makes a tile of the results.
//===----------------------------------------------------------------------===//
#include "LinearEpilogue.h"
#include "TileProduct.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void mlir::transformer::gpu::emitLinearTileKernel(DeviceBuilder &b,
                                                  const KernelSpec &spec) {
  LinearEpilogue epilogue(b, spec);
  Type element = spec.type("input");
  int64_t n = spec.number("n"), k = spec.number("k");
  int64_t rowBytes = k * (element.isInteger(8) ? 1 : 2);
  LinearTile tile = linearTile(spec);
  TileProduct product(b, element, tile, tile.stageBytes());

  Value rowBlocks = b.div(b.add(epilogue.rows, tile.m - 1), tile.m);
  Value before = arith::MulIOp::create(b, b.blockY(), rowBlocks);
  auto [blockRow, blockColumn] = b.tileOf(b.add(b.blockX(), before), rowBlocks,
                                          llvm::divideCeil(n, tile.n));
  Value firstRow = b.mul(blockRow, tile.m);
  Value firstColumn = b.mul(blockColumn, tile.n);
  int64_t rightPlace = tile.m * tile.kBytes;
  TileProduct::Copies left = product.plan(epilogue.input, rowBytes, firstRow,
                                          epilogue.rows, tile.m, 0),
                      right =
                          product.plan(epilogue.weight, rowBytes, firstColumn,
                                       b.i32(n), tile.n, rightPlace);
  auto copy = [&](Value step, Value stage) {
    product.copy(left, step, stage);
    product.copy(right, step, stage);
  };
  int64_t steps = llvm::divideCeil(rowBytes, tile.kBytes);
  Values state = product.begin(steps, copy);
  state = product.steps(
      b.i32(0), b.i32(steps), steps, state, copy,
      [&](Value, Value stage) { return product.addressOf(stage); }, rightPlace);
  for (int64_t i = 0; i < product.blocksM; ++i)
    epilogue.finishBlocks(product.sumsOf(state, i),
                          b.add(b.add(firstRow, product.laneRow), 16 * i),
                          b.add(firstColumn, product.laneColumn),
                          n % tile.n != 0, /*atOnce=*/2);
}
