//===- Attention.cpp - attention to linalg --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The softmax written out, in generics over (batch, key head, query head in its
// group, query, key, channel). A hidden key has the score -inf; it weighs
// nothing and its value is not read into the sum, so that a NaN in it stays
// there. A row of hidden keys sums to zero and gives zeros. The packed form
// does this in a loop over sequences; the dense form has no loop.
//===----------------------------------------------------------------------===//
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The loops of the generics, in this order.
enum Dim { Batch, KvHead, Group, Query, Key, Channel };

class AttentionBuilder {
public:
  AttentionBuilder(ImplicitLocOpBuilder &b, AttentionOp op)
      : b(b), op(op), groups(op.getNumHeads() / op.getNumKvHeads()) {}

  /// q [B, nq, H * D], k, v [B, nk, Hkv * D] -> [B, nq, H * Dv]; `mask` indexes
  /// (Batch, KvHead, Group, Query, Key) by `maskDims`.
  Value build(Value q, Value k, Value v, Value mask,
              ArrayRef<int64_t> maskDims) {
    int64_t kv = op.getNumKvHeads();
    q = splitHeads(q, {kv, groups, op.getQkDim()});
    k = splitHeads(k, {kv, op.getQkDim()});
    v = splitHeads(v, {kv, op.getValueDim()});
    shape = {dim(q, 0), b.getIndexAttr(kv), b.getIndexAttr(groups), dim(q, 1),
             dim(k, 1)};
    Value scores = contract(q, {Batch, Query, KvHead, Group, Channel}, k,
                            {Batch, Key, KvHead, Channel});
    scores = hide(scores, mask, maskDims);
    Value top = reduceKeys(scores, /*maximum=*/true);
    Value weights = exponentials(scores, top);
    Value sums = reduceKeys(weights, /*maximum=*/false);
    return normalize(weighValues(scores, weights, v), sums);
  }

private:
  OpFoldResult dim(Value v, int64_t i) {
    auto type = cast<RankedTensorType>(v.getType());
    if (!type.isDynamicDim(i))
      return b.getIndexAttr(type.getDimSize(i));
    return tensor::DimOp::create(b, v, i).getResult();
  }
  AffineMap map(ArrayRef<int64_t> dims, int64_t loops) {
    SmallVector<AffineExpr> exprs;
    for (int64_t d : dims)
      exprs.push_back(b.getAffineDimExpr(d));
    return AffineMap::get(loops, 0, exprs, b.getContext());
  }
  Value constant(double v) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(v));
  }
  double minusInfinity() { return -std::numeric_limits<double>::infinity(); }

  /// [B, n, product of sizes] -> [B, n, sizes...].
  Value splitHeads(Value v, ArrayRef<int64_t> sizes) {
    auto type = cast<RankedTensorType>(v.getType());
    SmallVector<int64_t> target{type.getDimSize(0), type.getDimSize(1)};
    SmallVector<OpFoldResult> all{dim(v, 0), dim(v, 1)};
    SmallVector<ReassociationIndices> groupsOf{{0}, {1}, {}};
    for (int64_t size : sizes) {
      groupsOf[2].push_back(target.size());
      target.push_back(size);
      all.push_back(b.getIndexAttr(size));
    }
    return tensor::ExpandShapeOp::create(
        b, RankedTensorType::get(target, type.getElementType()), v, groupsOf,
        all);
  }

  Value filled(ArrayRef<OpFoldResult> sizes, double v) {
    Value empty = tensor::EmptyOp::create(b, sizes, b.getF32Type());
    return linalg::FillOp::create(b, ValueRange{constant(v)}, ValueRange{empty})
        .getResult(0);
  }

  Value generic(ValueRange inputs, ArrayRef<AffineMap> maps, Value init,
                ArrayRef<utils::IteratorType> iterators,
                function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
    return linalg::GenericOp::create(
               b, init.getType(), inputs, init, maps, iterators,
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 linalg::YieldOp::create(ib, body(ib, args));
               })
        .getResult(0);
  }

  Value contract(Value x, ArrayRef<int64_t> xDims, Value y,
                 ArrayRef<int64_t> yDims) {
    SmallVector<utils::IteratorType> iterators(6,
                                               utils::IteratorType::parallel);
    iterators[Channel] = utils::IteratorType::reduction;
    return generic({x, y},
                   {map(xDims, 6), map(yDims, 6),
                    map({Batch, KvHead, Group, Query, Key}, 6)},
                   filled(shape, 0.0), iterators,
                   [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                     Value product = arith::MulFOp::create(
                         ib, widen(ib, args[0]), widen(ib, args[1]));
                     return arith::AddFOp::create(ib, args[2], product);
                   });
  }

  /// scale * score + mask, or -inf where the key is hidden.
  Value hide(Value scores, Value mask, ArrayRef<int64_t> maskDims) {
    SmallVector<int64_t> all{Batch, KvHead, Group, Query, Key};
    SmallVector<Value> inputs{scores};
    SmallVector<AffineMap> maps{map(all, 5)};
    if (mask) {
      inputs.push_back(mask);
      maps.push_back(map(maskDims, 5));
    }
    maps.push_back(map(all, 5));
    Value shift;
    if (op.getCausal())
      shift = arith::SubIOp::create(b, toValue(shape[4]), toValue(shape[3]));
    SmallVector<utils::IteratorType> iterators(5,
                                               utils::IteratorType::parallel);
    return generic(
        inputs, maps, tensor::EmptyOp::create(b, shape, b.getF32Type()),
        iterators, [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
          Value scale = arith::ConstantOp::create(
              ib, ib.getF32FloatAttr(op.getEffectiveScale()));
          Value hidden = arith::ConstantOp::create(
              ib, ib.getF32FloatAttr(minusInfinity()));
          Value s = arith::MulFOp::create(ib, args[0], scale);
          if (mask && args[1].getType().isInteger(1)) {
            s = arith::SelectOp::create(ib, args[1], s, hidden);
          } else if (mask) {
            // A hidden key's own score may be NaN.
            Value m = widen(ib, args[1]);
            Value isHidden =
                arith::CmpFOp::create(ib, arith::CmpFPredicate::OEQ, m, hidden);
            Value sum = arith::AddFOp::create(ib, s, m);
            s = arith::SelectOp::create(ib, isHidden, hidden, sum);
          }
          if (shift) {
            Value i = linalg::IndexOp::create(ib, Query);
            Value j = linalg::IndexOp::create(ib, Key);
            Value last = arith::AddIOp::create(ib, i, shift);
            Value seen =
                arith::CmpIOp::create(ib, arith::CmpIPredicate::sle, j, last);
            s = arith::SelectOp::create(ib, seen, s, hidden);
          }
          return s;
        });
  }

  Value reduceKeys(Value v, bool maximum) {
    SmallVector<utils::IteratorType> iterators(5,
                                               utils::IteratorType::parallel);
    iterators[Key] = utils::IteratorType::reduction;
    SmallVector<OpFoldResult> sizes(shape.begin(), shape.end() - 1);
    return generic({v},
                   {map({Batch, KvHead, Group, Query, Key}, 5),
                    map({Batch, KvHead, Group, Query}, 5)},
                   filled(sizes, maximum ? minusInfinity() : 0.0), iterators,
                   [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                     if (maximum)
                       return arith::MaximumFOp::create(ib, args[0], args[1]);
                     return arith::AddFOp::create(ib, args[0], args[1]);
                   });
  }

  static Value isHidden(ImplicitLocOpBuilder &ib, Value score) {
    Value hidden = arith::ConstantOp::create(
        ib, ib.getF32FloatAttr(-std::numeric_limits<float>::infinity()));
    return arith::CmpFOp::create(ib, arith::CmpFPredicate::OEQ, score, hidden);
  }
  static Value zero(ImplicitLocOpBuilder &ib) {
    return arith::ConstantOp::create(ib, ib.getF32FloatAttr(0.0));
  }

  Value exponentials(Value scores, Value top) {
    SmallVector<int64_t> all{Batch, KvHead, Group, Query, Key};
    SmallVector<utils::IteratorType> iterators(5,
                                               utils::IteratorType::parallel);
    return generic(
        {scores, top},
        {map(all, 5), map({Batch, KvHead, Group, Query}, 5), map(all, 5)},
        tensor::EmptyOp::create(b, shape, b.getF32Type()), iterators,
        [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
          Value d = arith::SubFOp::create(ib, args[0], args[1]);
          Value e = math::ExpOp::create(ib, d);
          return arith::SelectOp::create(ib, isHidden(ib, args[0]), zero(ib),
                                         e);
        });
  }

  Value weighValues(Value scores, Value weights, Value v) {
    SmallVector<int64_t> all{Batch, KvHead, Group, Query, Key};
    SmallVector<utils::IteratorType> iterators(6,
                                               utils::IteratorType::parallel);
    iterators[Key] = utils::IteratorType::reduction;
    SmallVector<OpFoldResult> sizes{shape[0], shape[3], shape[1], shape[2],
                                    b.getIndexAttr(op.getValueDim())};
    return generic(
        {scores, weights, v},
        {map(all, 6), map(all, 6), map({Batch, Key, KvHead, Channel}, 6),
         map({Batch, Query, KvHead, Group, Channel}, 6)},
        filled(sizes, 0.0), iterators,
        [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
          Value product =
              arith::MulFOp::create(ib, args[1], widen(ib, args[2]));
          product = arith::SelectOp::create(ib, isHidden(ib, args[0]), zero(ib),
                                            product);
          return arith::AddFOp::create(ib, args[3], product);
        });
  }

  /// Divides by the sums and merges the heads: [B, nq, H * Dv].
  Value normalize(Value out, Value sums) {
    Type element = cast<RankedTensorType>(op.getType()).getElementType();
    SmallVector<OpFoldResult> sizes{shape[0], shape[3], shape[1], shape[2],
                                    b.getIndexAttr(op.getValueDim())};
    AffineMap identity = b.getMultiDimIdentityMap(5);
    SmallVector<utils::IteratorType> iterators(5,
                                               utils::IteratorType::parallel);
    Value y = generic({out, sums}, {identity, map({0, 2, 3, 1}, 5), identity},
                      tensor::EmptyOp::create(b, sizes, element), iterators,
                      [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                        Value none = arith::CmpFOp::create(
                            ib, arith::CmpFPredicate::OEQ, args[1], zero(ib));
                        Value q = arith::DivFOp::create(ib, args[0], args[1]);
                        q = arith::SelectOp::create(ib, none, zero(ib), q);
                        return narrow(ib, q, element);
                      });
    return tensor::CollapseShapeOp::create(
        b, y, SmallVector<ReassociationIndices>{{0}, {1}, {2, 3, 4}});
  }

  Value toValue(OpFoldResult v) {
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), v);
  }

  ImplicitLocOpBuilder &b;
  AttentionOp op;
  int64_t groups;
  SmallVector<OpFoldResult> shape;
};

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
    if (y.getType() != op.getType())
      y = tensor::CastOp::create(b, op.getType(), y);
    rewriter.replaceOp(op, y);
    return success();
  }

