//===- Ptx.h - device modules to PTX --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_GPU_PTX_H
#define TRANSFORMER_GPU_PTX_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace mlir::transformer::gpu {

/// LLVM IR of a module that transformer-to-nvvm has lowered, as it is.
llvm::Expected<std::unique_ptr<llvm::Module>>
deviceToLLVM(::mlir::gpu::GPUModuleOp module, llvm::LLVMContext &context);

/// Optimized PTX for the chip that is the module's target.
llvm::Expected<std::string> emitPtx(::mlir::gpu::GPUModuleOp module);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_PTX_H
