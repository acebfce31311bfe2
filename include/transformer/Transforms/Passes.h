//===- Passes.h - Transforms passes -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_PASSES_H
#define TRANSFORMER_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/Transforms/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_PASSES_H
