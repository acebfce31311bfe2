//===- Passes.h - GPU passes ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_GPU_PASSES_H
#define TRANSFORMER_GPU_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/GPU/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/GPU/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_GPU_PASSES_H
