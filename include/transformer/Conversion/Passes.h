//===- Passes.h - Conversion passes -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_PASSES_H
#define TRANSFORMER_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_PASSES_H
