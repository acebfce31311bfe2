//===- FormTokenLaunches.cpp - launches by the places of tokens -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LaunchFormer.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

LogicalResult LaunchFormer::formRope(RopeOp op) {
  FailureOr<Place> input = find(op.getInput(), op),
                   positions = find(op.getPositions(), op);
  if (failed(input) || failed(positions) ||
      failed(place(op.getResult(), input->buffer.rows)))
    return failure();
  int64_t heads = op.getNumHeads(), width = widthOf(op.getInput());
  int64_t dim = width / heads, turning = op.getRotaryDim().value_or(dim);
  if (!positions->buffer.element.isInteger(32))
    return op.emitOpError() << "has positions of " << positions->buffer.element
                            << "; GPU kernels read i32";
  NamedAttrList spec;
  auto number = [&](StringRef name, int64_t value) {
    spec.set(name, b.getI64IntegerAttr(value));
  };
  set(spec, "family", "rope");
  set(spec, "input", nameOf(input->buffer.element));
  set(spec, "output", nameOf(places[op.getResult()].buffer.element));
  number("heads", heads);
  number("dim", dim);
  number("turning", turning);
  if (op.getInterleaved())
    spec.set("interleaved", b.getUnitAttr());
  LaunchArgument turns{
      LaunchArgument::Constant, 0,
      llvm::formatv("turns {0} {1}",
                    llvm::format("%.9g", op.getTheta().convertToFloat()),
                    turning)
          .str(),
      b.getF32Type()};
  launch(op, spec, input->buffer.rows,
         {input->argument, positions->argument, turns,
          places[op.getResult()].argument, numberOf(input->buffer.rows)});
  return success();
}

/// The neighbours of a token in one row, and one product with all matrices.
LogicalResult LaunchFormer::formLagMatrices(TokenMixOp op) {
  FailureOr<Place> input = find(op.getInput(), op),
                   offsets = find(op.getOffsets(), op),
                   weight = find(op.getWeight(), op);
  if (failed(input) || failed(offsets) || failed(weight))
    return failure();
  if (weight->argument.kind != LaunchArgument::Weight)
    return op.emitOpError() << "has matrices that are no weights of the model";
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  int64_t count = type.getDimSize(0), width = type.getDimSize(2);
  NamedAttrList stack, product;
  set(stack, "family", "stack");
  set(stack, "input", nameOf(input->buffer.element));
  set(stack, "output", nameOf(dtype));
  stack.set("width", b.getI64IntegerAttr(width));
  stack.set("count", b.getI64IntegerAttr(count));
  LaunchArgument stacked = makeBuffer(count * width, dtype);
  LaunchArgument tokens = numberOf(DeviceBuffer::Tokens);
  launch(op, stack, DeviceBuffer::Tokens,
         {input->argument, offsets->argument, stacked, tokens,
          numberOf(DeviceBuffer::Sequences)});
  if (failed(place(op.getResult(), DeviceBuffer::Tokens)))
    return failure();
  set(product, "family", "linear");
  set(product, "input", nameOf(dtype));
  set(product, "weight", nameOf(weight->buffer.element));
  set(product, "output", nameOf(places[op.getResult()].buffer.element));
  product.set("n", b.getI64IntegerAttr(type.getDimSize(1)));
  product.set("k", b.getI64IntegerAttr(count * width));
  weight->argument.slices = count;
  launchBest(
      op, product, DeviceBuffer::Tokens,
      {stacked, weight->argument, places[op.getResult()].argument, tokens});
  return success();
}
