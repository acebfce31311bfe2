//===- Activations.cpp - gelu, gelu_tanh, relu, silu, tanh, observe
//----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

static LogicalResult reifyAsInput(Operation *op, OpBuilder &builder,
                                  ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, op->getResult(0).getType(),
           tensor::getMixedSizes(builder, op->getLoc(), op->getOperand(0)));
  return success();
}

// Their types are checked by traits; what is left are sizes beyond counting.
#define ELEMENTWISE(OP)                                                        \
  LogicalResult OP::verify() { return Checker(*this).result(); }               \
  LogicalResult OP::reifyResultShapes(OpBuilder &builder,                      \
                                      ReifiedRankedShapedTypeDims &shapes) {   \
    return reifyAsInput(*this, builder, shapes);                               \
  }
ELEMENTWISE(GeluOp)
ELEMENTWISE(GeluTanhOp)
ELEMENTWISE(ReluOp)
ELEMENTWISE(SiluOp)
ELEMENTWISE(TanhOp)
#undef ELEMENTWISE

/// max(x, 0) of what is never negative is x.
OpFoldResult ReluOp::fold(FoldAdaptor) {
  Value input = getInput();
  auto linear = input.getDefiningOp<LinearOp>();
  if (input.getDefiningOp<ReluOp>() ||
      (linear && linear.getActivation() == Activation::relu))
    return input;
  return {};
}

LogicalResult ObserveOp::verify() {
  Checker check(*this);
  check.that(!getSite().empty(), "site must name a place");
  return check.result();
}
