//===- AttentionBuilder.cpp - the arithmetic of attention -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionBuilder.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::attention;

static constexpr int64_t kScoreDims[] = {Batch, KvHead, Group, Query, Key};
static constexpr int64_t kRowDims[] = {Batch, KvHead, Group, Query};
static constexpr int64_t kQueryDims[] = {Batch, Query, KvHead, Group, Channel};
static constexpr int64_t kKeyDims[] = {Batch, Key, KvHead, Channel};
static constexpr int64_t kScoreLoops = 5, kAllLoops = 6;

static Value constant(ImplicitLocOpBuilder &b, double v) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(v));
}

static double minusInfinity() {
  return -std::numeric_limits<double>::infinity();
}

static Value isHidden(ImplicitLocOpBuilder &b, Value score) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, score,
                               constant(b, minusInfinity()));
}

static SmallVector<OpFoldResult> sizesOf(ImplicitLocOpBuilder &b, Value v) {
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < cast<RankedTensorType>(v.getType()).getRank(); ++i)
    sizes.push_back(sizeOf(b, v, i));
  return sizes;
}

Value AttentionBuilder::build(Value q, Value k, Value v, Value mask,
                              ArrayRef<int64_t> maskDims) {
  int64_t kv = op.getNumKvHeads();
  q = splitHeads(q, {kv, groups, op.getQkDim()});
  k = splitHeads(k, {kv, op.getQkDim()});
  v = splitHeads(v, {kv, op.getValueDim()});
  shape = {sizeOf(b, q, 0), b.getIndexAttr(kv), b.getIndexAttr(groups),
           sizeOf(b, q, 1), sizeOf(b, k, 1)};
  Value valueScales;
  if (products == Products::i8) {
    Value tops[] = {largest(q), largest(k), largest(v)};
    queryScales = scales(tops[0], 1.0);
    keyScales = scales(tops[1], 1.0);
    valueScales = scales(tops[2], 0.0);
    q = roundedToI8(q, tops[0]);
    k = roundedToI8(k, tops[1]);
    v = roundedToI8(v, tops[2]);
  }
  Value scores = hide(contract(q, k), mask, maskDims);
  Value weights = exponentials(scores, reduceKeys(scores, /*maximum=*/true));
  Value sums = reduceKeys(weights, /*maximum=*/false), top;
  if (products == Products::i8) {
    weights = scaledWeights(scores, weights, valueScales);
    top = reduceKeys(weights, /*maximum=*/true);
  }
  return normalize(weighValues(scores, weights, top, v), sums, top);
}

Value AttentionBuilder::splitHeads(Value v, ArrayRef<int64_t> sizes) {
  auto type = cast<RankedTensorType>(v.getType());
  SmallVector<int64_t> target{type.getDimSize(0), type.getDimSize(1)};
  SmallVector<OpFoldResult> all{sizeOf(b, v, 0), sizeOf(b, v, 1)};
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

Value AttentionBuilder::filled(ArrayRef<OpFoldResult> sizes, TypedAttr value) {
  Value empty = tensor::EmptyOp::create(b, sizes, value.getType());
  Value constant = arith::ConstantOp::create(b, value);
  return linalg::FillOp::create(b, ValueRange{constant}, ValueRange{empty})
      .getResult(0);
}

Value AttentionBuilder::generic(ArrayRef<Input> inputs, Value init,
                                ArrayRef<int64_t> dims, int64_t loops,
                                Body body) {
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  auto map = [&](ArrayRef<int64_t> of) {
    SmallVector<AffineExpr> exprs;
    for (int64_t d : of)
      exprs.push_back(b.getAffineDimExpr(d));
    maps.push_back(AffineMap::get(loops, 0, exprs, b.getContext()));
  };
  for (const Input &input : inputs) {
    values.push_back(input.value);
    map(input.dims);
  }
  map(dims);
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::reduction);
  for (int64_t d : dims)
    iterators[d] = utils::IteratorType::parallel;
  return linalg::GenericOp::create(
             b, init.getType(), values, init, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               ImplicitLocOpBuilder ib(loc, inner);
               linalg::YieldOp::create(ib, body(ib, args));
             })
      .getResult(0);
}

Value AttentionBuilder::elementwise(ArrayRef<Input> inputs, Body body) {
  return generic(inputs, tensor::EmptyOp::create(b, shape, b.getF32Type()),
                 kScoreDims, kScoreLoops, body);
}

