//===- EmitContract.cpp - transformer_kernel.contract to registers --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops: tile of columns, tile of rows, k. A tile's weights are used for all
// rows before the next are touched, so weights stream through the caches once
// per op while the rows stay. k is not blocked: an element's sum has one
// accumulator, which lives in a register from its first term to its epilogue.
// Each tile fetches its share of the next columns' weights into the
// second-level cache: hardware would see that stream only once it is waited
// for. Rows are dealt to tiles evenly, since a tile of few rows waits for its
// own sums; the one or two rows that leave no choice take more columns at once.
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
    lanes = e.target.lanes, tileWidth = lanes * e.target.tileVectors;

    Type sum = op.getEpilogue().front().getArgument(0).getType();
    product = TileProduct::get(e, lhs.getElementType(), weight.getElementType(),
                               sum, depth);
    if (!product)
      return op.emitError("contraction of ")
             << lhs.getElementType() << " by " << weight.getElementType()
             << " to " << sum
             << "; supported are f32 to f32, bf16 to f32, i8 to i32";
    int64_t group = product->group();
    int64_t panels = llvm::divideCeil(width, kPanelWidth);
    if (op.isPacked() && (weight.getDimSize(0) != panels ||
                          weight.getDimSize(2) != kPanelWidth * group))
      return op.emitError("weights are packed in ")
             << weight.getDimSize(0) << " panels of " << weight.getDimSize(2)
             << " values; expected are " << panels << " of "
             << kPanelWidth * group;
    if (!op.isPacked())
      allocatePanels(weight.getElementType());

    rows = memref::DimOp::create(e, op.getLhs(), 0);
    if (scratch) {
      emitTiles(1);
    } else {
      Value few = arith::CmpIOp::create(e, arith::CmpIPredicate::ule, rows,
                                        e.index(kFewRows));
      auto choice = scf::IfOp::create(e, few, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(e);
      e.setInsertionPointToStart(choice.thenBlock());
      e.switchRows(rows, kFewRows + 1, [&](int64_t count) { emitFew(count); });
      e.setInsertionPointToStart(choice.elseBlock());
      emitTiles(kFewRows + 1);
    }
    op.erase();
    return success();
  }

