//===- transformer-plugin.cpp - the dialect and passes for mlir-opt -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One file for both plugin options of stock tools:
//   mlir-opt-22 --load-dialect-plugin=P.so --load-pass-plugin=P.so
//     --pass-pipeline='builtin.module(convert-transformer-to-linalg)'
//===----------------------------------------------------------------------===//
#include "transformer/InitAll.h"
#include "transformer/Support/Version.h"

#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

static void registerDialects(mlir::DialectRegistry *registry) {
  // A tool that loads us may know our dialects' neighbours only by name: the
  // pipelines need their bufferization and LLVM conversion interfaces.
  mlir::registerAllExtensions(*registry);
  mlir::transformer::registerAllTransformerDialects(*registry);
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "TransformerMLIR", TRANSFORMER_VERSION,
          registerDialects};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "TransformerMLIR", TRANSFORMER_VERSION,
          mlir::transformer::registerAllTransformerPasses};
}
