//===- InitAll.cpp - one call that registers everything -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/InitAll.h"

#include "transformer/CodeGen/KernelBufferize.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/Conversion/Passes.h"
#include "transformer/GPU/Passes.h"
#include "transformer/IR/TransformerDialect.h"
#include "transformer/Pipelines/Pipelines.h"
#include "transformer/Transforms/Passes.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;

void transformer::registerAllTransformerDialects(DialectRegistry &registry) {
  registry.insert<TransformerDialect, kernel::TransformerKernelDialect>();
  registerKernelBufferization(registry);
}

void transformer::registerAllTransformerPasses() {
  registerTransformerTransformsPasses();
  registerTransformerConversionPasses();
  registerTransformerCodeGenPasses();
  registerTransformerGPUPasses();
  registerTransformerPipelines();
}
