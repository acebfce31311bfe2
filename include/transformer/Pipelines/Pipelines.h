//===- Pipelines.h - named pipelines --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PIPELINES_PIPELINES_H
#define TRANSFORMER_PIPELINES_PIPELINES_H

namespace mlir {
class OpPassManager;
namespace transformer {

/// `transformer-to-llvm-naive`: the reference lowering by plain loops, from
/// transformer ops (or linalg) down to the LLVM dialect. Slow; the second
/// opinion of the tests. Functions keep memref descriptors; add
/// `llvm.emit_c_interface` to call them. Scalar math may call libm.
void buildNaiveToLLVMPipeline(OpPassManager &pm);

/// Registers the pipelines of this project. Safe to call more than once.
void registerTransformerPipelines();

} // namespace transformer
} // namespace mlir

#endif // TRANSFORMER_PIPELINES_PIPELINES_H
