//===- Pool.cpp - pool and unpool to linalg and loops ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

Value indexConstant(ImplicitLocOpBuilder &b, int64_t v) {
  return arith::ConstantIndexOp::create(b, v);
}

Value toIndex(ImplicitLocOpBuilder &b, Value v) {
  return arith::IndexCastOp::create(b, b.getIndexType(), v);
}

/// Pools the rows [begin, end) of `x : [tokens, hidden]`, where `visible` (may
/// be null) hides rows, into one row f32[hidden]: a loop over tokens in order
/// around a row-wise op over channels.
class RowPooler {
public:
  RowPooler(ImplicitLocOpBuilder &b, PoolKind kind, OpFoldResult hidden)
      : b(b), kind(kind), hidden(hidden) {}

  Value pool(function_ref<Value(Value)> rowAt,
             function_ref<Value(Value)> visible, Value begin, Value end) {
    Value one = indexConstant(b, 1);
    bool isMax = kind == PoolKind::max;
    Value start = fill(isMax ? -std::numeric_limits<double>::infinity() : 0.0);
    Value none = arith::ConstantIntOp::create(b, 0, 32);
    auto loop = scf::ForOp::create(b, begin, end, one, ValueRange{start, none});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value t = loop.getInductionVar();
      Value acc = loop.getRegionIterArgs()[0];
      Value count = loop.getRegionIterArgs()[1];
      Value more = arith::AddIOp::create(
          b, count, arith::ConstantIntOp::create(b, 1, 32));
      Value seen = visible(t);
      // Only the first token counts for cls.
      if (kind == PoolKind::cls) {
        Value first =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, count,
                                  arith::ConstantIntOp::create(b, 0, 32));
        seen = seen ? arith::AndIOp::create(b, seen, first).getResult() : first;
      }
      Value next = accumulate(acc, rowAt(t), seen);
      if (seen)
        more = arith::SelectOp::create(b, seen, more, count);
      scf::YieldOp::create(b, ValueRange{next, more});
    }
    return finish(loop.getResult(0), loop.getResult(1));
  }

private:
  Value fill(double v) {
    Value empty = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{hidden},
                                          b.getF32Type());
    Value c = arith::ConstantOp::create(b, b.getF32FloatAttr(v));
    return linalg::FillOp::create(b, ValueRange{c}, ValueRange{empty})
        .getResult(0);
  }
  Value accumulate(Value acc, Value row, Value seen) {
    AffineMap id = b.getMultiDimIdentityMap(1);
    return linalg::GenericOp::create(
               b, acc.getType(), ValueRange{row}, acc,
               ArrayRef<AffineMap>{id, id},
               ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value v = widen(ib, args[0]), next;
                 if (kind == PoolKind::max)
                   next = arith::MaximumFOp::create(ib, args[1], v);
                 else if (kind == PoolKind::cls)
                   next = v;
                 else
                   next = arith::AddFOp::create(ib, args[1], v);
                 if (seen)
                   next = arith::SelectOp::create(ib, seen, next, args[1]);
                 linalg::YieldOp::create(ib, next);
               })
        .getResult(0);
  }
  Value finish(Value acc, Value count) {
    Value n = arith::SIToFPOp::create(b, b.getF32Type(), count);
    Value none = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, count,
                                       arith::ConstantIntOp::create(b, 0, 32));
    AffineMap id = b.getMultiDimIdentityMap(1);
    Value init = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{hidden},
                                         b.getF32Type());
    return linalg::GenericOp::create(
               b, acc.getType(), ValueRange{acc}, init,
               ArrayRef<AffineMap>{id, id},
               ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value v = args[0];
                 if (kind == PoolKind::mean)
                   v = arith::DivFOp::create(ib, v, n);
                 Value zero =
                     arith::ConstantOp::create(ib, ib.getF32FloatAttr(0.0));
                 v = arith::SelectOp::create(ib, none, zero, v);
                 linalg::YieldOp::create(ib, v);
               })
        .getResult(0);
  }

  ImplicitLocOpBuilder &b;
  PoolKind kind;
  OpFoldResult hidden;
};

