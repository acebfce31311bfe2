//===- Pipelines.h - named pipelines --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PIPELINES_PIPELINES_H
#define TRANSFORMER_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

#include <string>

namespace mlir {
class OpPassManager;
namespace transformer {

/// Options of `transformer-to-llvm`.
struct ToLLVMOptions : public PassPipelineOptions<ToLLVMOptions> {
  Option<std::string> targetCpu{
      *this, "target-cpu",
      llvm::cl::desc("CPU level to compile for: host, or a name of the table"),
      llvm::cl::init("host")};
  Option<int64_t> rowBlock{
      *this, "row-block",
      llvm::cl::desc("most rows that a token-wise chain works on at once"),
      llvm::cl::init(64)};
  Option<bool> chains{
      *this, "chains",
      llvm::cl::desc("fuse token-wise ops that follow each other; false: each "
                     "is a loop over all rows, to measure what it is worth"),
      llvm::cl::init(true)};
  Option<bool> epilogues{
      *this, "epilogues",
      llvm::cl::desc("bias, activation and residual sum while a product is in "
                     "registers; false: each in a loop of its own"),
      llvm::cl::init(true)};
  Option<bool> probes{
      *this, "probes",
      llvm::cl::desc("mark where ops end, for the profile view"),
      llvm::cl::init(true)};
};

/// `transformer-to-llvm`: from a model module (@forward on packed batches) to
/// the LLVM dialect with the entry `void tm_forward(tm_call *)` of
/// Runtime/abi.h. Weights stay ml_program.global ops, in the order of the
/// weights file.
void buildToLLVMPipeline(OpPassManager &pm, const ToLLVMOptions &options);

/// Its two parts. The first ignores the target, so that all levels of an
/// artifact share its results: the layout of the weights, the chains, the
/// places of buffers. The second is done once per level.
void buildToKernelsPipeline(OpPassManager &pm, const ToLLVMOptions &options);
void buildKernelsToLLVMPipeline(OpPassManager &pm,
                                const ToLLVMOptions &options);

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
