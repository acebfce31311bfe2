//===- Compile.cpp - the stages in their order ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Pipelines/Compile.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
class Compilation {
public:
  Compilation(MLIRContext &context, const CompileOptions &options,
              raw_ostream &log, Problem problem)
      : context(context), options(options), log(log), problem(problem) {}
  LogicalResult run();

private:
  LogicalResult runPipeline(StringRef text);
  LogicalResult writeText();

  MLIRContext &context;
  const CompileOptions &options;
  raw_ostream &log;
  Problem problem;
  OwningOpRef<ModuleOp> module;
};
} // namespace

LogicalResult Compilation::runPipeline(StringRef text) {
  PassManager manager(&context);
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (failed(parsePassPipeline(text, manager, stream))) {
    problem("cannot use the pass pipeline " + quoted(text) + ": " +
            StringRef(message).trim());
    return failure();
  }
  return manager.run(*module);
}

// Weights stay in files: text names them.
static void unbindWeights(ModuleOp module) {
  for (auto global : module.getOps<ml_program::GlobalOp>())
    if (isa_and_nonnull<DenseResourceElementsAttr>(global.getValueAttr()))
      global.setValueAttr(
          ml_program::ExternAttr::get(module.getContext(), global.getType()));
}

LogicalResult Compilation::writeText() {
  unbindWeights(*module);
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(false));
  stream << '\n';
  llvm::Error error =
      options.output == "-"
          ? (llvm::outs() << text, llvm::outs().flush(), llvm::Error::success())
          : writeFileAtomically(options.output, text);
  if (error) {
    problem(toString(std::move(error)));
    return failure();
  }
  return success();
}

LogicalResult Compilation::run() {
  FailureOr<OwningOpRef<ModuleOp>> read = readModel(context, options, problem);
  if (failed(read))
    return failure();
  module = std::move(*read);
  if (!options.weights.empty() &&
      failed(runPipeline("transformer-load-weights{file=" + options.weights +
                         "}")))
    return failure();
  if (!options.passes.empty() && failed(runPipeline(options.passes)))
    return failure();
  if (options.emit == Emit::Transformer)
    return writeText();
  if (options.emit == Emit::Linalg) {
    if (failed(runPipeline("convert-transformer-to-linalg")))
      return failure();
    return writeText();
  }
  problem("not available");
  return failure();
}

LogicalResult mlir::transformer::compile(MLIRContext &context,
                                         const CompileOptions &options,
                                         raw_ostream &log, Problem problem) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return success();
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (!isa<UnknownLoc>(diagnostic.getLocation()))
      stream << diagnostic.getLocation() << ": ";
    stream << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes())
      stream << "; " << note;
    problem(text);
    return success();
  });
  return Compilation(context, options, log, problem).run();
}
