//===- Upstream.cpp - the ops that surround the transformer dialect -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

static LogicalResult constant(Operation *op, Attribute value, Frame &frame) {
  FailureOr<TensorValue> tensor =
      tensorFromAttribute(value, [&] { return op->emitOpError(); });
  if (failed(tensor))
    return failure();
  return frame.bind(op->getResult(0), std::move(*tensor), op);
}

static LogicalResult global(ml_program::GlobalLoadConstOp op, Frame &frame) {
  auto symbol = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
      op, op.getGlobalAttr());
  if (!symbol)
    return op.emitOpError("reads a global that does not exist");
  if (!symbol.getValue() || isa<ml_program::ExternAttr>(*symbol.getValue()))
    return op.emitOpError("reads '")
           << symbol.getSymName()
           << "', which has no value; load the weights first";
  return constant(op, *symbol.getValue(), frame);
}

static LogicalResult map(Operation *op, Frame &frame,
                         llvm::function_ref<double(double, double)> function) {
  const TensorValue &a = frame[op->getOperand(0)];
  const TensorValue &b = frame[op->getOperands().back()];
  if (failed(expectShape(op, "a second operand", b, a.shape)))
    return failure();
  TensorValue *y = frame.define(op->getResult(0), a.shape);
  if (!y)
    return failure();
  for (int64_t i = 0; i < a.size(); ++i)
    y->data[i] = function(a.data[i], b.data[i]);
  return success();
}

/// The same numbers in the same order under another shape or type.
static LogicalResult copy(Operation *op, Frame &frame,
                          std::optional<ArrayRef<int64_t>> shape = {}) {
  TensorValue tensor = frame[op->getOperand(0)];
  tensor.elementType = getElementTypeOrSelf(op->getResult(0).getType());
  if (shape) {
    int64_t count = 1;
    for (int64_t dim : *shape)
      count *= dim;
    if (failed(
            expectEqual(op, "a number of elements of", tensor.size(), count)))
      return failure();
    tensor.shape = SmallVector<int64_t>(*shape);
  }
  return frame.bind(op->getResult(0), std::move(tensor), op);
}

static SmallVector<int64_t> numbers(ArrayRef<OpFoldResult> values,
                                    Frame &frame) {
  SmallVector<int64_t> result;
  for (OpFoldResult value : values) {
    if (auto attribute = dyn_cast<Attribute>(value))
      result.push_back(cast<IntegerAttr>(attribute).getInt());
    else
      result.push_back(static_cast<int64_t>(frame[cast<Value>(value)].data[0]));
  }
  return result;
}

/// Calls `visit` with every index of `shape`, last dimension fastest.
static void forEachIndex(ArrayRef<int64_t> shape,
                         llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t d = static_cast<int64_t>(shape.size()) - 1;
    while (d >= 0 && ++index[d] == shape[d])
      index[d--] = 0;
    if (d < 0)
      return;
  }
}

static int64_t linearize(ArrayRef<int64_t> shape, ArrayRef<int64_t> index) {
  int64_t position = 0;
  for (auto [size, i] : llvm::zip_equal(shape, index))
    position = position * size + i;
  return position;
}

/// Moves a slice of `outer` to or from a tensor that holds just the slice.
static LogicalResult slice(OffsetSizeAndStrideOpInterface op, Frame &frame,
                           const TensorValue &outerShape,
                           llvm::function_ref<void(int64_t, int64_t)> move) {
  SmallVector<int64_t> offsets = numbers(op.getMixedOffsets(), frame);
  SmallVector<int64_t> sizes = numbers(op.getMixedSizes(), frame);
  SmallVector<int64_t> strides = numbers(op.getMixedStrides(), frame);
  for (size_t d = 0; d < sizes.size(); ++d) {
    int64_t last = offsets[d] + std::max<int64_t>(0, sizes[d] - 1) * strides[d];
    if (sizes[d] < 0 || strides[d] < 1 || offsets[d] < 0 ||
        last + (sizes[d] > 0) > outerShape.shape[d])
      return op->emitOpError(
                 "takes a slice outside of its tensor in dimension ")
             << d;
  }
  int64_t inner = 0;
  forEachIndex(sizes, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> outer;
    for (size_t d = 0; d < index.size(); ++d)
      outer.push_back(offsets[d] + index[d] * strides[d]);
    move(inner++, linearize(outerShape.shape, outer));
  });
  return success();
}

