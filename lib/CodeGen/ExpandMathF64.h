//===- ExpandMathF64.h - exp, sin and cos of f64 ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_EXPANDMATHF64_H
#define TRANSFORMER_LIB_CODEGEN_EXPANDMATHF64_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace mlir::transformer {

/// True for the ops below on f64 or vectors of it.
bool isF64Math(Operation *op);

/// The value of a math.exp, math.sin or math.cos as arithmetic, built before
/// the op. Made for the angles of rotary embeddings, which are computed in f64
/// and rounded to f32 at the end: exp is good to 1e-13, and sin and cos are
/// good to 1e-9, for angles below 2^30.
Value expandF64Math(Operation *op, bool hasFma);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_EXPANDMATHF64_H
