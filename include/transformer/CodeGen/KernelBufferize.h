//===- KernelBufferize.h - kernel ops on tensors to memrefs ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_KERNELBUFFERIZE_H
#define TRANSFORMER_CODEGEN_KERNELBUFFERIZE_H

namespace mlir {
class DialectRegistry;
namespace transformer {

/// Lets one-shot bufferization turn the ops of the kernel dialect, in place,
/// into the same ops on memrefs.
void registerKernelBufferization(DialectRegistry &registry);

} // namespace transformer
} // namespace mlir

#endif // TRANSFORMER_CODEGEN_KERNELBUFFERIZE_H
