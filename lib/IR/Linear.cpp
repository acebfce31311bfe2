//===- Linear.cpp - linear: verifier, shape, builder, rewrites ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult LinearOp::verify() {
  if (failed(verifyRequired(*this, 2)))
    return failure();
  Checker check(*this);
  Tensor input("input", getInput()), weight("weight", getWeight()),
      bias("bias", getBias()), rows("the row scales", getInputScales()),
      channels("the channel scales", getWeightScales()),
      result("result", getResult());
  check.rank(input, 1, INT64_MAX);
  check.rank(weight, 2, 2);
  check.sameDim(weight, 1, input, -1);
  check.sameDim(bias, 0, weight, 0);
  check.that(result.rank() == input.rank(),
             "result and input must have the same rank");
  for (int64_t i = 0; i + 1 < input.rank(); ++i)
    check.sameDim(result, i, input, i);
  check.sameDim(result, -1, weight, 0);
  check.sameElement(weight, input);
  check.that(bool(rows) == bool(channels),
             "row scales and channel scales go together");
  if (input.type.getElementType().isInteger(8)) {
    check.that(bool(rows), "an i8 input and weight need their scales");
  } else {
    check.that(!rows, "scales belong to i8 operands, but input holds floats");
    // f32 sums of narrow products may stay f32.
    if (!result.type.getElementType().isF32() ||
        !isa<FloatType>(input.type.getElementType()))
      check.sameElement(result, input);
  }
  check.sameElement(bias, result);
  check.sameShape(rows, input, 1);
  check.rank(channels, 1, 1);
  check.sameDim(channels, 0, weight, 0);
  check.sameDims({{weight, 0}, {bias, 0}, {channels, 0}, {result, -1}});
  for (int64_t i = 0; i + 1 < input.rank(); ++i)
    check.sameDims({{input, i}, {rows, i}, {result, i}});
  return check.result();
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  auto sizes = leadingSizes(builder, getLoc(), getInput(), -1);
  sizes.push_back(tensor::getMixedSize(builder, getLoc(), getWeight(), 0));
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  return success();
}

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input,
                     Value weight, Value bias, Activation activation) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  build(builder, state, type.clone(shape), input, weight, bias, Value(),
        Value(), activation);
}

/// A bias of zeros adds nothing.
LogicalResult LinearOp::canonicalize(LinearOp op, PatternRewriter &rewriter) {
  if (!isSplatOf(op.getBias(), 0))
    return rewriter.notifyMatchFailure(op, "there is no bias of zeros");
  rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
  return success();
}
