//===- Passes.h - CodeGen passes -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_H
#define TRANSFORMER_CODEGEN_PASSES_H

#include "transformer/CodeGen/KernelDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::transformer {
#define GEN_PASS_DECL
#include "transformer/CodeGen/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_PASSES_H
