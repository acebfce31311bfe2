//===- Quantize.cpp - quantize, dequantize and unpack_i4 ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult QuantizeOp::verify() {
  if (failed(verifyRequired(*this, 1)))
    return failure();
  Checker check(*this);
  Tensor input("input", getInput()), multiplier("multiplier", getMultiplier());
  check.rank(input, 1, INT64_MAX);
  // An f32 input may be multiplied by what a file keeps in 16 bits.
  if (!input.type.getElementType().isF32())
    check.sameElement(multiplier, input);
  check.sameDim(multiplier, 0, input, -1);
  Tensor result("result", getResult()), scales("scales", getScales());
  check.sameShape(result, input);
  check.sameShape(scales, input, 1);
  check.sameShape(scales, result, 1);
  check.sameDim(multiplier, 0, result, -1);
  return check.result();
}

LogicalResult
QuantizeOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  auto sizes = tensor::getMixedSizes(builder, getLoc(), getInput());
  auto rows = sizes;
  rows.pop_back();
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  addShape(shapes, builder, getScales().getType(), std::move(rows));
  return success();
}

void QuantizeOp::build(OpBuilder &builder, OperationState &state, Value input,
                       Value multiplier) {
  auto type = cast<RankedTensorType>(input.getType());
  auto rows =
      RankedTensorType::get(type.getShape().drop_back(), builder.getF32Type());
  build(builder, state, type.clone(builder.getI8Type()), rows, input,
        multiplier, Value());
}

/// A multiplier of ones changes nothing.
LogicalResult QuantizeOp::canonicalize(QuantizeOp op,
                                       PatternRewriter &rewriter) {
  if (!isSplatOf(op.getMultiplier(), 1))
    return rewriter.notifyMatchFailure(op, "there is no multiplier of ones");
  rewriter.modifyOpInPlace(op, [&] { op.getMultiplierMutable().clear(); });
  return success();
}

LogicalResult DequantizeOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput());
  check.rank(input, 1, INT64_MAX);
  Tensor result("result", getResult()), scales("scales", getScales());
  check.sameShape(result, input);
  check.sameShape(scales, input, 1);
  check.sameShape(scales, result, 1);
  return check.result();
}

LogicalResult
DequantizeOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}

void DequantizeOp::build(OpBuilder &builder, OperationState &state, Value input,
                         Value scales, Type elementType) {
  auto type = cast<RankedTensorType>(input.getType()).clone(elementType);
  build(builder, state, type, input, scales);
}

LogicalResult UnpackI4Op::verify() {
  Checker check(*this);
  Tensor result("result", getResult()), packed("packed", getPacked()),
      multipliers("multipliers", getMultipliers());
  for (Tensor t : {result, packed, multipliers})
    check.rank(t, 2, 2);
  check.that(result.type.hasStaticShape(), "result must have a static shape");
  check.sameDim(packed, 0, result, 0);
  check.sameDim(multipliers, 0, result, 0);
  int64_t columns = result.dim(1);
  check.dim(packed, 1, packedWidth(columns), "4 bytes for each 8 columns");
  check.dim(multipliers, 1, numGroups(columns), "one for each 64 columns");
  return check.result();
}

LogicalResult
UnpackI4Op::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes;
  for (int64_t size : getType().getShape())
    sizes.push_back(builder.getIndexAttr(size));
  shapes.assign(1, sizes);
  return success();
}