Value AttentionBuilder::reduceKeys(Value v, bool maximum) {
  SmallVector<OpFoldResult> sizes(shape.begin(), shape.end() - 1);
  double start = maximum ? minusInfinity() : 0.0;
  return generic({{v, kScoreDims}}, filled(sizes, b.getF32FloatAttr(start)),
                 kRowDims, kScoreLoops,
                 [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                   if (maximum)
                     return arith::MaximumFOp::create(ib, args[0], args[1]);
                   return arith::AddFOp::create(ib, args[0], args[1]);
                 });
}

Value AttentionBuilder::largest(Value heads) {
  SmallVector<OpFoldResult> sizes = sizesOf(b, heads);
  sizes.pop_back();
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, sizes.size() + 1));
  return generic({{heads, dims}}, filled(sizes, b.getF32FloatAttr(0.0)),
                 ArrayRef(dims).drop_back(), dims.size(),
                 [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                   Value magnitude = math::AbsFOp::create(ib, args[0]);
                   return arith::MaximumFOp::create(ib, magnitude, args[1]);
                 });
}

Value AttentionBuilder::roundedToI8(Value heads, Value absmax) {
  SmallVector<OpFoldResult> sizes = sizesOf(b, heads);
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, sizes.size()));
  return generic({{heads, dims}, {absmax, ArrayRef(dims).drop_back()}},
                 tensor::EmptyOp::create(b, sizes, b.getI8Type()), dims,
                 dims.size(), [](ImplicitLocOpBuilder &ib, ValueRange args) {
                   return quantizeDynamically(ib, args[0], args[1]);
                 });
}

Value AttentionBuilder::scales(Value absmax, double small) {
  SmallVector<OpFoldResult> sizes = sizesOf(b, absmax);
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, sizes.size()));
  return generic({{absmax, dims}},
                 tensor::EmptyOp::create(b, sizes, b.getF32Type()), dims,
                 dims.size(), [&](ImplicitLocOpBuilder &ib, ValueRange args) {
                   return dynamicScale(ib, args[0], small);
                 });
}

Value AttentionBuilder::factor(ImplicitLocOpBuilder &ib, Value v) {
  v = widen(ib, v);
  if (products == Products::bf16)
    v = widen(ib, narrow(ib, v, ib.getBF16Type()));
  return v;
}

Value AttentionBuilder::contract(Value q, Value k) {
  bool exact = products == Products::i8;
  TypedAttr zero = exact ? TypedAttr(b.getI32IntegerAttr(0))
                         : TypedAttr(b.getF32FloatAttr(0.0));
  return generic(
      {{q, kQueryDims}, {k, kKeyDims}}, filled(shape, zero), kScoreDims,
      kAllLoops, [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
        if (exact) {
          Type wide = ib.getI32Type();
          Value a = arith::ExtSIOp::create(ib, wide, args[0]);
          Value c = arith::ExtSIOp::create(ib, wide, args[1]);
          Value product = arith::MulIOp::create(ib, a, c);
          return arith::AddIOp::create(ib, args[2], product);
        }
        Value product =
            arith::MulFOp::create(ib, factor(ib, args[0]), factor(ib, args[1]));
        return arith::AddFOp::create(ib, args[2], product);
      });
}

