//===- ToLLVM.cpp - from a model to fast CPU code -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Passes.h"
#include "transformer/CodeGen/Target.h"
#include "transformer/Conversion/Passes.h"
#include "transformer/Pipelines/Pipelines.h"
#include "transformer/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::transformer;

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Model to destination-style tile ops on tensors.
static void addTensorPasses(OpPassManager &pm, const ToLLVMOptions &options) {
  // What depends on weights only becomes weights.
  pm.addPass(createTransformerFoldWeights());
  TransformerFormChainsOptions chains;
  chains.fuse = options.chains;
  chains.epilogues = options.epilogues;
  pm.addPass(createTransformerFormChains(chains));
  pm.addPass(createTransformerFormRegions());
  pm.addPass(createTransformerFormKernels());
  pm.addPass(createConvertTransformerToLinalg());
  addCleanup(pm);
  TransformerFuseRowsOptions rows;
  rows.rowBlock = options.rowBlock;
  rows.merge = options.epilogues;
  pm.addNestedPass<func::FuncOp>(createTransformerFuseRows(rows));
  addCleanup(pm);
  TransformerFormContractsOptions contracts;
  contracts.epilogues = options.epilogues;
  pm.addPass(createTransformerFormContracts(contracts));
  addCleanup(pm);
  // CSE has merged destinations; each op needs its own from here on.
  pm.addPass(createTransformerUnshareInits());
  pm.addPass(createTransformerBindDestinations());
  pm.addPass(createTransformerPackWeights());
  pm.addPass(createTransformerBindWeights());
}

static void addBufferPasses(OpPassManager &pm) {
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  // Not ml_program: its globals stay as they are, for the weights file.
  options.dialectFilter = {
      "arith",  "bufferization", "func",   "linalg",
      "memref", "scf",           "tensor", "transformer_kernel"};
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  addCleanup(pm);
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createTransformerBuildEntry());
}

static void addKernelPasses(OpPassManager &pm, const ToLLVMOptions &options) {
  TransformerEmitFftOptions fft;
  fft.target = options.targetCpu;
  pm.addPass(createTransformerEmitFft(fft));
  TransformerEmitKernelsOptions kernels;
  kernels.target = options.targetCpu;
  pm.addPass(createTransformerEmitKernels(kernels));
  if (options.probes)
    pm.addPass(createTransformerInsertProbes());
  pm.addPass(createTransformerOutlineParallel());
  TransformerExpandMathOptions math;
  math.target = options.targetCpu;
  pm.addPass(createTransformerExpandMath(math));
  pm.addPass(createTransformerExpandCopies());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
}

static void addLLVMPasses(OpPassManager &pm, const ToLLVMOptions &options) {
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.vectorTransposeLowering =
      vector::VectorTransposeLowering::Shuffle16x16;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCSEPass());
  pm.addPass(createTransformerEmitEntry());
}

void transformer::buildToKernelsPipeline(OpPassManager &pm,
                                         const ToLLVMOptions &options) {
  addTensorPasses(pm, options);
  addBufferPasses(pm);
}

void transformer::buildKernelsToLLVMPipeline(OpPassManager &pm,
                                             const ToLLVMOptions &options) {
  addKernelPasses(pm, options);
  addLLVMPasses(pm, options);
}

void transformer::buildToLLVMPipeline(OpPassManager &pm,
                                      const ToLLVMOptions &options) {
  buildToKernelsPipeline(pm, options);
  buildKernelsToLLVMPipeline(pm, options);
}
