//===- EmitContract.cpp - transformer_kernel.contract to registers --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops: panel of columns, tile of rows, k. A panel of weights is used for all
// rows before the next is touched, so weights stream through the caches once
// per op while the rows stay. k is not blocked: an element's sum has one
// accumulator, which lives in a register from its first term to its epilogue.
// Each tile fetches its share of the next panel into the second-level cache:
// hardware would see that stream only once it is waited for.
// The last rows of an op get a tile of exactly their number.
//===----------------------------------------------------------------------===//
#include "Emitter.h"
#include "TileProduct.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

class ContractEmitter {
public:
  ContractEmitter(kernel::ContractOp op, const Target &target)
      : op(op), e(op, target),
        maps(op.getMaps().getAsValueRange<AffineMapAttr>()) {}

  LogicalResult emit() {
    auto lhs = cast<MemRefType>(op.getLhs().getType());
    auto init = cast<MemRefType>(op.getInit().getType());
    auto weight = cast<MemRefType>(op.getWeight().getType());
    if (lhs.isDynamicDim(1) || init.isDynamicDim(1))
      return op.emitError("contraction of dynamic width; only the number of "
                          "rows may be unknown");
    depth = lhs.getDimSize(1), width = init.getDimSize(1);
    lanes = e.target.lanes, panel = panelWidth(e.target);

    Type sum = op.getEpilogue().front().getArgument(0).getType();
    product =
        TileProduct::get(e, lhs.getElementType(), weight.getElementType(), sum);
    if (!product)
      return op.emitError("contraction of ")
             << lhs.getElementType() << " by " << weight.getElementType()
             << " to " << sum
             << "; supported are f32 to f32, bf16 to f32, i8 to i32";
    if (op.isPacked() && (weight.getDimSize(2) != panel * product->group() ||
                          weight.getDimSize(0) != (width + panel - 1) / panel))
      return op.emitError("weights are packed in panels of ")
             << weight.getDimSize(2) << " values, but target '" << e.target.name
             << "' takes " << panel * product->group();
    if (!op.isPacked())
      allocatePanel(weight.getElementType());

    rows = memref::DimOp::create(e, op.getLhs(), 0);
    rest = arith::RemUIOp::create(e, rows, e.index(e.target.rowTile));
    full = e.sub(rows, rest);
    if (!scratch)
      planFetches();
    e.loop(e.index(0), e.index(width / panel), 1,
           [&](Value p) { emitPanel(p, panel); });
    if (width % panel)
      emitPanel(e.index(width / panel), width % panel);
    op.erase();
    return success();
  }

private:
  /// Logical weights are copied to a panel before its use, which costs as much
  /// as a few rows.
  void allocatePanel(Type element) {
    op.emitRemark("weights are not packed: each call packs them again");
    int64_t group = product->group();
    auto type = MemRefType::get({1, (depth + group - 1) / group, panel * group},
                                element);
    scratch =
        memref::AllocOp::create(e, type, ValueRange{}, e.getI64IntegerAttr(64));
    Value zero = e.splat(e.getZeroAttr(element));
    e.loop(e.index(0), e.index(type.getDimSize(1)), 1, [&](Value k) {
      for (int64_t at = 0; at < panel * group; at += lanes)
        e.store(zero, scratch, {e.index(0), k, e.index(at)});
    });
  }

  /// Tiles share the lines of a panel. Rounding up makes the last ones fetch
  /// some of the panel after it, which is next in memory.
  void planFetches() {
    constexpr int64_t kGroups = TileProduct::kFetchGroups;
    int64_t rowTile = e.target.rowTile;
    Value tiles = e.div(e.add(rows, rowTile - 1), rowTile);
    tiles = e.max(tiles, e.index(1));
    Value up = e.add(e.sub(tiles, e.index(1)), kGroups);
    perLook = arith::DivUIOp::create(e, up, tiles);
    perTile = e.mul(perLook, depth / product->group() / kGroups);
  }

