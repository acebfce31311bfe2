//===- InputPacker.cpp - what there is to pack, and whether it can be -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As in transformer-unpad, values with a row per token are found by propagation
// from where the mask is used.
//===----------------------------------------------------------------------===//
#include "InputPacker.h"
#include "TokenRows.h"
#include "transformer/IR/Masks.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

/// The mask, or what says of its numbers which are not 0.
LogicalResult InputPacker::findMasks() {
  auto type = dyn_cast<RankedTensorType>(mask.getType());
  if (!type || type.getRank() != 2 || !type.getElementType().isInteger())
    return forward.emitOpError()
           << "has an attention_mask of type " << mask.getType()
           << "; it must be one [batch, length] of integers or i1";
  if (type.getElementType().isInteger(1))
    masks.insert(mask);
  for (Operation *user : mask.getUsers())
    if (user->getNumResults() == 1 && maskSource(user->getResult(0)) == mask)
      masks.insert(user->getResult(0));
  for (Operation *user : mask.getUsers())
    if (!masks.contains(mask) && !isa<tensor::DimOp>(user) &&
        !(user->getNumResults() == 1 && masks.contains(user->getResult(0))))
      return user->emitOpError() << "reads the attention_mask, which only "
                                    "arith.cmpi ne with 0 may, "
                                    "so that it can go";
  return success();
}

/// Of an op that makes or reads rows.
LogicalResult InputPacker::check(Operation *op) {
  if (op->hasTrait<OpTrait::IsTerminator>() || isa<tensor::DimOp>(op))
    return success();
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    if (!hasMask(attention.getMask()))
      return op->emitOpError("does not hide the padding by the "
                             "attention_mask, so it cannot be packed");
    return isRow(attention.getQuery())
               ? success()
               : op->emitOpError("has queries of another batch than the "
                                 "attention_mask, so it cannot be packed");
  }
  if (auto pool = dyn_cast<PoolOp>(op))
    return hasMask(pool.getMask()) ||
                   (!pool.getMask() && pool.getKind() == PoolKind::cls)
               ? success()
               : op->emitOpError("pools over the padding too, so it cannot be "
                                 "packed");
  if (isa<FftMixOp, TokenMixOp>(op))
    return op->emitOpError(
        "mixes the padding into the tokens, so it cannot be packed");
  if (rowsOf(op).empty())
    return op->emitOpError(
        "is not known to keep the tokens apart, so it cannot be packed");
  return success();
}

/// Ids become i32, which others than lookups might not take.
LogicalResult InputPacker::checkArgument(BlockArgument argument) {
  Type element = cast<RankedTensorType>(argument.getType()).getElementType();
  auto name =
      forward.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kInput);
  if (!name)
    return forward.emitOpError("argument ")
           << argument.getArgNumber()
           << " has a row per token, and no transformer.input that names it";
  if (name.getValue() == "position_ids")
    return forward.emitOpError(
        "has position_ids, which packed models count themselves: give them as "
        "a constant, whose rows count up from one number");
  if (element.isInteger() && !element.isInteger(32))
    for (Operation *user : argument.getUsers())
      if (!isa<EmbeddingOp, RopeOp, tensor::DimOp>(user))
        return user->emitOpError("reads '")
               << name.getValue() << "', which is " << element
               << " and would become i32; only lookups may";
  return success();
}

LogicalResult InputPacker::find() {
  if (failed(findMasks()))
    return failure();
  rows = tokenRows(block, [&](Value value) { return hasMask(value); });
  for (Value row : rows) {
    auto argument = dyn_cast<BlockArgument>(row);
    if (argument && failed(checkArgument(argument)))
      return failure();
    if (argument && !first)
      first = argument;
    if (Operation *op = row.getDefiningOp();
        op && !isa<arith::ConstantOp>(op) && failed(check(op)))
      return failure();
    for (Operation *user : row.getUsers()) {
      if (failed(check(user)))
        return failure();
      ops.insert(user);
    }
    if (Operation *op = row.getDefiningOp())
      ops.insert(op);
  }
  if (!first)
    return forward.emitOpError(
        "has no input with a row for each token that its attention_mask shows");
  return success();
}