private:
  static Value dense(ImplicitLocOpBuilder &b, AttentionOp op) {
    SmallVector<int64_t> dims;
    Value mask = op.getMask();
    if (mask && cast<RankedTensorType>(mask.getType()).getRank() == 2)
      dims = {Batch, Key};
    else if (mask)
      mask = denseMask(b, op, dims);
    return AttentionBuilder(b, op).build(op.getQuery(), op.getKey(),
                                         op.getValue(), mask, dims);
  }

  /// [B or 1, heads or 1, nq, nk] without its broadcast dims and with the heads
  /// split into (key head, group).
  static Value denseMask(ImplicitLocOpBuilder &b, AttentionOp op,
                         SmallVectorImpl<int64_t> &dims) {
    Value mask = op.getMask();
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
    auto index = [&](int64_t v) -> Value {
      return arith::ConstantIndexOp::create(b, v);
    };
    Value zero = index(0), one = index(1);
    Value tokens = tensor::DimOp::create(b, op.getQuery(), 0);
    Value out = tensor::EmptyOp::create(
        b,
        SmallVector<OpFoldResult>{tokens, b.getIndexAttr(type.getDimSize(1))},
        type.getElementType());
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
      auto from = cast<RankedTensorType>(op.getMask().getType());
      mask = tensor::ExtractSliceOp::create(
          b, op.getMask(), SmallVector<OpFoldResult>(3, b.getIndexAttr(0)),
          SmallVector<OpFoldResult>{b.getIndexAttr(from.getDimSize(0)),
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
        SmallVector<OpFoldResult>{queries.second,
                                  b.getIndexAttr(type.getDimSize(1))},
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
