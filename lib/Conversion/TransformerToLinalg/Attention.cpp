//===- Attention.cpp - attention to linalg --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed attention is a loop over sequences around the dense form, which has no
// loop.
//===----------------------------------------------------------------------===//
#include "AttentionBuilder.h"
#include "transformer/Conversion/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::attention;

namespace {

struct AttentionPattern : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    for (Value v : {op.getQuery(), op.getKey(), op.getValue()})
      if (ShapedType::isDynamic(
              cast<RankedTensorType>(v.getType()).getShape().back()))
        return rewriter.notifyMatchFailure(op, "a width is dynamic");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value y = op.isPacked() ? packed(b, op) : dense(b, op);
    rewriter.replaceOp(op, castTo(b, y, op.getType()));
    return success();
  }

private:
  static Value dense(ImplicitLocOpBuilder &b, AttentionOp op) {
    SmallVector<int64_t> dims;
    Value mask = op.getMask();
    auto type = mask ? cast<RankedTensorType>(mask.getType()) : nullptr;
    if (mask && type.getRank() == 2) {
      dims = {Batch, Key};
    } else if (mask) {
      if (type.getDimSize(0) == 0 || type.isDynamicDim(0) ||
          type.isDynamicDim(1))
        mask = broadcastMask(b, op);
      mask = denseMask(b, op, mask, dims);
    }
    return AttentionBuilder(b, op).build(op.getQuery(), op.getKey(),
                                         op.getValue(), mask, dims);
  }

  /// [B, heads, nq, nk] of a mask [B or 1, heads or 1, nq, nk] of which only a
  /// call knows whether it is broadcast: index 0 of a dimension that is.
  static Value broadcastMask(ImplicitLocOpBuilder &b, AttentionOp op) {
    Value mask = op.getMask();
    OpFoldResult heads = b.getIndexAttr(op.getNumHeads());
    Value init = tensor::EmptyOp::create(
        b,
        SmallVector<OpFoldResult>{sizeOf(b, op.getQuery(), 0), heads,
                                  sizeOf(b, mask, 2), sizeOf(b, mask, 3)},
        getElementTypeOrSelf(mask));
    Value sizes[] = {tensor::DimOp::create(b, mask, 0),
                     tensor::DimOp::create(b, mask, 1)};
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{}, init,
               ArrayRef<AffineMap>{b.getMultiDimIdentityMap(4)},
               SmallVector<utils::IteratorType>(4,
                                                utils::IteratorType::parallel),
               [&](OpBuilder &inner, Location loc, ValueRange) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 SmallVector<Value> at;
                 for (int64_t i = 0; i < 4; ++i)
                   at.push_back(linalg::IndexOp::create(ib, i));
                 for (int64_t i = 0; i < 2; ++i)
                   at[i] = arith::RemUIOp::create(ib, at[i], sizes[i]);
                 linalg::YieldOp::create(
                     ib, tensor::ExtractOp::create(ib, mask, at).getResult());
               })
        .getResult(0);
  }

  /// [B or 1, heads or 1, nq, nk] without its broadcast dims and with the heads
  /// split into (key head, group).
  static Value denseMask(ImplicitLocOpBuilder &b, AttentionOp op, Value mask,
                         SmallVectorImpl<int64_t> &dims) {
    auto type = cast<RankedTensorType>(mask.getType());
    int64_t batch =
        cast<RankedTensorType>(op.getQuery().getType()).getDimSize(0);
    bool dropBatch = type.getDimSize(0) == 1 && batch != 1;
    bool dropHeads = type.getDimSize(1) == 1 && op.getNumHeads() != 1;
    SmallVector<OpFoldResult> offsets(4, b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(4, b.getIndexAttr(1)), sizes;
    SmallVector<int64_t> kept;
    for (int64_t i = 0; i < 4; ++i) {
      sizes.push_back(
          type.isDynamicDim(i)
              ? OpFoldResult(tensor::DimOp::create(b, mask, i).getResult())
              : OpFoldResult(b.getIndexAttr(type.getDimSize(i))));
      if (!(i == 0 && dropBatch) && !(i == 1 && dropHeads))
        kept.push_back(type.getDimSize(i));
    }
    if (kept.size() != 4)
      mask = tensor::ExtractSliceOp::create(
          b, RankedTensorType::get(kept, type.getElementType()), mask, offsets,
          sizes, strides);
    if (!dropBatch)
      dims.push_back(Batch);
    if (!dropHeads) {
      mask = splitHeadDim(b, op, mask, dims.size());
      dims.append({KvHead, Group});
    }
    dims.append({Query, Key});
    return mask;
  }

  static Value splitHeadDim(ImplicitLocOpBuilder &b, AttentionOp op, Value mask,
                            int64_t at) {
    auto type = cast<RankedTensorType>(mask.getType());
    SmallVector<int64_t> shape;
    SmallVector<OpFoldResult> sizes;
    SmallVector<ReassociationIndices> groups;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      groups.emplace_back();
      if (i == at) {
        for (int64_t s : {int64_t(op.getNumKvHeads()),
                          int64_t(op.getNumHeads() / op.getNumKvHeads())}) {
          groups.back().push_back(shape.size());
          shape.push_back(s);
          sizes.push_back(b.getIndexAttr(s));
        }
        continue;
      }
      groups.back().push_back(shape.size());
      shape.push_back(type.getDimSize(i));
      sizes.push_back(
          type.isDynamicDim(i)
              ? OpFoldResult(tensor::DimOp::create(b, mask, i).getResult())
              : OpFoldResult(b.getIndexAttr(type.getDimSize(i))));
    }
    return tensor::ExpandShapeOp::create(
        b, RankedTensorType::get(shape, type.getElementType()), mask, groups,
        sizes);
  }

  static Value packed(ImplicitLocOpBuilder &b, AttentionOp op) {
    auto type = cast<RankedTensorType>(op.getType());
    OpFoldResult outWidth = b.getIndexAttr(op.getNumHeads() * op.getValueDim());
    auto index = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    Value zero = index(0), one = index(1);
    Value tokens = tensor::DimOp::create(b, op.getQuery(), 0);
    Value out = tensor::EmptyOp::create(
        b, SmallVector<OpFoldResult>{tokens, outWidth}, type.getElementType());
    Value bounds = tensor::DimOp::create(b, op.getQueryOffsets(), zero);
    Value count =
        arith::SubIOp::create(b, arith::MaxUIOp::create(b, bounds, one), one);
    auto loop = scf::ForOp::create(b, zero, count, one, ValueRange{out});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value s = loop.getInductionVar();
    Value next = arith::AddIOp::create(b, s, one);
    auto span = [&](Value offsets) {
      auto bound = [&](Value at) -> Value {
        Value v = tensor::ExtractOp::create(b, offsets, ValueRange{at});
        return arith::IndexCastOp::create(b, b.getIndexType(), v);
      };
      Value begin = bound(s), end = bound(next);
      return std::pair<Value, Value>(begin,
                                     arith::SubIOp::create(b, end, begin));
    };
    auto queries = span(op.getQueryOffsets());
    auto keys = op.getKeyOffsets() ? span(op.getKeyOffsets()) : queries;
    auto slice = [&](Value v, std::pair<Value, Value> rows) -> Value {
      auto from = cast<RankedTensorType>(v.getType());
      OpFoldResult width = b.getIndexAttr(from.getDimSize(1));
      Value part = tensor::ExtractSliceOp::create(
          b, v, SmallVector<OpFoldResult>{rows.first, b.getIndexAttr(0)},
          SmallVector<OpFoldResult>{rows.second, width},
          SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
      return tensor::ExpandShapeOp::create(
          b,
          RankedTensorType::get({1, ShapedType::kDynamic, from.getDimSize(1)},
                                from.getElementType()),
          part, SmallVector<ReassociationIndices>{{0, 1}, {2}},
          SmallVector<OpFoldResult>{b.getIndexAttr(1), rows.second, width});
    };
    SmallVector<int64_t> dims;
    Value mask;
    if (op.getMask()) {
      mask = tensor::ExtractSliceOp::create(
          b, op.getMask(), SmallVector<OpFoldResult>(3, b.getIndexAttr(0)),
          SmallVector<OpFoldResult>{b.getIndexAttr(op.getNumHeads()),
                                    queries.second, keys.second},
          SmallVector<OpFoldResult>(3, b.getIndexAttr(1)));
      mask = splitHeadDim(b, op, mask, 0);
      dims = {KvHead, Group, Query, Key};
    }
    Value y = AttentionBuilder(b, op).build(
        slice(op.getQuery(), queries), slice(op.getKey(), keys),
        slice(op.getValue(), keys), mask, dims);
    Value rows = tensor::CollapseShapeOp::create(
        b, y, SmallVector<ReassociationIndices>{{0, 1}, {2}});
    Value inserted = tensor::InsertSliceOp::create(
        b, rows, loop.getRegionIterArgs()[0],
        SmallVector<OpFoldResult>{queries.first, b.getIndexAttr(0)},
        SmallVector<OpFoldResult>{queries.second, outWidth},
        SmallVector<OpFoldResult>(2, b.getIndexAttr(1)));
    scf::YieldOp::create(b, inserted);
    return loop.getResult(0);
  }
};

} // namespace

void transformer::populateAttentionToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<AttentionPattern>(patterns.getContext());
}
