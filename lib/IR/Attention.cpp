//===- Attention.cpp - attention and rope
//------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

/// The last dimension of `t` is some number of channels for each of `heads`.
static void splitsIntoHeads(Checker &check, Tensor t, int64_t heads,
                            StringRef attribute) {
  check.that(!ShapedType::isDynamic(t.dim(-1)),
             "the last dimension of " + t.name + " must be static");
  check.that(t.dim(-1) > 0 && t.dim(-1) % heads == 0,
             "the last dimension of " + t.name + " is " + Twine(t.dim(-1)) +
                 ", which does not divide into " + attribute + " = " +
                 Twine(heads));
}

static void verifyOffsets(Checker &check, AttentionOp op, Tensor query,
                          Tensor key) {
  Tensor offsets("offsets", op.getQueryOffsets()),
      keyOffsets("the key offsets", op.getKeyOffsets());
  check.packedOrDense(query, offsets);
  check.that(offsets || !keyOffsets, "key offsets need query offsets");
  check.sameDim(keyOffsets, 0, offsets, 0);
  if (offsets && !keyOffsets)
    check.sameDim(key, 0, query, 0);
  if (query.rank() == 3)
    check.sameDim(key, 0, query, 0);
}

/// Sizes that agree pairwise with one dynamic size may contradict each other.
static void verifySizes(Checker &check, AttentionOp op, Tensor query,
                        Tensor key) {
  Tensor value("value", op.getValue()), result("result", op.getResult()),
      mask("mask", op.getMask());
  if (query.rank() == 2) {
    SmallVector<std::pair<Tensor, int64_t>> tokens{{query, 0}, {result, 0}};
    if (!op.getKeyOffsets())
      tokens.append({{key, 0}, {value, 0}});
    check.sameDims(tokens);
    return;
  }
  SmallVector<std::pair<Tensor, int64_t>> batch{
      {query, 0}, {key, 0}, {value, 0}, {result, 0}};
  if (mask && (mask.rank() == 2 || mask.dim(0) != 1))
    batch.push_back({mask, 0});
  check.sameDims(batch);
  if (mask && mask.rank() == 4)
    check.sameDims({{query, 1}, {result, 1}, {mask, 2}});
  if (mask)
    check.sameDims({{key, 1}, {value, 1}, {mask, -1}});
}

static void verifyMask(Checker &check, AttentionOp op, Tensor query,
                       Tensor key) {
  Tensor mask("mask", op.getMask());
  if (!mask)
    return;
  bool boolean = mask.type.getElementType().isInteger(1);
  if (!boolean)
    check.sameElement(mask, query);
  if (query.rank() == 2) {
    check.that(!boolean && mask.rank() == 3,
               "a packed mask is a float bias [num_heads, maxlen, maxlen]");
    check.dim(mask, 0, op.getNumHeads(), "num_heads");
    check.sameDim(mask, 2, mask, 1);
    return;
  }
  check.that(mask.rank() == 2 || mask.rank() == 4,
             "a dense mask is [batch, keys] or [batch or 1, num_heads or 1, "
             "queries, keys]");
  if (mask.rank() == 2)
    check.sameDim(mask, 0, query, 0);
  if (mask.rank() == 4) {
    if (mask.dim(0) != 1)
      check.sameDim(mask, 0, query, 0);
    if (mask.dim(1) != 1)
      check.dim(mask, 1, op.getNumHeads(), "num_heads");
    check.sameDim(mask, 2, query, 1);
  }
  check.sameDim(mask, -1, key, 1);
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyRequired(*this, 3)))
    return failure();
  Checker check(*this);
  Tensor query("query", getQuery()), key("key", getKey()),
      value("value", getValue()), result("result", getResult());
  int64_t heads = getNumHeads(), kvHeads = getNumKvHeads(), width = 0;
  check.rank(query, 2, 3);
  for (Tensor t : {key, value, result}) {
    check.that(t.rank() == query.rank(),
               t.name + " must have the rank of query");
    check.sameElement(t, query);
  }
  check.that(heads % kvHeads == 0,
             "num_heads = " + Twine(heads) +
                 " is not a multiple of num_kv_heads = " + Twine(kvHeads));
  splitsIntoHeads(check, query, heads, "num_heads");
  splitsIntoHeads(check, key, kvHeads, "num_kv_heads");
  splitsIntoHeads(check, value, kvHeads, "num_kv_heads");
  if (failed(check.result()))
    return failure();
  check.that(key.dim(-1) / kvHeads == query.dim(-1) / heads,
             "a key head has " + Twine(key.dim(-1) / kvHeads) +
                 " channels, but a query head has " +
                 Twine(query.dim(-1) / heads));
  check.that(!llvm::MulOverflow(heads, getValueDim(), width),
             "num_heads times the width of a value head is too large");
  check.dim(result, -1, width, "num_heads times the width of a value head");
  for (int64_t i = 0; i + 1 < query.rank(); ++i) {
    check.sameDim(value, i, key, i);
    check.sameDim(result, i, query, i);
  }
  verifyOffsets(check, *this, query, key);
  verifyMask(check, *this, query, key);
  verifySizes(check, *this, query, key);
  if (getScale())
    check.finite(*getScale(), "scale");
  Type element = query.type.getElementType();
  check.that(getProducts() == Products::f32 || element.isF32(),
             "products of " + stringifyProducts(getProducts()) +
                 " are made of f32 operands, but query holds another type");
  return check.result();
}

