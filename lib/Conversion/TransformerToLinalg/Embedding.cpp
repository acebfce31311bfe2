//===- Embedding.cpp - embedding, select, positions to linalg -------------===//
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
    // Only the rows that are looked up are unpacked.
    auto packed = table.getDefiningOp<UnpackI4Op>();
    Value y = rows.map(
        {{ids, Access::Row}}, ids, rows.size(table, 1), type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          Value row = toIndex(b, args[0]);
          Value column = linalg::IndexOp::create(b, 1);
          Value v = packed ? unpackI4(b, packed, row, column)
                           : tensor::ExtractOp::create(b, table,
                                                       ValueRange{row, column});
          if (!scales)
            return widen(b, v);
          // One for all rows lies in front.
          bool isOne =
              cast<RankedTensorType>(scales.getType()).getDimSize(0) == 1;
          Value at = isOne ? arith::ConstantIndexOp::create(b, 0) : row;
          Value scale =
              widen(b, tensor::ExtractOp::create(b, scales, ValueRange{at}));
          v = arith::SIToFPOp::create(b, b.getF32Type(), v);
          return arith::MulFOp::create(b, v, scale);
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getIds()));
    return success();
  }
};

/// out[m, c] = x[m, indices[c]]. Rows are read in the body, where operands of
/// linalg can't be: FuseRows knows this form.
struct SelectPattern : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    RowBuilder rows(rewriter, op.getLoc());
    Value x = rows.flatten(op.getInput());
    Value y = rows.map(
        {{op.getIndices(), Access::Column}}, x, rows.size(op.getIndices(), 0),
        type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          Value row = linalg::IndexOp::create(b, 0);
          return widen(b, tensor::ExtractOp::create(
                              b, x, ValueRange{row, toIndex(b, args[0])}));
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }
};

/// Counts up inside each sequence, in one loop over sequences. Its body has no
/// loop of its own, not even to count past padding: other compilers don't take
/// nested loops that carry a tensor of unknown size.
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
      SmallVector<OpFoldResult> from{begin}, stride{b.getIndexAttr(1)};
      SmallVector<OpFoldResult> size{
          arith::SubIOp::create(b, end, begin).getResult()};
      Value part = tensor::ExtractSliceOp::create(b, into, from, size, stride);
      if (op.getIds()) {
        Value ids =
            tensor::ExtractSliceOp::create(b, op.getIds(), from, size, stride);
        part = countPastPadding(b, op, ids);
      } else {
        part = number(b, op, part);
      }
      Value inserted =
          tensor::InsertSliceOp::create(b, part, into, from, size, stride);
      scf::YieldOp::create(b, inserted);
    }
    Value result = loop.getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(b, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  static Value number(ImplicitLocOpBuilder &b, PositionsOp op, Value part) {
    return linalg::GenericOp::create(
               b, part.getType(), ValueRange{}, part,
               ArrayRef<AffineMap>{b.getMultiDimIdentityMap(1)},
               ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value i = arith::IndexCastOp::create(
                     ib, ib.getI32Type(), linalg::IndexOp::create(ib, 0));
                 Value start =
                     arith::ConstantIntOp::create(ib, op.getStart(), 32);
                 linalg::YieldOp::create(
                     ib, ValueRange{arith::AddIOp::create(ib, i, start)});
               })
        .getResult(0);
  }

  /// start - 1, and one more for each token up to this one that is no padding,
  /// unless this one is.
  static Value countPastPadding(ImplicitLocOpBuilder &b, PositionsOp op,
                                Value ids) {
    Value first = arith::ConstantIntOp::create(b, op.getStart() - 1, 32);
    Value empty = tensor::EmptyOp::create(
        b, SmallVector<OpFoldResult>{sizeOf(b, ids, 0)}, b.getI32Type());
    Value init = linalg::FillOp::create(b, ValueRange{first}, ValueRange{empty})
                     .getResult(0);
    AffineExpr i, j;
    bindDims(b.getContext(), i, j);
    SmallVector<AffineMap> maps{AffineMap::get(2, 0, {i}, b.getContext()),
                                AffineMap::get(2, 0, {j}, b.getContext()),
                                AffineMap::get(2, 0, {i}, b.getContext())};
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{ids, ids}, init, maps,
               ArrayRef<utils::IteratorType>{utils::IteratorType::parallel,
                                             utils::IteratorType::reduction},
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value padding = arith::ConstantIntOp::create(
                     ib, op.getPaddingId().value_or(0), 32);
                 auto isToken = [&](Value id) -> Value {
                   return arith::CmpIOp::create(ib, arith::CmpIPredicate::ne,
                                                id, padding);
                 };
                 Value counts =
                     arith::CmpIOp::create(ib, arith::CmpIPredicate::ule,
                                           linalg::IndexOp::create(ib, 1),
                                           linalg::IndexOp::create(ib, 0));
                 counts = arith::AndIOp::create(ib, counts, isToken(args[0]));
                 counts = arith::AndIOp::create(ib, counts, isToken(args[1]));
                 Value one =
                     arith::ExtUIOp::create(ib, ib.getI32Type(), counts);
                 linalg::YieldOp::create(
                     ib, ValueRange{arith::AddIOp::create(ib, args[2], one)});
               })
        .getResult(0);
  }
};

} // namespace

void transformer::populateEmbeddingToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<EmbeddingPattern, SelectPattern, PositionsPattern>(
      patterns.getContext());
}
