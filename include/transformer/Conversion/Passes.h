//===- Passes.h - Conversion passes -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_PASSES_H
#define TRANSFORMER_CONVERSION_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_PASSES_H
