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

/// Counts up inside each sequence, one loop over sequences and one over tokens.
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
    Value start = arith::ConstantIntOp::create(b, op.getStart(), 32);
    Value padded = arith::ConstantIntOp::create(b, op.getStart() - 1, 32);
    Value step = arith::ConstantIntOp::create(b, 1, 32);
    auto outer = scf::ForOp::create(b, zero, sequences, one, ValueRange{out});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(outer.getBody());
      Value s = outer.getInductionVar();
      Value next = arith::AddIOp::create(b, s, one);
      auto bound = [&](Value at) {
        return toIndex(
            b, tensor::ExtractOp::create(b, op.getOffsets(), ValueRange{at}));
      };
      auto inner =
          scf::ForOp::create(b, bound(s), bound(next), one,
                             ValueRange{outer.getRegionIterArgs()[0], start});
      {
        OpBuilder::InsertionGuard innerGuard(b);
        b.setInsertionPointToStart(inner.getBody());
        Value t = inner.getInductionVar();
        Value count = inner.getRegionIterArgs()[1], value = count;
        Value after = arith::AddIOp::create(b, count, step);
        if (op.getIds()) {
          Value id = tensor::ExtractOp::create(b, op.getIds(), ValueRange{t});
          Value pad = arith::ConstantIntOp::create(
              b, op.getPaddingId().value_or(0), 32);
          Value isPad =
              arith::CmpIOp::create(b, arith::CmpIPredicate::eq, id, pad);
          value = arith::SelectOp::create(b, isPad, padded, value);
          after = arith::SelectOp::create(b, isPad, count, after);
        }
        Value inserted = tensor::InsertOp::create(
            b, value, inner.getRegionIterArgs()[0], ValueRange{t});
        scf::YieldOp::create(b, ValueRange{inserted, after});
      }
      scf::YieldOp::create(b, ValueRange{inner.getResult(0)});
    }
    rewriter.replaceOp(
        op,
        outer.getResult(0).getType() != type
            ? tensor::CastOp::create(b, type, outer.getResult(0)).getResult()
            : outer.getResult(0));
    return success();
  }
};

} // namespace

void transformer::populateEmbeddingToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<EmbeddingPattern, PositionsPattern>(patterns.getContext());
}
