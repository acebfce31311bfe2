//===- TokenRows.h - which values have a row per token --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H
#define TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {

/// The operands and results of a dense `op` that have one row per token, when
/// row t of the results needs row t of the operands only; empty for other ops.
SmallVector<Value> rowsOf(Operation *op);

/// The values of a block that have a row per token, found by propagation from
/// where masks are used. `isMask` is asked of null too.
llvm::SetVector<Value> tokenRows(Block &block,
                                 llvm::function_ref<bool(Value)> isMask);

/// Offsets in the place of a mask, where `op` takes either.
void readPacked(Operation *op, Value offsets, Value tokens);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H