Value AttentionBuilder::hide(Value scores, Value mask,
                             ArrayRef<int64_t> maskDims) {
  SmallVector<Input> inputs{{scores, kScoreDims}};
  static constexpr int64_t kQueryScale[] = {Batch, Query, KvHead, Group};
  static constexpr int64_t kKeyScale[] = {Batch, Key, KvHead};
  if (queryScales)
    inputs.append({{queryScales, kQueryScale}, {keyScales, kKeyScale}});
  if (mask)
    inputs.push_back({mask, maskDims});
  Value shift;
  if (op.getCausal())
    shift = arith::SubIOp::create(b, toValue(shape[4]), toValue(shape[3]));
  return elementwise(
      inputs, [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
        Value scale = constant(ib, op.getEffectiveScale());
        Value hidden = constant(ib, minusInfinity());
        Value s = args[0];
        if (queryScales) {
          s = arith::SIToFPOp::create(ib, ib.getF32Type(), s);
          s = arith::MulFOp::create(ib, s, args[1]);
          s = arith::MulFOp::create(ib, s, args[2]);
        }
        s = arith::MulFOp::create(ib, s, scale);
        Value m = mask ? args[inputs.size() - 1] : Value();
        if (mask && m.getType().isInteger(1)) {
          s = arith::SelectOp::create(ib, m, s, hidden);
        } else if (mask) {
          // A hidden key's own score may be NaN.
          m = widen(ib, m);
          Value sum = arith::AddFOp::create(ib, s, m);
          s = arith::SelectOp::create(ib, isHidden(ib, m), hidden, sum);
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

Value AttentionBuilder::exponentials(Value scores, Value top) {
  return elementwise({{scores, kScoreDims}, {top, kRowDims}},
                     [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
                       Value d = arith::SubFOp::create(ib, args[0], args[1]);
                       Value e = math::ExpOp::create(ib, d);
                       return arith::SelectOp::create(ib, isHidden(ib, args[0]),
                                                      constant(ib, 0.0), e);
                     });
}

Value AttentionBuilder::scaledWeights(Value scores, Value weights,
                                      Value valueScales) {
  static constexpr int64_t kValueScale[] = {Batch, Key, KvHead};
  return elementwise(
      {{scores, kScoreDims}, {weights, kScoreDims}, {valueScales, kValueScale}},
      [](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
        Value product = arith::MulFOp::create(ib, args[1], args[2]);
        return arith::SelectOp::create(ib, isHidden(ib, args[0]),
                                       constant(ib, 0.0), product);
      });
}

Value AttentionBuilder::weighValues(Value scores, Value weights, Value top,
                                    Value v) {
  static constexpr int64_t kOut[] = {Batch, Query, KvHead, Group, Channel};
  SmallVector<OpFoldResult> sizes{shape[0], shape[3], shape[1], shape[2],
                                  b.getIndexAttr(op.getValueDim())};
  SmallVector<Input> inputs{
      {scores, kScoreDims}, {weights, kScoreDims}, {v, kKeyDims}};
  if (!top)
    return generic(
        inputs, filled(sizes, b.getF32FloatAttr(0.0)), kOut, kAllLoops,
        [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
          Value product = arith::MulFOp::create(ib, factor(ib, args[1]),
                                                factor(ib, args[2]));
          product = arith::SelectOp::create(ib, isHidden(ib, args[0]),
                                            constant(ib, 0.0), product);
          return arith::AddFOp::create(ib, args[3], product);
        });
  inputs.push_back({top, kRowDims});
  return generic(
      inputs, filled(sizes, b.getI32IntegerAttr(0)), kOut, kAllLoops,
      [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
        Value share = arith::DivFOp::create(ib, constant(ib, 255.0), args[3]);
        Value p = arith::MulFOp::create(ib, args[1], share);
        // Neither NaN, which the factor of the sum brings back, nor 0 / 0.
        Value fits = arith::CmpFOp::create(ib, arith::CmpFPredicate::OLE, p,
                                           constant(ib, 255.5));
        p = arith::SelectOp::create(ib, fits, p, constant(ib, 0.0));
        p = math::RoundEvenOp::create(ib, p);
        Value weight = arith::FPToSIOp::create(ib, ib.getI32Type(), p);
        Value value = arith::ExtSIOp::create(ib, ib.getI32Type(), args[2]);
        Value product = arith::MulIOp::create(ib, weight, value);
        return arith::AddIOp::create(ib, args[4], product);
      });
}

Value AttentionBuilder::normalize(Value out, Value sums, Value top) {
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  SmallVector<OpFoldResult> sizes{shape[0], shape[3], shape[1], shape[2],
                                  b.getIndexAttr(op.getValueDim())};
  // Here the loops are (batch, query, key head, group, channel).
  static constexpr int64_t kAll[] = {0, 1, 2, 3, 4}, kRow[] = {0, 2, 3, 1};
  SmallVector<Input> inputs{{out, kAll}, {sums, kRow}};
  if (top)
    inputs.push_back({top, kRow});
  Value y = generic(
      inputs, tensor::EmptyOp::create(b, sizes, element), kAll, 5,
      [&](ImplicitLocOpBuilder &ib, ValueRange args) -> Value {
        Value sum = args[0], zero = constant(ib, 0.0);
        if (top) {
          sum = arith::SIToFPOp::create(ib, ib.getF32Type(), sum);
          Value unit = arith::DivFOp::create(ib, args[2], constant(ib, 255.0));
          sum = arith::MulFOp::create(ib, sum, unit);
        }
        Value none =
            arith::CmpFOp::create(ib, arith::CmpFPredicate::OEQ, args[1], zero);
        Value q = arith::DivFOp::create(ib, sum, args[1]);
        return narrow(ib, arith::SelectOp::create(ib, none, zero, q), element);
      });
  return tensor::CollapseShapeOp::create(
      b, y, SmallVector<ReassociationIndices>{{0}, {1}, {2, 3, 4}});
}

Value AttentionBuilder::toValue(OpFoldResult v) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), v);
}
