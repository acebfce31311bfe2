//===- EmitContract.cpp - transformer_kernel.contract to registers --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops: tile of columns, tile of rows, k. A tile's weights are used for all
// rows before the next are touched, so weights stream through the caches once
// per op while the rows stay. What a level has to widen is widened once for all
// rows, in blocks of k that the first-level cache holds; all else is one block.
// An element's sum has one accumulator, which waits in memory between blocks,
// so that they change no bit.
// Each tile fetches its share of the next columns' weights into the
// second-level cache: hardware would see that stream only once it is waited
// for. Rows are dealt to tiles evenly, since a tile of few rows waits for its
// own sums; the one or two rows that leave no choice take more columns at once.
//===----------------------------------------------------------------------===//
#include "Emitter.h"
#include "PackedColumns.h"

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

    sumType = op.getEpilogue().front().getArgument(0).getType();
    product = TileProduct::get(e, lhs.getElementType(), weight.getElementType(),
                               sumType, depth);
    if (!product)
      return op.emitError("contraction of ")
             << lhs.getElementType() << " by " << weight.getElementType()
             << " to " << sumType
             << "; supported are f32 to f32, bf16 to f32, i8 to i32";
    int64_t group = product->group();
    int64_t panels = llvm::divideCeil(width, kPanelWidth);
    if (op.isPacked() && (weight.getDimSize(0) != panels ||
                          weight.getDimSize(2) != kPanelWidth * group))
      return op.emitError("weights are packed in ")
             << weight.getDimSize(0) << " panels of " << weight.getDimSize(2)
             << " values; expected are " << panels << " of "
             << kPanelWidth * group;
    if (Value multipliers = op.getMultipliers())
      packed.emplace(e, op.getWeight(), multipliers, depth);
    std::unique_ptr<TileProduct> wide;
    if (depth % TileProduct::kWidenedAtOnce == 0 && (op.isPacked() || packed))
      wide = product->widened();
    if (packed ? !wide : !op.isPacked())
      allocatePanels(weight.getElementType());

    noteTails();
    noteTile(op, e.target, product->rowTile(), tileWidth,
             sumType.isInteger()             ? Arithmetic::I8
             : lhs.getElementType().isBF16() ? Arithmetic::BF16
                                             : Arithmetic::F32);
    rows = memref::DimOp::create(e, op.getLhs(), 0);
    if (packed && wide)
      emitWidened(*wide, 1);
    else if (scratch)
      emitTiles({product.get(), op.getLhs()}, rows, 1);
    else
      emitPanels(wide.get());
    op.erase();
    return success();
  }

