//===- EmitAttention.cpp - transformer_kernel.attention to registers ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys and values are packed, then each tile of query rows computes all of its
// scores, their softmax, and the weighted values, with the scores of the tile
// in the nearest cache. The softmax is exact over the whole row; only rows
// whose scores would not stay in the second cache go block by block.
//===----------------------------------------------------------------------===//
#include "AttentionEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

/// Bytes of scores of one tile that are kept before they are made weights: half
/// of a common second cache.
static constexpr int64_t kScoreBytes = 512 << 10;

AttentionEmitter::AttentionEmitter(kernel::AttentionOp op, const Target &target)
    : op(op), e(op, target), product(WordProduct::get(e, op.getProducts())),
      lanes(target.lanes), rowTile(target.rowTile),
      depth(cast<MemRefType>(op.getQuery().getType()).getDimSize(1)),
      width(cast<MemRefType>(op.getInit().getType()).getDimSize(1)),
      group(product->group()), depthWords((depth + group - 1) / group),
      valueRegisters((width + lanes - 1) / lanes),
      eightBit(op.getProducts() == Products::i8),
      single(op.getProducts() == Products::f32),
      hides(!eightBit && (op.getCausal() || op.getBias())),
      direct(
          single &&
          cast<MemRefType>(op.getQuery().getType()).getElementType().isF32()),
      scale(op.getScale().convertToFloat() * 1.44269504f) {
  while (rowTile > 1 && !fits(rowTile, 2))
    --rowTile;
  int64_t block = kScoreBytes / 4 / rowTile;
  if (op.getKeyBlock())
    block = *op.getKeyBlock();
  if (!op.getMaxKeys() || *op.getMaxKeys() > uint64_t(block))
    blockPanels = std::max<int64_t>(1, block / lanes);
}

void AttentionEmitter::emit() {
  zero = e.index(0);
  Value rows = memref::DimOp::create(e, op.getQuery(), 0);
  keys = memref::DimOp::create(e, op.getKey(), 0);
  panels = e.div(e.add(keys, lanes - 1), lanes);
  allocate();
  // A block of rows may be empty: nothing is packed for it.
  Value some = arith::CmpIOp::create(e, arith::CmpIPredicate::ne, rows, zero);
  auto guard = scf::IfOp::create(e, some, /*withElseRegion=*/false);
  e.setInsertionPoint(guard.thenYield());
  for (auto [what, size] :
       {std::pair<StringRef, int64_t>{"queries", depth}, {"values", width}})
    if (size % lanes)
      missed(op, kEmitKernels, "columns",
             "heads of " + what + " have " + Twine(size) +
                 " columns, no multiple of " + Twine(lanes) +
                 ": the last register is not full");
  noteTile(op, e.target, rowTile, vectorsFor(rowTile) * lanes,
           eightBit ? Arithmetic::I8
           : single ? Arithmetic::F32
                    : Arithmetic::BF16);
  packKeys();
  packValues();
  emitTiles();
  op.erase();
}

void AttentionEmitter::allocate() {
  int64_t count = ShapedType::kDynamic, words = ShapedType::kDynamic;
  SmallVector<Value> panelSize, wordSize;
  if (std::optional<uint64_t> bound = op.getMaxKeys()) {
    count = (*bound + lanes - 1) / lanes;
    words = count * lanes / group;
  } else {
    panelSize.push_back(panels);
    wordSize.push_back(e.mul(panels, lanes / group));
  }
  Type word = product->word(), real = e.getF32Type();
  int64_t extra = product->rowOffset() ? 1 : 0;
  keyPanels = e.allocate({count, depthWords + extra, lanes}, word, panelSize);
  stats = e.allocate({count, eightBit ? NumStats : 1, lanes}, real, panelSize);
  valueWords = e.allocate({words, valueRegisters, lanes}, word, wordSize);
  // One register more, so that rows do not all fall on the same cache lines.
  int64_t stride = ((blockPanels ? *blockPanels : count) + 1) * lanes;
  scores = e.allocate({rowTile, stride}, word);
  if (blockPanels)
    partial = e.allocate({rowTile, valueRegisters, lanes}, real);
  if (e.target.registers() == 16)
    rowStats = e.allocate({rowTile, lanes}, real);
  if (direct)
    return;
  int64_t registers = (depth + lanes - 1) / lanes;
  queryWords = e.allocate({rowTile, registers * lanes / group}, word);
  int64_t rowSize = (depthWords + lanes - 1) / lanes * lanes;
  rowWords = e.allocate({lanes, rowSize}, word);
  if (!eightBit)
    return;
  factors = e.allocate({2, (rowTile + lanes - 1) / lanes * lanes}, real);
}

