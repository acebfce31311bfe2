//===- Weights.h - weights as globals of a module -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight is an `ml_program.global` that is extern (only its type is known) or
// bound to bytes, as a rule those of a mapped file.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_IR_WEIGHTS_H
#define TRANSFORMER_IR_WEIGHTS_H

#include "transformer/Support/DataType.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

#include <memory>
#include <vector>

namespace mlir::transformer {

/// The attribute of a module that says which checkpoint its weights came from:
/// Checkpoint::fingerprint, in whatever way passes have changed them since.
inline constexpr llvm::StringLiteral kCheckpointAttribute =
    "transformer.checkpoint";

/// How files name an element type; nothing if they can't hold it.
std::optional<DataType> dataTypeOf(Type element);

/// True when the type of a global is known and its value is not.
bool isExtern(ml_program::GlobalOp global);

/// A weight over `bytes`, which `owner` keeps alive. They are copied only if
/// they are not aligned to the element size.
DenseResourceElementsAttr weightOver(RankedTensorType type, StringRef name,
                                     ArrayRef<char> bytes,
                                     std::shared_ptr<const void> owner);

/// The bytes of a bound weight, row-major; of a splat those of one element. No
/// bytes when the value is extern, absent or has no data of the right size.
struct WeightBytes {
  ArrayRef<char> bytes;
  bool isSplat = false;
};
std::optional<WeightBytes> bytesOf(Attribute value, RankedTensorType type);

/// What `value` is known to hold: that of an `arith.constant`, or of the global
/// that it loads. Null if it is computed or extern.
Attribute constantOf(Value value);

/// The row-major bytes of the constant tensor `value`, a splat written out.
/// Nothing where bytesOf has nothing.
std::optional<std::vector<char>> copyOfBytes(Value value);

/// A weight that a pass has made of others: a private global called `name` (or
/// like it, if that is taken) and its load at `builder`; an `arith.constant`
/// where `like` is one, so that small examples stay readable.
Value createWeight(OpBuilder &builder, Location loc, StringRef name,
                   RankedTensorType type, std::vector<char> bytes, Value like);

} // namespace mlir::transformer

#endif // TRANSFORMER_IR_WEIGHTS_H
