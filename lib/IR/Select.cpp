//===- Select.cpp - select -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"
#include "transformer/IR/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;

/// The indices that `value` holds; nothing where it is no weight of known
/// bytes.
static std::optional<std::vector<int32_t>> numbersOf(Attribute value,
                                                     RankedTensorType type) {
  std::optional<WeightBytes> known = bytesOf(value, type);
  if (!known)
    return std::nullopt;
  std::vector<int32_t> numbers(type.getNumElements());
  for (auto [i, number] : llvm::enumerate(numbers))
    std::memcpy(&number,
                known->bytes.data() + (known->isSplat ? 0 : i * sizeof(number)),
                sizeof(number));
  return numbers;
}

/// What is wrong with indices into rows of `width`; empty if nothing is.
static std::string complaint(ArrayRef<int32_t> indices, int64_t width) {
  if (ShapedType::isDynamic(width))
    return "";
  llvm::BitVector seen(width);
  for (int64_t index : indices) {
    if (index < 0 || index >= width)
      return llvm::formatv("index {0} is not in rows of {1} columns", index,
                           width);
    if (seen.test(index))
      return llvm::formatv("index {0} comes twice", index);
    seen.set(index);
  }
  return "";
}

LogicalResult SelectOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), indices("indices", getIndices()),
      result("result", getResult());
  check.rank(input, 1, INT64_MAX);
  check.that(result.rank() == input.rank(),
             "result must have as many dimensions as input");
  for (int64_t i = 0; i + 1 < input.rank(); ++i)
    check.sameDim(result, i, input, i);
  check.sameDim(result, -1, indices, 0);
  check.sameElement(result, input);
  if (auto constant = getIndices().getDefiningOp<arith::ConstantOp>())
    if (auto known = numbersOf(constant.getValue(), indices.type)) {
      std::string why = complaint(*known, input.dim(-1));
      check.that(why.empty(), why);
    }
  return check.result();
}

/// Indices that are a global can only be read once all symbols are there.
LogicalResult SelectOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto load = getIndices().getDefiningOp<ml_program::GlobalLoadConstOp>();
  auto global = load ? symbols.lookupNearestSymbolFrom<ml_program::GlobalOp>(
                           load, load.getGlobalAttr())
                     : nullptr;
  if (!global || isExtern(global) || !global.getValueAttr())
    return success();
  auto known = numbersOf(global.getValueAttr(), getIndices().getType());
  if (!known)
    return success();
  std::string why = complaint(*known, Tensor("input", getInput()).dim(-1));
  return why.empty() ? success() : emitOpError(why);
}

LogicalResult SelectOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> sizes =
      leadingSizes(builder, getLoc(), getInput(), -1);
  sizes.push_back(tensor::getMixedSize(builder, getLoc(), getIndices(), 0));
  addShape(shapes, builder, getResult().getType(), std::move(sizes));
  return success();
}

void SelectOp::build(OpBuilder &builder, OperationState &state, Value input,
                     Value indices) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = cast<RankedTensorType>(indices.getType()).getDimSize(0);
  build(builder, state, type.clone(shape), input, indices);
}

/// All columns in their order are the rows themselves.
LogicalResult SelectOp::canonicalize(SelectOp op, PatternRewriter &rewriter) {
  if (op.getType() != op.getInput().getType())
    return rewriter.notifyMatchFailure(op, "it selects some of the columns");
  auto known =
      numbersOf(constantOf(op.getIndices()), op.getIndices().getType());
  if (!known)
    return rewriter.notifyMatchFailure(op, "its indices are not known");
  std::vector<int32_t> all(known->size());
  std::iota(all.begin(), all.end(), 0);
  if (*known != all)
    return rewriter.notifyMatchFailure(op, "it changes the order");
  rewriter.replaceOp(op, op.getInput());
  return success();
}
