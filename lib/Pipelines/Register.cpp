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
    // By hand, because what it makes of options for other passes can fail.
    registerPassPipeline(
        "transformer-compress",
        "Compress a model by a plan: narrow it, then round it to i8",
        [](OpPassManager &pm, StringRef text,
           function_ref<LogicalResult(const Twine &)> fail) -> LogicalResult {
          CompressOptions options;
          std::string why;
          llvm::raw_string_ostream errors(why);
          if (failed(options.parseFromString(text, errors)) ||
              failed(buildCompressPipeline(pm, options, errors)))
            return fail(why);
          return success();
        },
        [](function_ref<void(const detail::PassOptions &)> show) {
          show(CompressOptions());
        });
    PassPipelineRegistration<ToLLVMOptions>(
        "transformer-to-kernels",
        "The part of transformer-to-llvm that no CPU level changes",
        buildToKernelsPipeline);
    PassPipelineRegistration<ToNVVMOptions>(
        "transformer-to-nvvm",
        "Lower a model to GPU kernels in the LLVM dialect and their launches",
        buildToNVVMPipeline);
    PassPipelineRegistration<>(
        "transformer-to-llvm-naive",
        "Lower a model to the LLVM dialect by plain loops, for comparison",
        buildNaiveToLLVMPipeline);
    return true;
  }();
  (void)once;
}
