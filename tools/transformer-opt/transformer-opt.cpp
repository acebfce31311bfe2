//===- transformer-opt.cpp - mlir-opt with the transformer dialect --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/InitAll.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::transformer::registerAllTransformerDialects(registry);
  mlir::registerAllPasses();
  mlir::transformer::registerAllTransformerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "transformer-opt: compiler passes for transformers\n",
      registry));
}
