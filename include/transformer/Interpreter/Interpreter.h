//===- Interpreter.h - the meaning of the dialect, in f64 -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The oracle of the numerics tests. It follows the definitions in the op
// documentation by the plainest loops there are, shares no code with the
// lowerings, and computes in f64 throughout: no result is rounded to its type
// except by arith.truncf. Only transformer.quantize rounds as its definition
// says, in f32.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_INTERPRETER_INTERPRETER_H
#define TRANSFORMER_INTERPRETER_INTERPRETER_H

#include "transformer/Interpreter/TensorValue.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::transformer {

/// Told of every result that was computed, in program order.
using InterpreterObserver =
    llvm::function_ref<void(OpResult, const TensorValue &)>;

/// Runs a function of the transformer dialect and of what surrounds it (func,
/// arith, tensor, ml_program constants). Everything is checked before it is
/// read: shapes that disagree at run time, offsets that do not add up, ids out
/// of range and unknown ops are errors on the op.
FailureOr<SmallVector<TensorValue>>
interpret(func::FuncOp function, ArrayRef<TensorValue> arguments,
          InterpreterObserver observer = nullptr);

} // namespace mlir::transformer

#endif // TRANSFORMER_INTERPRETER_INTERPRETER_H
