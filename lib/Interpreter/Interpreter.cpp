//===- Interpreter.cpp - running functions --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Interpreter/Interpreter.h"

#include "Evaluate.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

static bool fits(Type type, Type elementType, ArrayRef<int64_t> shape) {
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType)
    return type == elementType && shape.empty();
  if (tensorType.getElementType() != elementType ||
      tensorType.getRank() != static_cast<int64_t>(shape.size()))
    return false;
  for (auto [dim, size] : llvm::zip(tensorType.getShape(), shape))
    if (!ShapedType::isDynamic(dim) && dim != size)
      return false;
  return true;
}

static LogicalResult misfit(Operation *op, Type type, Type elementType,
                            ArrayRef<int64_t> shape) {
  Type found = elementType;
  if (!shape.empty())
    found = RankedTensorType::get(shape, elementType);
  return op->emitOpError("has a value of type ")
         << type << " that is at run time " << found;
}

TensorValue *Frame::define(OpResult result, ArrayRef<int64_t> shape) {
  Operation *op = result.getOwner();
  Type elementType = getElementTypeOrSelf(result.getType());
  if (!fits(result.getType(), elementType, shape)) {
    (void)misfit(op, result.getType(), elementType, shape);
    return nullptr;
  }
  FailureOr<TensorValue> tensor =
      makeTensor(elementType, shape, [&] { return op->emitOpError(); });
  if (failed(tensor))
    return nullptr;
  auto &slot = values[result];
  slot = std::make_unique<TensorValue>(std::move(*tensor));
  return slot.get();
}

LogicalResult Frame::bind(Value value, TensorValue tensor, Operation *at) {
  if (!fits(value.getType(), tensor.elementType, tensor.shape))
    return misfit(at, value.getType(), tensor.elementType, tensor.shape);
  values[value] = std::make_unique<TensorValue>(std::move(tensor));
  return success();
}

LogicalResult interp::expectEqual(Operation *op, StringRef what, int64_t found,
                                  int64_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError("has ")
         << what << " " << found << " instead of " << expected;
}

LogicalResult interp::expectShape(Operation *op, StringRef what,
                                  const TensorValue &found,
                                  ArrayRef<int64_t> expected) {
  if (ArrayRef(found.shape) == expected)
    return success();
  InFlightDiagnostic error = op->emitOpError("has ") << what << " of shape [";
  llvm::interleaveComma(found.shape, error);
  error << "] instead of [";
  llvm::interleaveComma(expected, error);
  return error << "]";
}

FailureOr<SmallVector<Span>> interp::sequences(Operation *op, int64_t tokens,
                                               const TensorValue &offsets) {
  if (offsets.data.empty() || offsets.data.front() != 0)
    return op->emitOpError("has offsets that do not begin with 0");
  SmallVector<Span> spans;
  for (size_t s = 0; s + 1 < offsets.data.size(); ++s) {
    if (offsets.data[s + 1] < offsets.data[s])
      return op->emitOpError("has offsets that decrease at index ") << s + 1;
    spans.push_back({static_cast<int64_t>(offsets.data[s]),
                     static_cast<int64_t>(offsets.data[s + 1])});
  }
  if (failed(expectEqual(op, "a last offset of",
                         static_cast<int64_t>(offsets.data.back()), tokens)))
    return failure();
  return spans;
}

FailureOr<SmallVector<Span>> interp::sequences(Operation *op,
                                               const TensorValue &input,
                                               const TensorValue *offsets) {
  if (offsets) {
    if (failed(expectEqual(op, "a packed operand of rank", input.rank(), 2)))
      return failure();
    return sequences(op, input.shape[0], *offsets);
  }
  if (failed(expectEqual(op, "a dense operand of rank", input.rank(), 3)))
    return failure();
  SmallVector<Span> spans;
  for (int64_t b = 0; b < input.shape[0]; ++b)
    spans.push_back({b * input.shape[1], (b + 1) * input.shape[1]});
  return spans;
}

namespace {
class Machine {
public:
  explicit Machine(InterpreterObserver observer) : observer(observer) {}
  FailureOr<SmallVector<TensorValue>> run(func::FuncOp function,
                                          ArrayRef<TensorValue> arguments);

private:
  LogicalResult step(Operation *op, Frame &frame);
  LogicalResult call(func::CallOp op, Frame &frame);
  InterpreterObserver observer;
  int depth = 0;
};
} // namespace

LogicalResult Machine::call(func::CallOp op, Frame &frame) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee)
    return op.emitOpError("calls a function that does not exist");
  if (depth > 64)
    return op.emitOpError("nests calls deeper than 64");
  SmallVector<TensorValue> arguments;
  for (Value operand : op.getOperands())
    arguments.push_back(frame[operand]);
  FailureOr<SmallVector<TensorValue>> results = run(callee, arguments);
  if (failed(results))
    return failure();
  for (auto [result, value] : llvm::zip_equal(op.getResults(), *results))
    if (failed(frame.bind(result, std::move(value), op)))
      return failure();
  return success();
}

LogicalResult Machine::step(Operation *op, Frame &frame) {
  if (auto callOp = dyn_cast<func::CallOp>(op))
    return call(callOp, frame);
  if (isa<ObserveOp>(op))
    return success();
  if (auto upstream = evaluateUpstream(op, frame))
    return *upstream;
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<LinearOp, AttentionOp, FftMixOp, TokenMixOp, QuantizeOp,
            DequantizeOp, UnpackI4Op, EmbeddingOp, SelectOp, PositionsOp,
            LayerNormOp, RmsNormOp, L2NormalizeOp, GeluOp, GeluTanhOp, ReluOp,
            SiluOp, TanhOp, RopeOp, PoolOp, UnpoolOp, PatchesOp, PrependOp>(
          [&](auto known) { return evaluate(known, frame); })
      .Default([](Operation *unknown) {
        return unknown->emitOpError("is unknown to the interpreter");
      });
}

FailureOr<SmallVector<TensorValue>>
Machine::run(func::FuncOp function, ArrayRef<TensorValue> arguments) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("cannot be interpreted: it needs one block");
  if (failed(expectEqual(function, "a number of arguments of", arguments.size(),
                         function.getNumArguments())))
    return failure();
  Frame frame;
  for (auto [argument, value] :
       llvm::zip_equal(function.getArguments(), arguments))
    if (failed(frame.bind(argument, value, function)))
      return failure();
  ++depth;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (failed(step(&op, frame)))
      return failure();
    if (observer)
      for (OpResult result : op.getResults())
        observer(result, frame[result]);
  }
  --depth;
  SmallVector<TensorValue> results;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    results.push_back(frame[value]);
  return results;
}

FailureOr<SmallVector<TensorValue>>
transformer::interpret(func::FuncOp function, ArrayRef<TensorValue> arguments,
                       InterpreterObserver observer) {
  return Machine(observer).run(function, arguments);
}
