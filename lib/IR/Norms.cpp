//===- Norms.cpp - layer_norm, rms_norm and l2_normalize
//---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::transformer;

/// What layer_norm and rms_norm share.
static void verifyNorm(Checker &check, Tensor input, Tensor weight,
                       Tensor residual, const APFloat &epsilon) {
  check.rank(input, 1, INT64_MAX);
  check.sameElement(weight, input);
  check.sameDim(weight, 0, input, -1);
  check.sameElement(residual, input);
  check.sameShape(residual, input);
  check.sameDims({{weight, 0}, {residual, -1}});
  check.epsilon(epsilon);
}

LogicalResult LayerNormOp::verify() {
  if (failed(verifyRequired(*this, 2)))
    return failure();
  Checker check(*this);
  Tensor input("input", getInput()), bias("bias", getBias());
  verifyNorm(check, input, Tensor("weight", getWeight()),
             Tensor("residual", getResidual()), getEpsilon());
  check.sameElement(bias, input);
  check.sameDim(bias, 0, input, -1);
  check.sameDims({{bias, 0},
                  {Tensor("weight", getWeight()), 0},
                  {Tensor("residual", getResidual()), -1}});
  return check.result();
}

LogicalResult
LayerNormOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}

/// A bias or residual of zeros adds nothing.
LogicalResult LayerNormOp::canonicalize(LayerNormOp op,
                                        PatternRewriter &rewriter) {
  bool bias = isSplatOf(op.getBias(), 0);
  bool residual = isSplatOf(op.getResidual(), 0);
  if (!bias && !residual)
    return rewriter.notifyMatchFailure(op, "no operand is zeros");
  rewriter.modifyOpInPlace(op, [&] {
    if (residual)
      op.getResidualMutable().clear();
    if (bias)
      op.getBiasMutable().clear();
  });
  return success();
}

LogicalResult RmsNormOp::verify() {
  Checker check(*this);
  verifyNorm(check, Tensor("input", getInput()), Tensor("weight", getWeight()),
             Tensor("residual", getResidual()), getEpsilon());
  return check.result();
}

LogicalResult
RmsNormOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}

/// A residual of zeros adds nothing.
LogicalResult RmsNormOp::canonicalize(RmsNormOp op, PatternRewriter &rewriter) {
  if (!isSplatOf(op.getResidual(), 0))
    return rewriter.notifyMatchFailure(op, "there is no residual of zeros");
  rewriter.modifyOpInPlace(op, [&] { op.getResidualMutable().clear(); });
  return success();
}

LogicalResult L2NormalizeOp::verify() {
  Checker check(*this);
  check.rank(Tensor("input", getInput()), 1, INT64_MAX);
  check.epsilon(getEpsilon());
  return check.result();
}

LogicalResult
L2NormalizeOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}
