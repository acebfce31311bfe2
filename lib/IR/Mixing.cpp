//===- Mixing.cpp - fft_mix and token_mix
//------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult FftMixOp::verify() {
  Checker check(*this);
  check.packedOrDense(Tensor("input", getInput()),
                      Tensor("offsets", getOffsets()));
  return check.result();
}

LogicalResult FftMixOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}

LogicalResult TokenMixOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), weight("weight", getWeight());
  check.packedOrDense(input, Tensor("offsets", getOffsets()));
  check.rank(weight, 2, 3);
  check.sameElement(weight, input);
  int64_t lags = weight.dim(0);
  check.that(ShapedType::isDynamic(lags) || lags % 2 == 1,
             "weight has " + Twine(lags) +
                 " lags, but lags -K..K are an odd number");
  for (int64_t i = 1; i < weight.rank(); ++i)
    check.sameDim(weight, i, input, -1);
  check.sameDim(weight, -1, weight, 1);
  return check.result();
}

LogicalResult
TokenMixOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           tensor::getMixedSizes(builder, getLoc(), getInput()));
  return success();
}
