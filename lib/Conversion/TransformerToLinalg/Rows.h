//===- Rows.h - building row-wise linalg ops ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Helpers for patterns that see any tensor [..., width] as rows [m, width].
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_CONVERSION_ROWS_H
#define TRANSFORMER_CONVERSION_ROWS_H

#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// Size `i` of a tensor, which `tensor.dim` gives where the type does not.
OpFoldResult sizeOf(ImplicitLocOpBuilder &b, Value v, int64_t i);

/// `v` as a tensor of `type`, which may know other sizes.
Value castTo(ImplicitLocOpBuilder &b, Value v, Type type);

/// How an operand of a row-wise op is indexed by (row, column).
enum class Access { Element, Row, Column };

struct RowOperand {
  Value value;
  Access access;
};

/// Builds ops on rows at one location. All arithmetic is in f32 (or i32):
/// operands of narrower float types are widened on reading.
class RowBuilder {
public:
  RowBuilder(PatternRewriter &rewriter, Location loc) : b(loc, rewriter) {}

  /// [..., width] as [m, width], and [...] as [m].
  Value flatten(Value v, bool hasColumns = true);
  /// The reverse, to `type`; `like` has the leading dims in question.
  Value unflatten(Value v, RankedTensorType type, Value like);

  /// Size `i` of a tensor: a number where its type knows it.
  OpFoldResult size(Value v, int64_t i) { return sizeOf(b, v, i); }

  /// An uninitialized [rows of `like`, width] (or [rows] without a width).
  Value empty(Value like, std::optional<OpFoldResult> width, Type element);

  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange operands)>;
  /// out[m, n] = body(operands), stored as `element`.
  Value map(ArrayRef<RowOperand> operands, Value like, OpFoldResult width,
            Type element, Body body);
  /// out[m] = sum over n of body(operands).
  Value sum(ArrayRef<RowOperand> operands, Value like, Body body);
  /// out[m] = the largest magnitude over n of body(operands), as the i32 number
  /// that has its bits: these are ordered as the magnitudes are, with NaN above
  /// all, and their maximum is one instruction everywhere.
  Value absmaxBits(ArrayRef<RowOperand> operands, Value like, Body body);

  Value constant(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
  }

  ImplicitLocOpBuilder b;

private:
  using Combine =
      function_ref<Value(ImplicitLocOpBuilder &, Value next, Value soFar)>;
  Value reduce(ArrayRef<RowOperand> operands, Value like, TypedAttr init,
               Body body, Combine combine);
};

/// `v` as an f32 scalar.
Value widen(ImplicitLocOpBuilder &b, Value v);
/// f32 `v` as a scalar of type `element`.
Value narrow(ImplicitLocOpBuilder &b, Value v, Type element);
/// One value of a row whose largest magnitude is `absmax`, rounded to i8 as
/// `transformer.quantize` does without a scale; and the scale of that row,
/// `small` for one of zeros.
Value quantizeDynamically(ImplicitLocOpBuilder &b, Value z, Value absmax);
Value dynamicScale(ImplicitLocOpBuilder &b, Value absmax, double small = 1.0);
/// The i8 number at (row, column), both indices, of what `op` unpacks.
Value unpackI4(ImplicitLocOpBuilder &b, UnpackI4Op op, Value row, Value column);
/// An activation of an f32 scalar.
Value emitActivation(ImplicitLocOpBuilder &b, Activation kind, Value x);

} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_ROWS_H
