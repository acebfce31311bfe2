//===- FuseRows.cpp - one parallel loop over row blocks per chain ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chain function in linalg form becomes one scf.forall over blocks of rows,
// in which every op works on its block: the intermediates shrink to a tile that
// stays in the cache. Producers are fused last first, each once: all slices of
// a chain have the same rows, so nothing is computed twice.
//===----------------------------------------------------------------------===//
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFUSEROWS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

/// Dims of intermediate values in terms of the function's arguments, so that no
/// loop bound keeps a whole producer alive.
LogicalResult resolveDims(func::FuncOp func) {
  RewritePatternSet patterns(func.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, func.getContext());
  tensor::EmptyOp::getCanonicalizationPatterns(patterns, func.getContext());
  return applyPatternsGreedily(func, std::move(patterns));
}

/// Whether merging `producer` into `consumer` would compute what is one number
/// per row again for each of its columns.
bool isOfRows(linalg::LinalgOp consumer, OpOperand *operand,
              Operation *producer) {
  auto maker = dyn_cast<linalg::LinalgOp>(producer);
  return maker && maker.getNumLoops() < consumer.getNumLoops() &&
         consumer.getMatchingIndexingMap(operand).isFunctionOfDim(0);
}

/// The rows that the body of a generic reads one by one (transformer.select).
SmallVector<tensor::ExtractOp> rowReads(Operation *op) {
  SmallVector<tensor::ExtractOp> reads;
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    for (auto read : generic.getRegion().getOps<tensor::ExtractOp>())
      if (auto type = read.getTensor().getType();
          type.getRank() == 2 && type.isDynamicDim(0))
        reads.push_back(read);
  return reads;
}

/// Residual additions and the like as linalg, merged into the elementwise op
/// that makes their operand when nothing else uses it.
LogicalResult mergeElementwise(func::FuncOp func, bool merge) {
  // The first round only frees the destinations: they start as an operand,
  // which would count as a second use.
  for (bool fuse : {false, true}) {
    if (fuse && !merge)
      break;
    RewritePatternSet patterns(func.getContext());
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [fuse](OpOperand *operand) {
          auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
          Operation *producer = operand->get().getDefiningOp();
          return fuse && producer && producer->hasOneUse() && consumer &&
                 consumer.getNumParallelLoops() == consumer.getNumLoops() &&
                 rowReads(producer).empty() &&
                 !isOfRows(consumer, operand, producer);
        });
    if (failed(applyPatternsGreedily(func, std::move(patterns))) ||
        failed(resolveDims(func)))
      return failure();
  }
  return success();
}

class RowFuser {
public:
  RowFuser(func::FuncOp func, int64_t rowBlock, bool merge)
      : func(func), rewriter(func.getContext()), rowBlock(rowBlock),
        merge(merge) {}

  LogicalResult run() {
    if (failed(mergeElementwise(func, merge)))
      return failure();
    if (failed(buildLoop()))
      return failure();
    while (tensor::ExtractSliceOp slice = nextSlice())
      if (failed(fuse(slice)))
        return failure();
    writeInPlace();
    RewritePatternSet patterns(func.getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns,
                                                        func.getContext());
    return applyPatternsGreedily(func, std::move(patterns));
  }

private:
  Block &entry() { return func.getBody().front(); }

  /// The destination arguments are the last ones, one per result.
  BlockArgument destination(unsigned result) {
    return func.getArgument(func.getNumArguments() - func.getNumResults() +
                            result);
  }