struct PoolPattern : OpRewritePattern<PoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PoolOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getType());
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    bool packed = inputType.getRank() == 2;
    OpFoldResult hidden = sizeOf(b, op.getInput(), inputType.getRank() - 1);
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    Value batch;
    if (packed) {
      Value bounds = tensor::DimOp::create(b, op.getOffsets(), zero);
      batch =
          arith::SubIOp::create(b, arith::MaxUIOp::create(b, bounds, one), one);
    } else {
      batch = tensor::DimOp::create(b, op.getInput(), zero);
    }
    SmallVector<OpFoldResult> sizes{batch, hidden};
    if (!type.isDynamicDim(0))
      sizes[0] = b.getIndexAttr(type.getDimSize(0));
    Value out = tensor::EmptyOp::create(b, sizes, type.getElementType());
    auto loop = scf::ForOp::create(b, zero, batch, one, ValueRange{out});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value s = loop.getInductionVar();
      Value begin = zero, end;
      if (packed) {
        auto bound = [&](Value at) {
          return toIndex(
              b, tensor::ExtractOp::create(b, op.getOffsets(), ValueRange{at}));
        };
        begin = bound(s), end = bound(arith::AddIOp::create(b, s, one));
      } else {
        end = tensor::DimOp::create(b, op.getInput(), one);
      }
      auto rowType = RankedTensorType::get({inputType.getShape().back()},
                                           inputType.getElementType());
      auto rowAt = [&](Value t) -> Value {
        SmallVector<OpFoldResult> offsets{t, b.getIndexAttr(0)};
        SmallVector<OpFoldResult> extents{b.getIndexAttr(1), hidden};
        if (!packed) {
          offsets.insert(offsets.begin(), OpFoldResult(s));
          extents.insert(extents.begin(), b.getIndexAttr(1));
        }
        SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
        return tensor::ExtractSliceOp::create(b, rowType, op.getInput(),
                                              offsets, extents, strides);
      };
      auto visible = [&](Value t) -> Value {
        if (!op.getMask())
          return {};
        return tensor::ExtractOp::create(b, op.getMask(), ValueRange{s, t});
      };
      Value row =
          RowPooler(b, op.getKind(), hidden).pool(rowAt, visible, begin, end);
      Value narrowed = narrowRow(b, row, type.getElementType());
      SmallVector<OpFoldResult> offsets{s, b.getIndexAttr(0)};
      SmallVector<OpFoldResult> extents{b.getIndexAttr(1), hidden};
      SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
      Value inserted = tensor::InsertSliceOp::create(
          b, narrowed, loop.getRegionIterArgs()[0], offsets, extents, strides);
      scf::YieldOp::create(b, inserted);
    }
    Value result = loop.getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(b, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  static Value narrowRow(ImplicitLocOpBuilder &b, Value row, Type element) {
    if (getElementTypeOrSelf(row) == element)
      return row;
    auto type = cast<RankedTensorType>(row.getType()).clone(element);
    return arith::TruncFOp::create(b, type, row);
  }
};

/// out[t] = input[s] for the tokens t of sequence s.
struct UnpoolPattern : OpRewritePattern<UnpoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpoolOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getType());
    if (!op.getOffsets())
      return rewriteDense(op, b, rewriter);
    OpFoldResult hidden = sizeOf(b, op.getInput(), 1);
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    SmallVector<OpFoldResult> sizes{op.getLength(), hidden};
    if (!type.isDynamicDim(0))
      sizes[0] = b.getIndexAttr(type.getDimSize(0));
    Value out = tensor::EmptyOp::create(b, sizes, type.getElementType());
    Value batch = tensor::DimOp::create(b, op.getInput(), zero);
    auto outer = scf::ForOp::create(b, zero, batch, one, ValueRange{out});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(outer.getBody());
      Value s = outer.getInductionVar();
      auto bound = [&](Value at) {
        return toIndex(
            b, tensor::ExtractOp::create(b, op.getOffsets(), ValueRange{at}));
      };
      Value begin = bound(s), end = bound(arith::AddIOp::create(b, s, one));
      OpFoldResult count = arith::SubIOp::create(b, end, begin).getResult();
      SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
      auto inputType = cast<RankedTensorType>(op.getInput().getType());
      Value row = tensor::ExtractSliceOp::create(
          b,
          RankedTensorType::get({inputType.getDimSize(1)},
                                inputType.getElementType()),
          op.getInput(), SmallVector<OpFoldResult>{s, b.getIndexAttr(0)},
          SmallVector<OpFoldResult>{b.getIndexAttr(1), hidden}, strides);
      SmallVector<OpFoldResult> from{begin, b.getIndexAttr(0)};
      SmallVector<OpFoldResult> extents{count, hidden};
      Value into = outer.getRegionIterArgs()[0];
      Value part =
          tensor::ExtractSliceOp::create(b, into, from, extents, strides);
      Value copies =
          linalg::BroadcastOp::create(b, row, part, ArrayRef<int64_t>{0})
              ->getResult(0);
      Value inserted = tensor::InsertSliceOp::create(b, copies, into, from,
                                                     extents, strides);
      scf::YieldOp::create(b, inserted);
    }
    Value result = outer.getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(b, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  static LogicalResult rewriteDense(UnpoolOp op, ImplicitLocOpBuilder &b,
                                    PatternRewriter &rewriter) {
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> sizes{sizeOf(b, op.getInput(), 0), op.getLength(),
                                    sizeOf(b, op.getInput(), 1)};
    Value init = tensor::EmptyOp::create(b, sizes, type.getElementType());
    Value y = linalg::BroadcastOp::create(b, op.getInput(), init,
                                          ArrayRef<int64_t>{1})
                  ->getResult(0);
    rewriter.replaceOp(op, castTo(b, y, type));
    return success();
  }
};

} // namespace

void transformer::populatePoolToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<PoolPattern, UnpoolPattern>(patterns.getContext());
}
