//===- transformer-compile.cpp - from a checkpoint to a library -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Options.h"

#include "transformer/InitAll.h"
#include "transformer/Support/Interrupt.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::transformer;

int main(int argc, char **argv) {
  installInterruptCleanup();
  endWithParent();
  installFatalErrorExit();
  CompileOptions options = parseCompileOptions(argc, argv);

  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllTransformerDialects(registry);
  registerAllPasses();
  registerAllTransformerPasses();
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency(options.threads));
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  if (threads.getMaxConcurrency() > 1)
    context.setThreadPool(threads);

  auto problem = [](const Twine &message) {
    llvm::WithColor::error(llvm::errs(), "transformer-compile")
        << message << '\n';
  };
  return failed(compile(context, options, llvm::errs(), problem));
}