private:
  static constexpr int64_t kFewRows = 2;

  /// One or two rows: with more columns there are as many sums as it takes to
  /// hide the latency of a multiply-add.
  void emitFew(int64_t count) {
    SmallVector<Value> tileRows;
    for (int64_t r = 0; r < count; ++r)
      tileRows.push_back(e.index(r));
    auto tile = [&](Value column, int64_t columns) {
      TileColumns at{op.getWeight(), column, vectorsOf(columns)};
      SmallVector<Value> start = product->start(at);
      // Everything is read once: fetch what comes right after it.
      TileProduct::Ahead ahead{e.div(e.add(column, columns), kPanelWidth),
                               e.index(0), e.index(TileProduct::kFetchGroups)};
      emitTile(at, start, tileRows, column, columns, ahead);
    };
    int64_t wide = tileWidth * (product->fewRowsTiles() / count), first = 0;
    for (int64_t columns : {wide, tileWidth}) {
      int64_t last = first + (width - first) / columns * columns;
      e.loop(e.index(first), e.index(last), columns,
             [&](Value column) { tile(column, columns); });
      first = last;
    }
    if (width > first)
      tile(e.index(first), width - first);
  }

  /// All rows by the columns of one tile after the other; there are at least
  /// `fewest` rows.
  void emitTiles(int64_t fewest) {
    int64_t rowTile = product->rowTile();
    Value one = e.index(1);
    tiles = e.max(e.div(e.add(rows, rowTile - 1), rowTile), one);
    rowsEach = arith::DivUIOp::create(e, rows, tiles);
    longer = arith::RemUIOp::create(e, rows, tiles);
    // Two tiles share rowTile + 1 rows, and more tiles have more each.
    fewestInTile = std::min(fewest, (rowTile + 1) / 2);
    if (!scratch)
      planFetches();
    int64_t whole = width / tileWidth * tileWidth;
    e.loop(e.index(0), e.index(whole), tileWidth,
           [&](Value column) { emitColumns(column, tileWidth); });
    if (width > whole)
      emitColumns(e.index(whole), width - whole);
  }

  int64_t vectorsOf(int64_t columns) {
    return llvm::divideCeil(columns, lanes);
  }

  /// Logical weights are copied to panels before their use, which costs as much
  /// as a few rows.
  void allocatePanels(Type element) {
    op.emitRemark("weights are not packed: each call packs them again");
    int64_t group = product->group();
    int64_t panels = llvm::divideCeil(tileWidth, kPanelWidth);
    int64_t groups = llvm::divideCeil(depth, group);
    auto type = MemRefType::get({panels, groups, kPanelWidth * group}, element);
    scratch =
        memref::AllocOp::create(e, type, ValueRange{}, e.getI64IntegerAttr(64));
    Value zero = e.splat(e.getZeroAttr(element));
    e.loop(e.index(0), e.index(panels), 1, [&](Value panel) {
      e.loop(e.index(0), e.index(groups), 1, [&](Value k) {
        for (int64_t at = 0; at < kPanelWidth * group; at += lanes)
          e.store(zero, scratch, {panel, k, e.index(at)});
      });
    });
  }

  /// Tiles share the lines of a panel. Rounding up makes the last ones fetch
  /// some of the panel after it, which is next in memory.
  void planFetches() {
    constexpr int64_t kGroups = TileProduct::kFetchGroups;
    Value up = e.add(e.sub(tiles, e.index(1)), kGroups);
    perLook = arith::DivUIOp::create(e, up, tiles);
    perTile = e.mul(perLook, depth / product->group() / kGroups);
  }

  void packColumns(Value first, int64_t columns) {
    int64_t group = product->group();
    Value zero = e.index(0);
    e.loop(zero, e.index(columns), 1, [&](Value n) {
      Value panel = e.div(n, kPanelWidth);
      Value column = arith::RemUIOp::create(e, n, e.index(kPanelWidth));
      e.loop(zero, e.index(depth), 1, [&](Value k) {
        Value value = memref::LoadOp::create(e, op.getWeight(),
                                             ValueRange{e.add(first, n), k});
        Value in = arith::RemUIOp::create(e, k, e.index(group));
        memref::StoreOp::create(e, value, scratch,
                                ValueRange{panel, e.div(k, group),
                                           e.add(e.mul(column, group), in)});
      });
    });
  }

  void emitColumns(Value column, int64_t columns) {
    TileColumns tile{op.getWeight(), column, vectorsOf(columns)};
    if (scratch) {
      packColumns(column, columns);
      tile.weights = scratch, tile.first = e.index(0);
    }
    SmallVector<Value> start = product->start(tile);
    e.loop(e.index(0), tiles, 1, [&](Value number) {
      // The first tiles are one row longer.
      Value row = e.add(arith::MulIOp::create(e, number, rowsEach),
                        e.min(number, longer));
      Value isLonger =
          arith::CmpIOp::create(e, arith::CmpIPredicate::ult, number, longer);
      Value count =
          e.add(rowsEach,
                arith::IndexCastUIOp::create(e, e.getIndexType(), isLonger));
      TileProduct::Ahead ahead;
      if (perTile)
        ahead = {e.div(e.add(column, tileWidth), kPanelWidth),
                 arith::MulIOp::create(e, number, perTile), perLook};
      auto emitRows = [&](int64_t count) {
        SmallVector<Value> tileRows;
        for (int64_t r = 0; r < count; ++r)
          tileRows.push_back(e.add(row, r));
        emitTile(tile, start, tileRows, column, columns, ahead);
      };
      e.switchRows(count, product->rowTile() + 1, emitRows, fewestInTile);
    });
  }

  void emitTile(const TileColumns &tile, ArrayRef<Value> start,
                ArrayRef<Value> tileRows, Value column, int64_t columns,
                const TileProduct::Ahead &ahead) {
    int64_t count = tileRows.size();
    SmallVector<Value> sums =
        product->sums(op.getLhs(), tileRows, tile, start, ahead);
    Block &body = op.getEpilogue().front();
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Place place{
          {}, e.add(column, v * lanes), e.firstLanes(columns - v * lanes)};
      // What depends on the column only is read once for all rows.
      SmallVector<Value> shared(maps.size());
      for (auto [extra, map, value] : llvm::zip(op.getExtras(), maps, shared))
        if (!map.isFunctionOfDim(0))
          value = loadAt(e, extra, map, place);
      for (int64_t r = 0; r < count; ++r) {
        place.row = tileRows[r];
        SmallVector<Value> values{sums[r * tile.vectors + v]};
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
  Value rows, tiles, rowsEach, longer, scratch, perLook, perTile;
  int64_t depth = 0, width = 0, lanes = 0, tileWidth = 0, fewestInTile = 1;
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