static LogicalResult extractSlice(tensor::ExtractSliceOp op, Frame &frame) {
  const TensorValue &source = frame[op.getSource()];
  SmallVector<int64_t> sizes = numbers(op.getMixedSizes(), frame), shape;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (size_t d = 0; d < sizes.size(); ++d)
    if (!dropped.test(d))
      shape.push_back(sizes[d]);
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  return slice(op, frame, source, [&](int64_t inner, int64_t outer) {
    y->data[inner] = source.data[outer];
  });
}

static LogicalResult insertSlice(tensor::InsertSliceOp op, Frame &frame) {
  const TensorValue &source = frame[op.getSource()];
  const TensorValue &target = frame[op.getDest()];
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), target.shape);
  if (!y)
    return failure();
  int64_t count = 1;
  for (int64_t size : numbers(op.getMixedSizes(), frame))
    count *= size;
  if (failed(expectEqual(op, "a source of size", source.size(), count)))
    return failure();
  y->data = target.data;
  return slice(op, frame, target, [&](int64_t inner, int64_t outer) {
    y->data[outer] = source.data[inner];
  });
}

static LogicalResult concat(tensor::ConcatOp op, Frame &frame) {
  SmallVector<int64_t> shape(frame[op.getInputs().front()].shape);
  int64_t dim = op.getDim();
  shape[dim] = 0;
  for (Value input : op.getInputs()) {
    shape[dim] += frame[input].shape[dim];
    SmallVector<int64_t> expected = shape;
    expected[dim] = frame[input].shape[dim];
    if (failed(expectShape(op, "an input", frame[input], expected)))
      return failure();
  }
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  int64_t before = 0;
  for (Value input : op.getInputs()) {
    const TensorValue &x = frame[input];
    int64_t i = 0;
    forEachIndex(x.shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> target(index);
      target[dim] += before;
      y->data[linearize(shape, target)] = x.data[i++];
    });
    before += x.shape[dim];
  }
  return success();
}

static LogicalResult collapse(tensor::CollapseShapeOp op, Frame &frame) {
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    shape.push_back(1);
    for (int64_t d : group)
      shape.back() *= frame[op.getSrc()].shape[d];
  }
  return copy(op, frame, ArrayRef<int64_t>(shape));
}

static LogicalResult transpose(linalg::TransposeOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  ArrayRef<int64_t> permutation = op.getPermutation();
  SmallVector<int64_t> shape;
  for (int64_t d : permutation)
    shape.push_back(x.shape[d]);
  TensorValue *y = frame.define(op->getOpResult(0), shape);
  if (!y)
    return failure();
  int64_t i = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> source(index.size());
    for (size_t d = 0; d < index.size(); ++d)
      source[permutation[d]] = index[d];
    y->data[i++] = x.data[linearize(x.shape, source)];
  });
  return success();
}

static LogicalResult fill(Operation *op, ArrayRef<int64_t> shape, double value,
                          Frame &frame) {
  TensorValue *y = frame.define(op->getResult(0), shape);
  if (!y)
    return failure();
  std::fill(y->data.begin(), y->data.end(), value);
  return success();
}

static LogicalResult fromElements(tensor::FromElementsOp op, Frame &frame) {
  TensorValue *y =
      frame.define(cast<OpResult>(op.getResult()), op.getType().getShape());
  if (!y)
    return failure();
  for (auto [to, from] : llvm::zip(y->data, op.getElements()))
    to = frame[from].data[0];
  return success();
}