  LogicalResult buildLoop() {
    auto terminator = cast<func::ReturnOp>(entry().getTerminator());
    Location loc = func.getLoc();
    rewriter.setInsertionPoint(terminator);
    SmallVector<Value> destinations;
    for (unsigned i = 0; i < func.getNumResults(); ++i)
      destinations.push_back(destination(i));
    Value rows = tensor::DimOp::create(rewriter, loc, destinations[0], 0);
    Value step = rowsPerBlock(loc, rows);
    loop = scf::ForallOp::create(
        rewriter, loc, ArrayRef<OpFoldResult>{rewriter.getIndexAttr(0)},
        ArrayRef<OpFoldResult>{rows}, ArrayRef<OpFoldResult>{step},
        destinations, std::nullopt);
    rewriter.setInsertionPointToStart(loop.getBody());
    Value row = loop.getInductionVar(0);
    AffineExpr d0 = rewriter.getAffineDimExpr(0);
    AffineExpr d1 = rewriter.getAffineDimExpr(1);
    AffineExpr d2 = rewriter.getAffineDimExpr(2);
    auto left = AffineMap::get(
        3, 0, {rewriter.getAffineConstantExpr(rowBlock), d0 - d1, d2},
        rewriter.getContext());
    Value size = affine::AffineMinOp::create(rewriter, loc, left,
                                             ValueRange{rows, row, step});
    for (auto [i, value] : llvm::enumerate(terminator.getOperands())) {
      auto type = cast<RankedTensorType>(value.getType());
      auto [offsets, sizes, strides] = blockOf(type, row, size);
      rewriter.setInsertionPoint(loop.getTerminator());
      Value tile = tensor::ExtractSliceOp::create(rewriter, loc, value, offsets,
                                                  sizes, strides);
      rewriter.setInsertionPointToEnd(loop.getTerminator().getBody());
      tensor::ParallelInsertSliceOp::create(rewriter, loc, tile,
                                            loop.getRegionIterArgs()[i],
                                            offsets, sizes, strides);
    }
    rewriter.modifyOpInPlace(
        terminator, [&] { terminator->setOperands(loop.getResults()); });
    return success();
  }

  /// At most `rowBlock`; less where that lets all threads have the same number
  /// of blocks, as long as a block is worth reading all weights for.
  Value rowsPerBlock(Location loc, Value rows) {
    constexpr int64_t kWorthwhile = 16;
    // No row tile wants fewer rows than this for its last part.
    constexpr int64_t kMultiple = 4;
    ImplicitLocOpBuilder b(loc, rewriter);
    auto index = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    auto ceilDiv = [&](Value v, Value by) -> Value {
      return arith::CeilDivUIOp::create(b, v, by);
    };
    Value one = index(1),
          threads = transformer::kernel::ThreadsOp::create(b, b.getIndexType());
    Value needed = ceilDiv(rows, index(rowBlock));
    Value even = arith::MulIOp::create(b, ceilDiv(needed, threads), threads);
    Value most = arith::DivUIOp::create(b, rows, index(kWorthwhile));
    Value blocks = arith::MaxUIOp::create(
        b, arith::MinUIOp::create(b, even, most), needed);
    // An empty batch has no blocks; the step must be positive all the same.
    blocks = arith::MaxUIOp::create(b, blocks, one);
    Value size = arith::MaxUIOp::create(b, ceilDiv(rows, blocks), one);
    size = arith::MulIOp::create(b, ceilDiv(size, index(kMultiple)),
                                 index(kMultiple));
    auto bound = AffineMap::get(
        1, 0, {b.getAffineConstantExpr(rowBlock), b.getAffineDimExpr(0)},
        b.getContext());
    return affine::AffineMinOp::create(b, bound, ValueRange{size});
  }

