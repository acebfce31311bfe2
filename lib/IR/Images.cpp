//===- Images.cpp - patches and prepend
//--------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult PatchesOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), result("result", getResult());
  check.rank(input, 4, 4);
  check.rank(result, 2, 2);
  check.sameElement(result, input);
  if (failed(check.result()))
    return failure();
  int64_t size = getSize();
  for (int64_t i : {1, 2, 3})
    check.that(!ShapedType::isDynamic(input.dim(i)),
               "channels, height and width of input must be static");
  for (int64_t i : {2, 3})
    check.that(input.dim(i) % size == 0,
               "dimension " + Twine(i) + " of input is " + Twine(input.dim(i)) +
                   ", which does not divide into patches of " + Twine(size));
  if (failed(check.result()))
    return failure();
  // The divisions keep these products below the size of the input, except for
  // an image without pixels.
  int64_t channels = input.dim(1), width = 0, rows = input.dim(0);
  check.that(!llvm::MulOverflow(size, size, width) &&
                 !llvm::MulOverflow(channels, width, width),
             "size is too large");
  check.dim(result, -1, width, "channels * size * size");
  if (!ShapedType::isDynamic(rows))
    check.dim(result, 0, rows * (input.dim(2) / size) * (input.dim(3) / size),
              "the number of all patches");
  return check.result();
}

LogicalResult
PatchesOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  Location loc = getLoc();
  ArrayRef<int64_t> shape = getInput().getType().getShape();
  int64_t size = getSize();
  Value batch = builder.createOrFold<tensor::DimOp>(loc, getInput(), 0);
  Value patches = arith::ConstantIndexOp::create(
      builder, loc, (shape[2] / size) * (shape[3] / size));
  Value rows = builder.createOrFold<arith::MulIOp>(loc, batch, patches);
  addShape(
      shapes, builder, getResult().getType(),
      {getAsOpFoldResult(rows), builder.getIndexAttr(shape[1] * size * size)});
  return success();
}

LogicalResult PrependOp::verify() {
  Checker check(*this);
  Tensor input("input", getInput()), rows("rows", getRows()),
      result("result", getResult());
  for (Tensor t : {input, rows, result}) {
    check.rank(t, 2, 2);
    check.sameElement(t, input);
    check.sameDim(t, 1, input, 1);
  }
  check.sameDim(result, 1, rows, 1);
  int64_t length = getLength(), tokens = input.dim(0), added = rows.dim(0);
  if (failed(check.result()) || ShapedType::isDynamic(tokens))
    return check.result();
  check.that(tokens % length == 0,
             "input has " + Twine(tokens) +
                 " rows, which do not divide into sequences of " +
                 Twine(length));
  int64_t expected = 0;
  if (!ShapedType::isDynamic(added)) {
    check.that(!llvm::MulOverflow(tokens / length, added, expected) &&
                   !llvm::AddOverflow(expected, tokens, expected),
               "the result has too many rows");
    check.dim(result, 0, expected, "the number of old and new rows");
  }
  return check.result();
}

LogicalResult
PrependOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  Location loc = getLoc();
  Value tokens = builder.createOrFold<tensor::DimOp>(loc, getInput(), 0);
  Value added = builder.createOrFold<tensor::DimOp>(loc, getRows(), 0);
  Value length = arith::ConstantIndexOp::create(builder, loc, getLength());
  Value batch = builder.createOrFold<arith::DivUIOp>(loc, tokens, length);
  Value longer = builder.createOrFold<arith::AddIOp>(loc, length, added);
  Value total = builder.createOrFold<arith::MulIOp>(loc, batch, longer);
  addShape(shapes, builder, getResult().getType(),
           {getAsOpFoldResult(total),
            tensor::getMixedSize(builder, loc, getInput(), 1)});
  return success();
}
