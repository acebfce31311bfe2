//===- Embedding.cpp - embedding and positions to linalg ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

Value toIndex(ImplicitLocOpBuilder &b, Value v) {
  return arith::IndexCastOp::create(b, b.getIndexType(), v);
}

/// out[m, c] = table[ids[m], c].
struct EmbeddingPattern : OpRewritePattern<EmbeddingOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(EmbeddingOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    RowBuilder rows(rewriter, op.getLoc());
    Value ids = rows.flatten(op.getIds(), /*hasColumns=*/false);
    Value table = op.getTable(), scales = op.getScales();
    Value y = rows.map(
        {{ids, Access::Row}}, ids, rows.size(table, 1), type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          Value row = toIndex(b, args[0]);
          Value column = linalg::IndexOp::create(b, 1);
          Value v =
              tensor::ExtractOp::create(b, table, ValueRange{row, column});
          if (!scales)
            return widen(b, v);
          Value scale = tensor::ExtractOp::create(b, scales, ValueRange{row});
          v = arith::SIToFPOp::create(b, b.getF32Type(), v);
          return arith::MulFOp::create(b, v, scale);
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getIds()));
    return success();
  }
};

/// Counts up inside each sequence, in a loop over sequences. Without ids the
/// tokens of a sequence are one elementwise op, which other compilers take;
/// counting past padding is a second loop.
struct PositionsPattern : OpRewritePattern<PositionsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PositionsOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value one = arith::ConstantIndexOp::create(b, 1);
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> size{op.getTokens()};
    if (!type.isDynamicDim(0))
      size[0] = b.getIndexAttr(type.getDimSize(0));
    Value out = tensor::EmptyOp::create(b, size, b.getI32Type());
    Value bounds = tensor::DimOp::create(b, op.getOffsets(), zero);
    Value sequences =
        arith::SubIOp::create(b, arith::MaxUIOp::create(b, bounds, one), one);
    auto loop = scf::ForOp::create(b, zero, sequences, one, ValueRange{out});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value s = loop.getInductionVar(), into = loop.getRegionIterArgs()[0];
      auto bound = [&](Value at) {
        return toIndex(
            b, tensor::ExtractOp::create(b, op.getOffsets(), ValueRange{at}));
      };
      Value begin = bound(s), end = bound(arith::AddIOp::create(b, s, one));
      Value next = op.getIds() ? countPastPadding(b, op, into, begin, end)
                               : number(b, op, into, begin, end);
      scf::YieldOp::create(b, next);
    }
    Value result = loop.getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(b, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  static Value number(ImplicitLocOpBuilder &b, PositionsOp op, Value into,
                      Value begin, Value end) {
    SmallVector<OpFoldResult> from{begin}, stride{b.getIndexAttr(1)};
    SmallVector<OpFoldResult> size{
        arith::SubIOp::create(b, end, begin).getResult()};
    Value part = tensor::ExtractSliceOp::create(b, into, from, size, stride);
    Value numbers =
        linalg::GenericOp::create(
            b, part.getType(), ValueRange{}, part,
            ArrayRef<AffineMap>{b.getMultiDimIdentityMap(1)},
            ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
            [&](OpBuilder &inner, Location loc, ValueRange args) {
              ImplicitLocOpBuilder ib(loc, inner);
              Value i = arith::IndexCastOp::create(
                  ib, ib.getI32Type(), linalg::IndexOp::create(ib, 0));
              Value start = arith::ConstantIntOp::create(ib, op.getStart(), 32);
              linalg::YieldOp::create(
                  ib, ValueRange{arith::AddIOp::create(ib, i, start)});
            })
            .getResult(0);
    return tensor::InsertSliceOp::create(b, numbers, into, from, size, stride);
  }

  static Value countPastPadding(ImplicitLocOpBuilder &b, PositionsOp op,
                                Value into, Value begin, Value end) {
    auto number = [&](int64_t v) -> Value {
      return arith::ConstantIntOp::create(b, v, 32);
    };
    Value step = number(1), pad = number(op.getPaddingId().value_or(0));
    Value padded = number(op.getStart() - 1);
    auto loop =
        scf::ForOp::create(b, begin, end, arith::ConstantIndexOp::create(b, 1),
                           ValueRange{into, number(op.getStart())});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value t = loop.getInductionVar(), count = loop.getRegionIterArgs()[1];
    Value id = tensor::ExtractOp::create(b, op.getIds(), ValueRange{t});
    Value isPad = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, id, pad);
    Value value = arith::SelectOp::create(b, isPad, padded, count);
    Value after = arith::SelectOp::create(
        b, isPad, count, arith::AddIOp::create(b, count, step));
    Value inserted = tensor::InsertOp::create(
        b, value, loop.getRegionIterArgs()[0], ValueRange{t});
    scf::YieldOp::create(b, ValueRange{inserted, after});
    return loop.getResult(0);
  }
};

} // namespace

void transformer::populateEmbeddingToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<EmbeddingPattern, PositionsPattern>(patterns.getContext());
}