  void packPanel(Value p, int64_t columns) {
    int64_t group = product->group();
    Value zero = e.index(0), base = e.mul(p, panel);
    e.loop(zero, e.index(columns), 1, [&](Value n) {
      e.loop(zero, e.index(depth), 1, [&](Value k) {
        Value value = memref::LoadOp::create(e, op.getWeight(),
                                             ValueRange{e.add(base, n), k});
        Value in = arith::RemUIOp::create(e, k, e.index(group));
        memref::StoreOp::create(
            e, value, scratch,
            ValueRange{zero, e.div(k, group), e.add(e.mul(n, group), in)});
      });
    });
  }

  void emitPanel(Value p, int64_t columns) {
    Value weights = op.getWeight(), at = p;
    if (scratch) {
      packPanel(p, columns);
      weights = scratch, at = e.index(0);
    }
    vectors = (columns + lanes - 1) / lanes;
    SmallVector<Value> start = product->start(weights, at, depth, vectors);
    Value column = e.mul(p, panel);
    auto tile = [&](Value row, int64_t count) {
      emitTile(weights, at, start, row, count, column, columns);
    };
    e.loop(e.index(0), full, e.target.rowTile,
           [&](Value row) { tile(row, e.target.rowTile); });
    e.switchRows(rest, e.target.rowTile,
                 [&](int64_t count) { tile(full, count); });
  }

  void emitTile(Value weights, Value p, ArrayRef<Value> start, Value row,
                int64_t count, Value column, int64_t columns) {
    SmallVector<Value> tileRows;
    for (int64_t r = 0; r < count; ++r)
      tileRows.push_back(e.add(row, r));
    TileProduct::Ahead ahead;
    if (perTile)
      ahead = {e.add(p, 1),
               arith::MulIOp::create(e, e.div(row, e.target.rowTile), perTile),
               perLook};
    SmallVector<Value> sums = product->sums(op.getLhs(), tileRows, weights, p,
                                            start, depth, vectors, ahead);
    Block &body = op.getEpilogue().front();
    for (int64_t v = 0; v < vectors; ++v) {
      Place place{
          {}, e.add(column, v * lanes), e.firstLanes(columns - v * lanes)};
      // What depends on the column only is read once for all rows.
      SmallVector<Value> shared(maps.size());
      for (auto [extra, map, value] : llvm::zip(op.getExtras(), maps, shared))
        if (!map.isFunctionOfDim(0))
          value = loadAt(e, extra, map, place);
      for (int64_t r = 0; r < count; ++r) {
        place.row = tileRows[r];
        SmallVector<Value> values{sums[r * vectors + v]};
        for (auto [extra, map, value] : llvm::zip(op.getExtras(), maps, shared))
          values.push_back(value ? value : loadAt(e, extra, map, place));
        SmallVector<Value> results = cloneBody(e, body, values, place);
        e.store(results[0], op.getInit(), {place.row, place.column},
                place.mask);
      }
    }
  }

  kernel::ContractOp op;
  Emitter e;
  SmallVector<AffineMap> maps;
  std::unique_ptr<TileProduct> product;
  Value rows, full, rest, scratch, perLook, perTile;
  int64_t depth = 0, width = 0, lanes = 0, panel = 0, vectors = 0;
};

} // namespace

LogicalResult transformer::emitContract(kernel::ContractOp op,
                                        const Target &target) {
  for (auto [extra, map] :
       llvm::zip(op.getExtras(), op.getMaps().getAsValueRange<AffineMapAttr>()))
    if (!isRowMap(map, extra.getType()))
      return op.emitError("epilogue operand is read through ")
             << AffineMapAttr::get(map)
             << "; supported are (d0, d1), (d0) and (d1) of buffers "
             << "with contiguous columns";
  SmallVector<bool> byColumn{true};
  for (AffineMap map : op.getMaps().getAsValueRange<AffineMapAttr>())
    byColumn.push_back(map.isFunctionOfDim(1));
  std::string why;
  if (!canCloneBody(op.getEpilogue().front(), byColumn, why))
    return op.emitError(why);
  return ContractEmitter(op, target).emit();
}
