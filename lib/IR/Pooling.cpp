//===- Pooling.cpp - pool and unpool
//-----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::transformer;

/// Dimension 0 of `t` counts the sequences of `offsets`.
static void checkBatch(Checker &check, Tensor t, Tensor offsets) {
  if (offsets && !ShapedType::isDynamic(offsets.dim(0)))
    check.dim(t, 0, offsets.dim(0) - 1, "the number of sequences in offsets");
}

LogicalResult PoolOp::verify() {
  if (failed(verifyRequired(*this, 1)))
    return failure();
  Checker check(*this);
  Tensor input("input", getInput()), offsets("offsets", getOffsets()),
      mask("mask", getMask()), result("result", getResult());
  check.packedOrDense(input, offsets);
  check.that(!offsets || !mask, "the packed form has no padding, so no mask");
  check.sameShape(mask, input, 1);
  check.rank(result, 2, 2);
  check.sameDim(result, -1, input, -1);
  check.sameElement(result, input);
  checkBatch(check, result, offsets);
  if (!offsets)
    check.sameDims({{input, 0}, {mask, 0}, {result, 0}});
  return check.result();
}

LogicalResult PoolOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  Location loc = getLoc();
  int64_t last = getInput().getType().getRank() - 1;
  OpFoldResult hidden = tensor::getMixedSize(builder, loc, getInput(), last);
  if (!getOffsets()) {
    addShape(shapes, builder, getResult().getType(),
             {tensor::getMixedSize(builder, loc, getInput(), 0), hidden});
    return success();
  }
  Value ends = builder.createOrFold<tensor::DimOp>(loc, getOffsets(), 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value batch = builder.createOrFold<arith::SubIOp>(loc, ends, one);
  addShape(shapes, builder, getResult().getType(),
           {getAsOpFoldResult(batch), hidden});
  return success();
}

void PoolOp::build(OpBuilder &builder, OperationState &state, PoolKind kind,
                   Value input, Value offsets) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t batch = type.getDimSize(0);
  if (offsets) {
    int64_t ends = cast<RankedTensorType>(offsets.getType()).getDimSize(0);
    batch = ShapedType::isDynamic(ends) ? ends : ends - 1;
  }
  build(builder, state, type.clone({batch, type.getShape().back()}), kind,
        input, offsets, Value());
}

/// A mask that hides nothing says nothing.
LogicalResult PoolOp::canonicalize(PoolOp op, PatternRewriter &rewriter) {
  if (!isSplatOf(op.getMask(), 1))
    return rewriter.notifyMatchFailure(op, "there is no mask of ones");
  rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
  return success();
}

LogicalResult UnpoolOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), offsets("offsets", getOffsets()),
      result("result", getResult());
  check.rank(input, 2, 2);
  check.packedOrDense(result, offsets);
  check.sameDim(result, -1, input, -1);
  check.sameElement(result, input);
  checkBatch(check, input, offsets);
  if (!offsets)
    check.sameDim(result, 0, input, 0);
  return check.result();
}

LogicalResult UnpoolOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes{
      getAsOpFoldResult(getLength()),
      tensor::getMixedSize(builder, getLoc(), getInput(), 1)};
  if (!getOffsets())
    sizes.insert(sizes.begin(),
                 tensor::getMixedSize(builder, getLoc(), getInput(), 0));
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  return success();
}