/// Rows are spread over as few tiles as hold them, evenly: a tile of one row
/// would wait for its own sums.
void AttentionEmitter::emitTiles() {
  Value rows = memref::DimOp::create(e, op.getQuery(), 0);
  Value tiles = e.div(e.add(rows, rowTile - 1), rowTile);
  Value least = arith::DivUIOp::create(e, rows, tiles);
  Value more = arith::RemUIOp::create(e, rows, tiles);
  e.loop(zero, tiles, 1, {zero}, [&](Value t, ValueRange carried) {
    Value larger = arith::CmpIOp::create(e, arith::CmpIPredicate::ult, t, more);
    Value count =
        e.add(least, arith::SelectOp::create(e, larger, e.index(1), zero));
    e.switchRows(count, rowTile + 1,
                 [&](int64_t size) { emitTile(carried[0], size); });
    return SmallVector<Value>{e.add(carried[0], count)};
  });
}

Value AttentionEmitter::causalLimit(Value row) {
  Value shift = e.sub(keys, op.getNumRows());
  Value limit = e.add(e.add(e.add(row, op.getFirstRow()), shift), 1);
  return e.max(zero, e.min(limit, keys));
}

void AttentionEmitter::emitTile(Value row, int64_t count) {
  Tile tile;
  for (int64_t r = 0; r < count; ++r)
    tile.rows.push_back(e.add(row, r));
  tile.seen = keys, tile.used = panels;
  if (op.getCausal()) {
    for (Value r : tile.rows)
      tile.limits.push_back(causalLimit(r));
    tile.seen = tile.limits.back();
    tile.used = e.div(e.add(tile.seen, lanes - 1), lanes);
  }
  if (!direct)
    packQueries(tile);
  emitBlocks(tile);
  if (poison)
    emitRareValues(tile);
}

/// NaN and infinities among values, which were packed as zeros, for the rows
/// that see them.
void AttentionEmitter::emitRareValues(const Tile &tile) {
  Value any =
      arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, poison, poison);
  auto found = scf::IfOp::create(e, any, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPoint(found.thenYield());
  Value infinity = e.splat(std::numeric_limits<float>::infinity());
  e.loop(zero, e.index(tile.size()), 1, [&](Value r) {
    Value row = e.add(tile.rows[0], r);
    Value seen = op.getCausal() ? causalLimit(row) : keys;
    e.loop(zero, seen, 1, [&](Value key) {
      auto addValues = [&] {
        for (int64_t column = 0; column < width; column += lanes) {
          Value mask = e.firstLanes(width - column);
          SmallVector<Value> at{row, e.index(column)};
          Value value = loadInput(op.getValue(), {key, e.index(column)}, mask);
          Value sum = loadInput(op.getInit(), at, mask);
          sum = pick(arith::CmpFPredicate::OLT, absolute(value), infinity, sum,
                     arith::AddFOp::create(e, sum, value));
          storeResult(sum, at, mask);
        }
      };
      if (!op.getBias())
        return addValues();
      Value bias = memref::LoadOp::create(
          e, op.getBias(), ValueRange{e.add(op.getFirstRow(), row), key});
      Value lowest = arith::ConstantOp::create(
          e, e.getFloatAttr(bias.getType(),
                            -std::numeric_limits<double>::infinity()));
      Value visible =
          arith::CmpFOp::create(e, arith::CmpFPredicate::UNE, bias, lowest);
      auto sees = scf::IfOp::create(e, visible, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard inner(e);
      e.setInsertionPoint(sees.thenYield());
      addValues();
    });
  });
}

LogicalResult transformer::emitAttention(kernel::AttentionOp op,
                                         const Target &target) {
  Type element = cast<ShapedType>(op.getQuery().getType()).getElementType();
  auto fits = [&](Value buffer, bool fixed) {
    auto type = dyn_cast<MemRefType>(buffer.getType());
    return type && type.getElementType() == element && type.getRank() == 2 &&
           !(fixed && type.isDynamicDim(1)) && type.isLastDimUnitStride();
  };
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return op.emitError("operands must be of f32, f16 or bf16, not ")
           << element;
  for (Value buffer : {op.getQuery(), op.getKey(), op.getValue(), op.getInit()})
    if (!fits(buffer, /*fixed=*/true))
      return op.emitError("operands must be buffers of ")
             << element << " with a fixed number of contiguous columns; found "
             << buffer.getType();
  if (Value bias = op.getBias(); bias && !fits(bias, /*fixed=*/false))
    return op.emitError("bias must be a buffer of ")
           << element << " with contiguous columns; found " << bias.getType();
  AttentionEmitter(op, target).emit();
  return success();
}
