//===- ToNVVM.cpp - from a model to GPU kernels ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Passes.h"
#include "transformer/Pipelines/Pipelines.h"
#include "transformer/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::transformer;

void transformer::buildLaunchPipeline(OpPassManager &pm,
                                      const ToNVVMOptions &options) {
  pm.addPass(createTransformerFoldWeights());
  pm.addPass(createTransformerUnpackWeights());
  TransformerFormLaunchesOptions launches;
  launches.dtype = options.dtype;
  launches.chip = options.chip;
  launches.fftFrom = options.fftFrom;
  pm.addPass(createTransformerFormLaunches(launches));
}

void transformer::buildToNVVMPipeline(OpPassManager &pm,
                                      const ToNVVMOptions &options) {
  buildLaunchPipeline(pm, options);
  buildDevicePipeline(pm, options);
}

void transformer::buildDevicePipeline(OpPassManager &pm,
                                      const ToNVVMOptions &options) {
  TransformerEmitDeviceOptions device;
  device.chip = options.chip;
  pm.addPass(createTransformerEmitDevice(device));
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCSEPass());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertToLLVMPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCSEPass());
}
