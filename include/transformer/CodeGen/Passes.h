//===- Passes.h - CodeGen passes -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_H
#define TRANSFORMER_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/CodeGen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_PASSES_H
