//===- Verifiers.cpp - what a well-formed op is ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult LinearOp::verify() { return success(); }
LogicalResult LinearOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult AttentionOp::verify() { return success(); }
LogicalResult AttentionOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult FftMixOp::verify() { return success(); }
LogicalResult FftMixOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult TokenMixOp::verify() { return success(); }
LogicalResult TokenMixOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult QuantizeOp::verify() { return success(); }
LogicalResult QuantizeOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult DequantizeOp::verify() { return success(); }
LogicalResult DequantizeOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult EmbeddingOp::verify() { return success(); }
LogicalResult EmbeddingOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult PositionsOp::verify() { return success(); }
LogicalResult PositionsOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult LayerNormOp::verify() { return success(); }
LogicalResult LayerNormOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult RmsNormOp::verify() { return success(); }
LogicalResult RmsNormOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult L2NormalizeOp::verify() { return success(); }
LogicalResult L2NormalizeOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult GeluOp::verify() { return success(); }
LogicalResult GeluOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult GeluTanhOp::verify() { return success(); }
LogicalResult GeluTanhOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult ReluOp::verify() { return success(); }
LogicalResult ReluOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult SiluOp::verify() { return success(); }
LogicalResult SiluOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult TanhOp::verify() { return success(); }
LogicalResult TanhOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult RopeOp::verify() { return success(); }
LogicalResult RopeOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult PoolOp::verify() { return success(); }
LogicalResult PoolOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult UnpoolOp::verify() { return success(); }
LogicalResult UnpoolOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult PatchesOp::verify() { return success(); }
LogicalResult PatchesOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult PrependOp::verify() { return success(); }
LogicalResult PrependOp::reifyResultShapes(OpBuilder &, ReifiedRankedShapedTypeDims &) { return failure(); }
LogicalResult ObserveOp::verify() { return success(); }
int64_t AttentionOp::getQkDim() { return getQuery().getType().getShape().back() / getNumHeads(); }
int64_t AttentionOp::getValueDim() { return getValue().getType().getShape().back() / getNumKvHeads(); }
float AttentionOp::getEffectiveScale() {
  return getScale() ? getScale()->convertToFloat() : 1.0f / std::sqrt((float)getQkDim());
}
