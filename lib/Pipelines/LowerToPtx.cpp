//===- LowerToPtx.cpp - a model as text for NVIDIA's driver ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Ptx.h"
#include "transformer/Pipelines/Pipelines.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::transformer;

FailureOr<std::string>
transformer::lowerToPtx(ModuleOp module, const ToNVVMOptions &options,
                        function_ref<void(const Twine &)> problem) {
  PassManager manager(module.getContext());
  buildToNVVMPipeline(manager, options);
  if (failed(manager.run(module)))
    return failure();
  auto kernels = module.getOps<::mlir::gpu::GPUModuleOp>();
  llvm::Expected<std::string> ptx = transformer::gpu::emitPtx(*kernels.begin());
  if (ptx)
    return std::move(*ptx);
  problem(llvm::toString(ptx.takeError()));
  return failure();
}
