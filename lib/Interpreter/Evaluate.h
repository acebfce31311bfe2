//===- Evaluate.h - one function per op of the interpreter ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Private to the interpreter.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_INTERPRETER_EVALUATE_H
#define TRANSFORMER_LIB_INTERPRETER_EVALUATE_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Interpreter/TensorValue.h"

#include "mlir/IR/Operation.h"

#include <memory>

namespace mlir::transformer::interp {

/// The values of one running function.
class Frame {
public:
  const TensorValue &operator[](Value value) const { return *values.at(value); }
  /// Null for an operand that is absent.
  const TensorValue *find(Value value) const {
    return value ? values.at(value).get() : nullptr;
  }
  /// Zeros of this shape as the value of `result`; null after an error if the
  /// shape contradicts the result's type.
  TensorValue *define(OpResult result, ArrayRef<int64_t> shape);
  /// The same for a value that is ready.
  LogicalResult bind(Value value, TensorValue tensor, Operation *at);

private:
  llvm::DenseMap<Value, std::unique_ptr<TensorValue>> values;
};

/// The rows `begin` to `end` (exclusive) of one sequence.
struct Span {
  int64_t begin, end;
  int64_t length() const { return end - begin; }
};

/// The sequences of a packed tensor with offsets, or of a dense tensor without.
FailureOr<SmallVector<Span>> sequences(Operation *op, const TensorValue &input,
                                       const TensorValue *offsets);
/// The sequences that `offsets` cut `tokens` rows into.
FailureOr<SmallVector<Span>> sequences(Operation *op, int64_t tokens,
                                       const TensorValue &offsets);

/// Fails with a sentence unless the two are equal.
LogicalResult expectEqual(Operation *op, StringRef what, int64_t found,
                          int64_t expected);
/// For the operand `what` that is indexed like the rows of `of`.
LogicalResult expectShape(Operation *op, StringRef what,
                          const TensorValue &found, ArrayRef<int64_t> expected);

double activate(Activation activation, double x);

/// One row of `transformer.quantize`, dynamically: the integers to `out` and
/// the scale as the result. All of it is f32 by definition.
float roundToI8(ArrayRef<float> row, double *out);

LogicalResult evaluate(LinearOp op, Frame &frame);
LogicalResult evaluate(AttentionOp op, Frame &frame);
LogicalResult evaluate(FftMixOp op, Frame &frame);
LogicalResult evaluate(TokenMixOp op, Frame &frame);
LogicalResult evaluate(QuantizeOp op, Frame &frame);
LogicalResult evaluate(DequantizeOp op, Frame &frame);
LogicalResult evaluate(UnpackI4Op op, Frame &frame);
LogicalResult evaluate(EmbeddingOp op, Frame &frame);
LogicalResult evaluate(SelectOp op, Frame &frame);
LogicalResult evaluate(PositionsOp op, Frame &frame);
LogicalResult evaluate(LayerNormOp op, Frame &frame);
LogicalResult evaluate(RmsNormOp op, Frame &frame);
LogicalResult evaluate(L2NormalizeOp op, Frame &frame);
LogicalResult evaluate(GeluOp op, Frame &frame);
LogicalResult evaluate(GeluTanhOp op, Frame &frame);
LogicalResult evaluate(ReluOp op, Frame &frame);
LogicalResult evaluate(SiluOp op, Frame &frame);
LogicalResult evaluate(TanhOp op, Frame &frame);
LogicalResult evaluate(RopeOp op, Frame &frame);
LogicalResult evaluate(PoolOp op, Frame &frame);
LogicalResult evaluate(UnpoolOp op, Frame &frame);
LogicalResult evaluate(PatchesOp op, Frame &frame);
LogicalResult evaluate(PrependOp op, Frame &frame);

/// Ops of arith, tensor, linalg and ml_program; std::nullopt if `op` is none
/// that the interpreter knows.
std::optional<LogicalResult> evaluateUpstream(Operation *op, Frame &frame);

} // namespace mlir::transformer::interp

#endif // TRANSFORMER_LIB_INTERPRETER_EVALUATE_H