  std::tuple<SmallVector<OpFoldResult>, SmallVector<OpFoldResult>,
             SmallVector<OpFoldResult>>
  blockOf(RankedTensorType type, Value row, Value size) {
    SmallVector<OpFoldResult> offsets(type.getRank(), rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(type.getRank(), rewriter.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim : type.getShape())
      sizes.push_back(rewriter.getIndexAttr(dim));
    offsets[0] = row, sizes[0] = size;
    return {offsets, sizes, strides};
  }

  /// A slice in the loop of the producer that stands last before it.
  tensor::ExtractSliceOp nextSlice() {
    Operation *last = nullptr;
    tensor::ExtractSliceOp found;
    for (auto slice : loop.getBody()->getOps<tensor::ExtractSliceOp>()) {
      auto producer = slice.getSource().getDefiningOp<TilingInterface>();
      if (!producer || producer->getBlock() != &entry() || slice->use_empty())
        continue;
      if (last && !last->isBeforeInBlock(producer))
        continue;
      last = producer, found = slice;
    }
    return found;
  }

  LogicalResult fuse(tensor::ExtractSliceOp slice) {
    Value source = slice.getSource();
    SmallVector<tensor::ExtractSliceOp> equal;
    for (auto other : loop.getBody()->getOps<tensor::ExtractSliceOp>())
      if (other.getSource() == source && !other->use_empty() &&
          other.getMixedOffsets() == slice.getMixedOffsets()) {
        equal.push_back(other);
        if (other->isBeforeInBlock(slice))
          slice = other;
      }
    SmallVector<LoopLikeOpInterface> loops{
        cast<LoopLikeOpInterface>(loop.getOperation())};
    auto fused = scf::tileAndFuseProducerOfSlice(rewriter, slice, loops);
    if (!fused)
      return source.getDefiningOp()->emitError(
          "cannot be computed for a block of rows");
    for (Operation *tile : fused->tiledOps)
      if (failed(readBlocks(tile)))
        return failure();
    for (tensor::ExtractSliceOp other : equal) {
      if (other != slice)
        rewriter.replaceAllUsesWith(other.getResult(),
                                    fused->tiledAndFusedProducer);
      if (other->use_empty())
        rewriter.eraseOp(other);
    }
    return success();
  }

  /// Lets a body read its rows from a slice in the loop, which is then fused as
  /// those of operands are.
  LogicalResult readBlocks(Operation *tile) {
    for (tensor::ExtractOp read : rowReads(tile)) {
      auto source = read.getTensor().getDefiningOp<TilingInterface>();
      if (!source || source->getBlock() != &entry())
        continue;
      // Tiling has added the first row of the block to the row.
      auto at = read.getIndices()[0].getDefiningOp<affine::AffineApplyOp>();
      linalg::IndexOp own;
      for (Value operand : at ? at.getOperands() : ValueRange())
        if (auto index = operand.getDefiningOp<linalg::IndexOp>())
          own = index;
      if (!own || own.getDim() != 0)
        return read.emitError("reads rows other than its own");
      rewriter.setInsertionPoint(tile);
      Value size = tensor::DimOp::create(
          rewriter, tile->getLoc(),
          cast<DestinationStyleOpInterface>(tile).getDpsInits()[0], 0);
      auto [offsets, sizes, strides] =
          blockOf(read.getTensor().getType(), loop.getInductionVar(0), size);
      Value block = tensor::ExtractSliceOp::create(
          rewriter, tile->getLoc(), read.getTensor(), offsets, sizes, strides);
      rewriter.modifyOpInPlace(read, [&] {
        read.getTensorMutable().assign(block);
        read.getIndicesMutable()[0].set(own);
      });
    }
    return success();
  }

  /// Lets the op that makes a result's tile write to the destination itself.
  void writeInPlace() {
    for (Operation &op : *loop.getTerminator().getBody()) {
      auto insert = cast<tensor::ParallelInsertSliceOp>(op);
      auto result = dyn_cast<OpResult>(insert.getSource());
      auto maker =
          insert.getSource().getDefiningOp<DestinationStyleOpInterface>();
      if (!maker)
        continue;
      OpOperand *init = maker.getDpsInitOperand(result.getResultNumber());
      Operation *from = init->get().getDefiningOp();
      if (auto fill = dyn_cast_or_null<linalg::FillOp>(from)) {
        maker = fill;
        init = fill.getDpsInitOperand(0);
        from = init->get().getDefiningOp();
      }
      if (!isa_and_nonnull<tensor::EmptyOp, tensor::ExtractSliceOp>(from))
        continue;
      rewriter.setInsertionPoint(maker);
      Value slice = tensor::ExtractSliceOp::create(
          rewriter, insert.getLoc(), insert.getDest(), insert.getMixedOffsets(),
          insert.getMixedSizes(), insert.getMixedStrides());
      rewriter.modifyOpInPlace(maker, [&] { init->set(slice); });
    }
  }

  func::FuncOp func;
  IRRewriter rewriter;
  int64_t rowBlock;
  bool merge;
  scf::ForallOp loop;
};

struct FuseRowsPass
    : public transformer::impl::TransformerFuseRowsBase<FuseRowsPass> {
  using TransformerFuseRowsBase::TransformerFuseRowsBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr("transformer.chain") || func.isExternal())
      return;
    if (failed(RowFuser(func, rowBlock, merge).run()))
      return signalPassFailure();
  }
};

} // namespace
