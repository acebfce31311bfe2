//===- Register.cpp - the named pipelines ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void transformer::registerTransformerPipelines() {
  static bool once = [] {
    PassPipelineRegistration<ToLLVMOptions>(
        "transformer-to-llvm",
        "Lower a model to fast CPU code in the LLVM dialect, with its entry",
        buildToLLVMPipeline);
    PassPipelineRegistration<>(
        "transformer-to-llvm-naive",
        "Lower a model to the LLVM dialect by plain loops, for comparison",
        buildNaiveToLLVMPipeline);
    return true;
  }();
  (void)once;
}
