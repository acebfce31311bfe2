//===- Optimize.h - LLVM's passes over a module ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_OPTIMIZE_H
#define TRANSFORMER_SUPPORT_OPTIMIZE_H

#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::transformer {

/// Runs LLVM's pipeline of `level` over `module`, for `machine`. Loops are not
/// unrolled: the emitters have unrolled what is worth it, and more makes code
/// larger and no faster.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              llvm::OptimizationLevel level);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_OPTIMIZE_H