static LogicalResult dim(tensor::DimOp op, Frame &frame) {
  const TensorValue &source = frame[op.getSource()];
  int64_t index = static_cast<int64_t>(frame[op.getIndex()].data[0]);
  if (index < 0 || index >= source.rank())
    return op.emitOpError("asks for dimension ")
           << index << " of a tensor of rank " << source.rank();
  return fill(op, {}, double(source.shape[index]), frame);
}

/// Elementwise ops by name of their two (or one, then twice the same) operands.
static std::optional<LogicalResult> arithmetic(Operation *op, Frame &frame) {
  using Function = double (*)(double, double);
  auto function =
      llvm::TypeSwitch<Operation *, Function>(op)
          .Case<arith::AddFOp, arith::AddIOp>(
              [](auto) { return [](double a, double b) { return a + b; }; })
          .Case<arith::SubFOp, arith::SubIOp>(
              [](auto) { return [](double a, double b) { return a - b; }; })
          .Case<arith::MulFOp, arith::MulIOp>(
              [](auto) { return [](double a, double b) { return a * b; }; })
          .Case<arith::DivFOp>(
              [](auto) { return [](double a, double b) { return a / b; }; })
          .Case<arith::NegFOp>(
              [](auto) { return [](double a, double) { return -a; }; })
          .Case([](arith::CmpIOp compare) -> Function {
            using Predicate = arith::CmpIPredicate;
            if (compare.getPredicate() == Predicate::ne)
              return [](double a, double b) { return double(a != b); };
            if (compare.getPredicate() == Predicate::eq)
              return [](double a, double b) { return double(a == b); };
            return nullptr;
          })
          .Default([](Operation *) -> Function { return nullptr; });
  if (!function)
    return std::nullopt;
  return map(op, frame, function);
}

std::optional<LogicalResult> interp::evaluateUpstream(Operation *op,
                                                      Frame &frame) {
  using Result = std::optional<LogicalResult>;
  if (Result result = arithmetic(op, frame))
    return result;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](arith::ConstantOp constantOp) {
        return constant(op, constantOp.getValue(), frame);
      })
      .Case([&](arith::TruncFOp) {
        Type type = getElementTypeOrSelf(op->getResult(0).getType());
        return map(op, frame,
                   [&](double a, double) { return roundToType(a, type); });
      })
      .Case<arith::ExtFOp, arith::IndexCastOp, arith::ExtSIOp, arith::SIToFPOp,
            tensor::CastOp>([&](auto) { return copy(op, frame); })
      .Case([&](ml_program::GlobalLoadConstOp load) {
        return global(load, frame);
      })
      .Case([&](tensor::DimOp dimOp) { return dim(dimOp, frame); })
      .Case([&](tensor::FromElementsOp from) {
        return fromElements(from, frame);
      })
      .Case([&](tensor::EmptyOp empty) {
        return fill(op, numbers(empty.getMixedSizes(), frame), 0, frame);
      })
      .Case([&](tensor::SplatOp splat) {
        SmallVector<OpFoldResult> sizes =
            getMixedValues(splat.getType().getShape(), splat.getDynamicSizes(),
                           op->getContext());
        return fill(op, numbers(sizes, frame), frame[splat.getInput()].data[0],
                    frame);
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        return copy(
            op, frame,
            ArrayRef<int64_t>(numbers(expand.getMixedOutputShape(), frame)));
      })
      .Case([&](tensor::CollapseShapeOp o) { return collapse(o, frame); })
      .Case([&](tensor::ExtractSliceOp o) { return extractSlice(o, frame); })
      .Case([&](tensor::InsertSliceOp o) { return insertSlice(o, frame); })
      .Case([&](tensor::ConcatOp o) { return concat(o, frame); })
      .Case([&](linalg::TransposeOp o) { return transpose(o, frame); })
      .Case([&](linalg::FillOp o) {
        return fill(op, frame[o.getOutputs()[0]].shape,
                    frame[o.getInputs()[0]].data[0], frame);
      })
      .Default([](Operation *) { return std::nullopt; });
}