LogicalResult
AttentionOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  auto sizes = leadingSizes(builder, getLoc(), getQuery(), -1);
  sizes.push_back(builder.getIndexAttr(getNumHeads() * getValueDim()));
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  return success();
}

int64_t AttentionOp::getQkDim() {
  return getQuery().getType().getShape().back() / int64_t(getNumHeads());
}

int64_t AttentionOp::getValueDim() {
  return getValue().getType().getShape().back() / int64_t(getNumKvHeads());
}

static float defaultScale(AttentionOp op) {
  return 1.0f / std::sqrt(float(op.getQkDim()));
}

float AttentionOp::getEffectiveScale() {
  return getScale() ? getScale()->convertToFloat() : defaultScale(*this);
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query,
                        Value key, Value value, Value offsets, int64_t heads,
                        int64_t kvHeads) {
  auto type = cast<RankedTensorType>(query.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = cast<RankedTensorType>(value.getType()).getShape().back() /
                 kvHeads * heads;
  build(builder, state, type.clone(shape), query, key, value, offsets, Value(),
        Value(), heads, kvHeads, FloatAttr(), false);
}

/// Drops what says nothing: a mask that hides no key or adds zeros, key
/// offsets that are the query's, and a scale that is the default.
LogicalResult AttentionOp::canonicalize(AttentionOp op,
                                        PatternRewriter &rewriter) {
  if (op.getMask()) {
    Type element = op.getMask().getType().getElementType();
    if (isSplatOf(op.getMask(), element.isInteger(1) ? 1 : 0)) {
      rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
      return success();
    }
  }
  if (op.getKeyOffsets() && op.getKeyOffsets() == op.getQueryOffsets()) {
    rewriter.modifyOpInPlace(op, [&] { op.getKeyOffsetsMutable().clear(); });
    return success();
  }
  if (op.getScale() && op.getScale()->convertToFloat() == defaultScale(op)) {
    rewriter.modifyOpInPlace(op, [&] { op.removeScaleAttr(); });
    return success();
  }
  return rewriter.notifyMatchFailure(op, "every operand says something");
}

LogicalResult RopeOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), positions("positions", getPositions());
  check.rank(input, 2, 3);
  splitsIntoHeads(check, input, getNumHeads(), "num_heads");
  check.sameShape(positions, input, 1);
  check.that(getTheta().isFinite() && !getTheta().isNegative() &&
                 !getTheta().isZero(),
             "theta must be finite and positive");
  if (failed(check.result()))
    return failure();
  int64_t head = input.dim(-1) / int64_t(getNumHeads());
  int64_t rotary = getRotaryDim().value_or(head);
  check.that(rotary >= 0 && rotary % 2 == 0,
             "rotary_dim is " + Twine(rotary) +
                 ", but channels turn in pairs: it must be even");
  check.that(rotary <= head, "rotary_dim is " + Twine(rotary) +
                                 ", but a head has only " + Twine(head) +
                                 " channels");
  return check.result();
}

LogicalResult RopeOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}

/// A rotary_dim of the whole head is the default.
LogicalResult RopeOp::canonicalize(RopeOp op, PatternRewriter &rewriter) {
  int64_t head =
      op.getInput().getType().getShape().back() / int64_t(op.getNumHeads());
  if (op.getRotaryDim() != std::optional<uint64_t>(head))
    return rewriter.notifyMatchFailure(op, "rotary_dim is not the whole head");
  rewriter.modifyOpInPlace(op, [&] { op.removeRotaryDimAttr(); });
  return success();
}