private:
  /// Sizes that leave parts of registers empty.
  void noteTails() {
    int64_t group = product->group();
    if (int64_t left = width % lanes)
      missed(op, kEmitKernels, "columns",
             "the last " + Twine(left) + " of " + Twine(width) +
                 " columns take a register of " + Twine(lanes));
    if (depth % group)
      missed(op, kEmitKernels, "depth",
             "the input has " + Twine(depth) + " columns, no multiple of " +
                 Twine(group) +
                 ": the last of each row are put together one by one");
    if (product->splits() && depth % TileProduct::kWidenedAtOnce)
      missed(op, kEmitKernels, "depth",
             "the input has " + Twine(depth) + " columns, no multiple of " +
                 Twine(TileProduct::kWidenedAtOnce) +
                 ": each tile widens the weights again");
  }

  static constexpr int64_t kFewRows = 2;
  /// Rows that one sweep over the columns serves: their sums stay in the
  /// first-level cache, and the rows in the second.
  static constexpr int64_t kSweepRows = 64;
  /// What a block of k takes of the first-level cache.
  static constexpr int64_t kBlockBytes = 16384;

  /// Rows from `firstRow` on of a buffer, and what multiplies them.
  struct Side {
    TileProduct *product;
    Value lhs, firstRow;
    int64_t blocks = 1;
    Value sums, columns;
  };

  void emitPanels(TileProduct *wide) {
    Value few = arith::CmpIOp::create(e, arith::CmpIPredicate::ule, rows,
                                      e.index(kFewRows));
    auto choice = scf::IfOp::create(e, few, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(choice.thenBlock());
    e.switchRows(rows, kFewRows + 1, [&](int64_t count) { emitFew(count); });
    e.setInsertionPointToStart(choice.elseBlock());
    if (wide)
      emitWidened(*wide, kFewRows + 1);
    else
      emitTiles({product.get(), op.getLhs()}, rows, kFewRows + 1);
  }

  /// One or two rows: with more columns there are as many sums as it takes to
  /// hide the latency of a multiply-add.
  void emitFew(int64_t count) {
    auto tile = [&](Value column, int64_t columns) {
      TileColumns at{op.getWeight(), column, vectorsOf(columns), {}};
      SmallVector<Value> each = product->start(at), start;
      for (int64_t r = 0; r < count; ++r)
        start.append(each);
      // Everything is read once: fetch what comes right after it.
      TileProduct::Ahead ahead{op.getWeight(),
                               e.div(e.add(column, columns), kPanelWidth),
                               e.index(0),
                               e.index(TileProduct::kFetchGroups),
                               {}};
      SmallVector<Value> rows = rowsFrom(e.index(0), count);
      finish(product->sums(op.getLhs(), rows, at, start, ahead), rows, column,
             columns);
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

  /// Blocks of equal size, of multiples of kFetchGroups groups. Packed weights
  /// arrive from the second-level cache in time, so that only widened ones,
  /// which were just written, gain by them.
  int64_t blocksOf(const TileProduct &wide) {
    int64_t groups = depth / wide.group();
    if (groups % TileProduct::kFetchGroups)
      return 1;
    return llvm::divideCeil(groups * tileWidth * 4, kBlockBytes);
  }
  int64_t blockGroups(const Side &side) {
    int64_t groups = depth / side.product->group();
    if (side.blocks == 1)
      return groups;
    int64_t units = groups / TileProduct::kFetchGroups;
    return llvm::divideCeil(units, side.blocks) * TileProduct::kFetchGroups;
  }

  /// At least `fewest` rows: both sides are widened before they are multiplied,
  /// the rows as many at a time as the second-level cache holds.
  void emitWidened(TileProduct &wide, int64_t fewest) {
    Side side{&wide, e.allocate({kSweepRows, depth}, product->wideElement())};
    side.blocks = blocksOf(wide);
    if (side.blocks > 1)
      side.sums = e.allocate({kSweepRows, tileWidth}, sumType);
    int64_t panels = llvm::divideCeil(tileWidth, kPanelWidth);
    side.columns =
        e.allocate({panels, blockGroups(side), kPanelWidth * wide.group()},
                   product->wideElement());
    Deal sweeps = deal(rows, kSweepRows);
    e.loop(e.index(0), sweeps.parts, 1, [&](Value sweep) {
      auto [first, count] = share(sweeps, sweep);
      side.firstRow = first;
      widenRows(side, count);
      emitTiles(side, count, fewest);
    });
  }

  /// Rows dealt to as few parts as `most` rows each allow, evenly: the first
  /// parts are one row longer.
  struct Deal {
    Value parts, each, longer;
  };
  Deal deal(Value count, int64_t most) {
    Value parts = e.max(e.div(e.add(count, most - 1), most), e.index(1));
    return {parts, arith::DivUIOp::create(e, count, parts),
            arith::RemUIOp::create(e, count, parts)};
  }
  /// The first row of a part, and its number of rows.
  std::pair<Value, Value> share(const Deal &deal, Value part) {
    Value isLonger =
        arith::CmpIOp::create(e, arith::CmpIPredicate::ult, part, deal.longer);
    Value one = arith::IndexCastUIOp::create(e, e.getIndexType(), isLonger);
    return {e.add(arith::MulIOp::create(e, part, deal.each),
                  e.min(part, deal.longer)),
            e.add(deal.each, one)};
  }

  void widenRows(const Side &side, Value count) {
    constexpr int64_t kAtOnce = TileProduct::kWidenedAtOnce;
    auto from = cast<MemRefType>(op.getLhs().getType()).getElementType();
    e.loop(e.index(0), count, 1, [&](Value r) {
      Value row = e.add(side.firstRow, r);
      e.loop(e.index(0), e.index(depth), kAtOnce, [&](Value k) {
        Value values =
            vector::LoadOp::create(e, VectorType::get({kAtOnce}, from),
                                   op.getLhs(), ValueRange{row, k});
        vector::StoreOp::create(e, product->widenRow(values), side.lhs,
                                ValueRange{r, k});
      });
    });
  }

  /// `count` rows by the columns of one tile after the other; there are at
  /// least `fewest` rows.
  void emitTiles(Side side, Value count, int64_t fewest) {
    int64_t rowTile = side.product->rowTile();
    if (!side.firstRow)
      side.firstRow = e.index(0);
    tiles = deal(count, rowTile);
    sweepRows = count;
    // Two tiles share rowTile + 1 rows, and more tiles have more each.
    fewestInTile = std::min(fewest, (rowTile + 1) / 2);
    perLook = Value();
    if (op.isPacked())
      planFetches(side);
    int64_t whole = width / tileWidth * tileWidth;
    e.loop(e.index(0), e.index(whole), tileWidth,
           [&](Value column) { emitColumns(side, column, tileWidth); });
    if (width > whole)
      emitColumns(side, e.index(whole), width - whole);
  }

  SmallVector<Value> rowsFrom(Value first, int64_t count) {
    SmallVector<Value> values;
    for (int64_t r = 0; r < count; ++r)
      values.push_back(e.add(first, r));
    return values;
  }

  int64_t vectorsOf(int64_t columns) {
    return llvm::divideCeil(columns, lanes);
  }

  /// Logical weights, and those of 4 bits, are copied to panels before their
  /// use, which costs as much as a few rows.
  void allocatePanels(Type element) {
    if (!op.isPacked())
      missed(op, kEmitKernels, "not-packed",
             "weights are not packed: each call packs them again");
    int64_t group = product->group();
    int64_t panels = llvm::divideCeil(tileWidth, kPanelWidth);
    int64_t groups =
        packed ? packed->groups() : int64_t(llvm::divideCeil(depth, group));
    scratch = e.allocate({panels, groups, kPanelWidth * group}, element);
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
  void planFetches(const Side &side) {
    int64_t looks = depth / side.product->group() / TileProduct::kFetchGroups;
    if (!looks)
      return;
    int64_t inLine = packed ? PackedColumns::kNibbles : product->group();
    int64_t lines = llvm::divideCeil(depth / inLine, looks);
    Value up = e.add(e.sub(tiles.parts, e.index(1)), lines);
    perLook = arith::DivUIOp::create(e, up, tiles.parts);
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

  void emitColumns(const Side &side, Value column, int64_t columns) {
    TileColumns tile{op.getWeight(), column, vectorsOf(columns), {}};
    if (scratch) {
      packed ? packed->unpack(column, columns, scratch)
             : packColumns(column, columns);
      tile.weights = scratch, tile.first = e.index(0);
    }
    SmallVector<Value> start = side.product->start(tile);
    if (!side.sums)
      return emitBlock(side, tile, start, column, columns, e.index(0));
    e.loop(e.index(0), sweepRows, 1, [&](Value r) {
      for (int64_t v = 0; v < tile.vectors; ++v)
        e.store(start[v], side.sums, {r, e.index(v * lanes)});
    });
    e.loop(e.index(0), e.index(side.blocks), 1, [&](Value block) {
      emitBlock(side, tile, {}, column, columns, block);
    });
  }

  /// One block of k for all rows. The sums start from `start`, or from what the
  /// block before left.
  void emitBlock(const Side &side, TileColumns tile, ArrayRef<Value> start,
                 Value column, int64_t columns, Value block) {
    TileProduct::Groups groups;
    int64_t looks = depth / side.product->group() / TileProduct::kFetchGroups;
    if (side.sums) {
      int64_t each = blockGroups(side);
      groups.from = e.mul(block, each);
      groups.to = e.min(e.add(groups.from, each),
                        e.index(depth / side.product->group()));
      looks = each / TileProduct::kFetchGroups;
    }
    if (side.columns) {
      int64_t parts = product->group() / side.product->group();
      Value from = side.sums ? e.div(groups.from, parts) : e.index(0);
      Value to = side.sums ? e.div(groups.to, parts)
                           : e.index(depth / product->group());
      packed ? packed->widen(tile, from, to, side.columns)
             : product->widenColumns(tile, from, to, side.columns);
      tile.weights = side.columns, tile.first = e.index(0);
      tile.origin = groups.from;
    }
    e.loop(e.index(0), tiles.parts, 1, [&](Value number) {
      std::pair<Value, Value> mine = share(tiles, number);
      Value row = mine.first, count = mine.second;
      TileProduct::Ahead ahead;
      if (perLook) {
        Value visit =
            e.add(arith::MulIOp::create(e, block, tiles.parts), number);
        ahead = {op.getWeight(), e.div(e.add(column, tileWidth), kPanelWidth),
                 arith::MulIOp::create(e, visit, e.mul(perLook, looks)),
                 perLook,
                 arith::CmpIOp::create(e, arith::CmpIPredicate::ugt,
                                       tiles.parts, e.index(1))};
      }
      auto emitRows = [&](int64_t count) {
        SmallVector<Value> carried,
            outRows = rowsFrom(e.add(side.firstRow, row), count);
        for (int64_t r = 0; r < count; ++r)
          for (int64_t v = 0; v < tile.vectors; ++v)
            carried.push_back(
                side.sums
                    ? e.load(side.sums, {e.add(row, r), e.index(v * lanes)})
                    : start[v]);
        SmallVector<Value> lhsRows =
            side.columns ? rowsFrom(row, count) : outRows;
        SmallVector<Value> sums =
            side.product->sums(side.lhs, lhsRows, tile, carried, ahead, groups);
        if (!side.sums)
          return finish(sums, outRows, column, columns);
        Value isLast = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, block,
                                             e.index(side.blocks - 1));
        auto last = scf::IfOp::create(e, isLast, /*withElseRegion=*/true);
        OpBuilder::InsertionGuard guard(e);
        e.setInsertionPointToStart(last.thenBlock());
        finish(sums, outRows, column, columns);
        e.setInsertionPointToStart(last.elseBlock());
        for (int64_t r = 0; r < count; ++r)
          for (int64_t v = 0; v < tile.vectors; ++v)
            e.store(sums[r * tile.vectors + v], side.sums,
                    {e.add(row, r), e.index(v * lanes)});
      };
      e.switchRows(count, side.product->rowTile() + 1, emitRows, fewestInTile);
    });
  }

  /// The epilogue of a tile's sums.
  void finish(ArrayRef<Value> sums, ArrayRef<Value> tileRows, Value column,
              int64_t columns) {
    int64_t count = tileRows.size(), vectors = vectorsOf(columns);
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
  std::optional<PackedColumns> packed;
  Type sumType;
  Deal tiles;
  Value rows, sweepRows, scratch, perLook;
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
