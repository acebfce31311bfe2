//===- Sequences.h - loops over the sequences of a batch ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_SEQUENCES_H
#define TRANSFORMER_CONVERSION_SEQUENCES_H

#include "Rows.h"

namespace mlir::transformer {

/// Applies `body`, which maps one sequence [n, hidden] to a tensor of the same
/// shape, to every sequence of `input`: packed [tokens, hidden] with `offsets`,
/// or dense [B, N, hidden] without.
Value mapSequences(ImplicitLocOpBuilder &b, Value input, Value offsets,
                   function_ref<Value(Value)> body);

} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_SEQUENCES_H
