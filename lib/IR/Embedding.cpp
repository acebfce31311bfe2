//===- Embedding.cpp - embedding and positions ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult EmbeddingOp::verify() {
  Checker check(*this);
  Tensor ids("ids", getIds()), table("table", getTable()),
      scales("scales", getScales()), result("result", getResult());
  check.rank(table, 2, 2);
  check.that(result.rank() == ids.rank() + 1,
             "result must have one dimension more than ids");
  for (int64_t i = 0; i < ids.rank(); ++i)
    check.sameDim(result, i, ids, i);
  check.sameDim(result, -1, table, 1);
  if (table.type.getElementType().isInteger(8)) {
    check.that(bool(scales),
               "an i8 table needs one scale per row, or one for all");
  } else {
    check.that(!scales, "scales belong to an i8 table, but table holds floats");
    check.sameElement(result, table);
  }
  check.rank(scales, 1, 1);
  if (!scales || scales.dim(0) != 1)
    check.sameDim(scales, 0, table, 0);
  return check.result();
}

LogicalResult
EmbeddingOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  auto sizes = tensor::getMixedSizes(builder, getLoc(), getIds());
  sizes.push_back(tensor::getMixedSize(builder, getLoc(), getTable(), 1));
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  return success();
}

void EmbeddingOp::build(OpBuilder &builder, OperationState &state, Value ids,
                        Value table) {
  auto type = cast<RankedTensorType>(table.getType());
  SmallVector<int64_t> shape(cast<RankedTensorType>(ids.getType()).getShape());
  shape.push_back(type.getDimSize(1));
  build(builder, state, type.clone(shape), ids, table, Value());
}

LogicalResult PositionsOp::verify() {
  Checker check(*this);
  Tensor ids("ids", getIds()), offsets("offsets", getOffsets());
  // Accessors of I64Attr are unsigned; the numbers are not.
  int64_t start = getStart(), padding = getPaddingId().value_or(0);
  check.that(offsets.dim(0) != 0,
             "offsets must hold one value more than there are sequences, so at "
             "least one");
  check.that(bool(ids) == getPaddingId().has_value(),
             "ids and padding_id go together");
  check.that(start >= 0 && start <= INT32_MAX,
             "start is " + Twine(start) +
                 ", but positions are nonnegative i32 numbers");
  check.that(!ids || start > 0,
             "start must be at least 1, as padding gets position start - 1");
  check.that(padding >= INT32_MIN && padding <= INT32_MAX,
             "padding_id is " + Twine(padding) + ", but ids are i32");
  check.sameDim(Tensor("result", getResult()), 0, ids, 0);
  return check.result();
}

LogicalResult
PositionsOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  addShape(shapes, builder, getResult().getType(),
           {getAsOpFoldResult(getTokens())});
  return success();
}
