//===- Checks.h - what the verifiers of the ops share ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_IR_CHECKS_H
#define TRANSFORMER_LIB_IR_CHECKS_H

#include "transformer/IR/TransformerDialect.h"

namespace mlir::transformer {

/// A tensor with the name that messages give it; absent operands have no type.
struct Tensor {
  StringRef name;
  RankedTensorType type;

  Tensor(StringRef name, Value value)
      : name(name),
        type(value ? cast<RankedTensorType>(value.getType()) : nullptr) {}
  explicit operator bool() const { return bool(type); }
  int64_t rank() const { return type.getRank(); }
  /// Size of a dimension, counted from the end when negative; dynamic when
  /// there is no such dimension, so that the checks of a rank come first
  /// without a branch.
  int64_t dim(int64_t index) const;
};

/// Collects the first complaint about one op; what follows it is skipped.
/// Dynamic sizes agree with every size.
class Checker {
public:
  /// Starts with what holds for every op: shapes whose bytes can be counted.
  explicit Checker(Operation *op);

  void that(bool condition, const Twine &sentence);
  void rank(Tensor t, int64_t least, int64_t most);
  void dim(Tensor t, int64_t index, int64_t expected, StringRef meaning);
  void sameDim(Tensor t, int64_t index, Tensor other, int64_t otherIndex);
  /// All of these sizes are one. Where one of two is dynamic, both may still
  /// contradict a third.
  void sameDims(ArrayRef<std::pair<Tensor, int64_t>> dims);
  /// The shape of `t` is that of `other` without its last `dropped` sizes.
  void sameShape(Tensor t, Tensor other, int64_t dropped = 0);
  void sameElement(Tensor t, Tensor other);
  /// Rank 2 and `offsets`, or rank 3 and none.
  void packedOrDense(Tensor t, Tensor offsets);
  void finite(const APFloat &value, StringRef name);
  /// Finite and not negative.
  void epsilon(const APFloat &value);

  LogicalResult result() const { return success(!failed); }

private:
  Operation *op;
  bool failed = false;
};

/// Each of the first `count` operand groups holds one value. The generic form
/// may say otherwise, upstream checks optional groups only, and accessors read
/// whatever stands at the place.
template <typename OpTy> LogicalResult verifyRequired(OpTy op, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    unsigned length = op.getODSOperandIndexAndLength(i).second;
    if (length != 1)
      return op.emitOpError() << "operand group #" << i << " holds " << length
                              << " values, but it must hold one";
  }
  return success();
}

/// The sizes of `value` as far as dimension `count` (from the end if negative).
SmallVector<OpFoldResult> leadingSizes(OpBuilder &builder, Location loc,
                                       Value value, int64_t count);

/// Adds `sizes` as the shape of a result of `type`: sizes that the type knows
/// win over computed ones.
void addShape(ReifiedRankedShapedTypeDims &shapes, Builder &builder, Type type,
              SmallVector<OpFoldResult> sizes);

/// True for a constant of which every element is `expected` (of i1: nonzero).
bool isSplatOf(Value value, double expected);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_IR_CHECKS_H
