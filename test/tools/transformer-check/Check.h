//===- Check.h - inputs and engines of transformer-check ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TEST_TOOLS_CHECK_H
#define TRANSFORMER_TEST_TOOLS_CHECK_H

#include "transformer/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"

#include <random>
#include <string>

namespace mlir::transformer::check {

/// What kind of numbers the float inputs hold.
enum class Values { normal, large, tiny, equal, zeros, nan, inf };

/// One call of a function: the sizes behind its dynamic dimensions, and where
/// its numbers come from.
struct Call {
  SmallVector<int64_t> lengths, keyLengths;
  Values values = Values::normal;
  uint64_t seed = 0;

  int64_t tokens() const;
  int64_t keys() const;
  int64_t sequences() const { return lengths.size(); }
};

using Tensors = SmallVector<TensorValue>;

/// Random arguments for `function`. What a dimension `?` stands for is told by
/// the argument attributes of a model (transformer.input, transformer.rows,
/// transformer.limit), and else guessed from how the argument is used.
FailureOr<Tensors> makeInputs(func::FuncOp function, const Call &call);

/// Arguments from a .safetensors file, by the names of the model's inputs, else
/// as "argument0".
FailureOr<Tensors> readInputs(func::FuncOp function, StringRef path);
/// Results as f64, by the names of the model's outputs, else as "result0".
LogicalResult writeOutputs(func::FuncOp function, const Tensors &outputs,
                           StringRef path);

/// How far two results are apart, relative to max(1, largest expected number).
/// Infinite if their shapes, NaNs or infinities differ.
double distance(const TensorValue &found, const TensorValue &expected);

/// The distance at which a result of this type is wrong.
double defaultTolerance(Type elementType);

} // namespace mlir::transformer::check

#endif // TRANSFORMER_TEST_TOOLS_CHECK_H
