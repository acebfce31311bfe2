//===- TokenRows.h - which values have a row per token --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H
#define TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H

#include "mlir/IR/Operation.h"

namespace mlir::transformer {

/// The operands and results of a dense `op` that have one row per token, when
/// row t of the results needs row t of the operands only; empty for other ops.
SmallVector<Value> rowsOf(Operation *op);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_TOKENROWS_H
