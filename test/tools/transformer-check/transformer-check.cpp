//===- transformer-check.cpp - runs functions and compares engines --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs every public function of an .mlir file, or a checkpoint as it is
// imported, on constants, seeded random inputs or inputs from a file: by the
// f64 interpreter, whose results it can print.
//===----------------------------------------------------------------------===//
#include "Check.h"

#include "transformer/Import/Import.h"
#include "transformer/InitAll.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::check;

namespace {
struct Options {
  llvm::cl::opt<std::string> file{llvm::cl::Positional, llvm::cl::Required,
                                  llvm::cl::desc("<file.mlir or checkpoint>")};
  llvm::cl::opt<std::string> function{
      "function", llvm::cl::desc("the only function to run")};
  llvm::cl::list<int64_t> lengths{
      "lengths", llvm::cl::CommaSeparated,
      llvm::cl::desc("tokens of each sequence (default 3,1,4)")};
  llvm::cl::list<int64_t> keyLengths{
      "key-lengths", llvm::cl::CommaSeparated,
      llvm::cl::desc("keys of each sequence (default: as many as tokens)")};
  llvm::cl::opt<bool> emptyBatch{"empty-batch",
                                 llvm::cl::desc("a call without sequences")};
  llvm::cl::opt<Values> values{
      "values", llvm::cl::desc("numbers in the float inputs"),
      llvm::cl::init(Values::normal),
      llvm::cl::values(
          clEnumValN(Values::normal, "normal", "normally distributed"),
          clEnumValN(Values::large, "large", "+-10000"),
          clEnumValN(Values::tiny, "tiny", "of the order 1e-30"),
          clEnumValN(Values::equal, "equal", "all the same"),
          clEnumValN(Values::zeros, "zeros", "zeros"),
          clEnumValN(Values::nan, "nan", "one NaN in each"),
          clEnumValN(Values::inf, "inf", "one infinity in each"))};
  llvm::cl::opt<uint64_t> seed{"seed", llvm::cl::init(0),
                               llvm::cl::desc("of the random inputs")};
  llvm::cl::opt<bool> print{"print", llvm::cl::desc("print the results")};
  llvm::cl::opt<std::string> inputs{
      "inputs", llvm::cl::desc("safetensors file with the arguments")};
  llvm::cl::opt<std::string> outputs{
      "outputs", llvm::cl::desc("safetensors file for the results")};
  llvm::cl::opt<int> digits{"digits", llvm::cl::init(6),
                            llvm::cl::desc("significant digits in print")};
};
} // namespace

static LogicalResult runFunction(func::FuncOp function,
                                 const Options &options) {
  Call call;
  call.lengths.assign(options.lengths.begin(), options.lengths.end());
  if (call.lengths.empty() && !options.emptyBatch)
    call.lengths = {3, 1, 4};
  call.keyLengths.assign(options.keyLengths.begin(), options.keyLengths.end());
  call.values = options.values;
  call.seed = options.seed;
  FailureOr<Tensors> inputs = options.inputs.empty()
                                  ? makeInputs(function, call)
                                  : readInputs(function, options.inputs);
  if (failed(inputs))
    return failure();
  FailureOr<Tensors> expected = interpret(function, *inputs);
  if (failed(expected))
    return failure();
  if (options.print) {
    for (auto [i, result] : llvm::enumerate(*expected)) {
      llvm::outs() << function.getSymName() << '#' << i << ": ";
      printTensor(llvm::outs(), result, options.digits);
      llvm::outs() << '\n';
    }
  }
  if (!options.outputs.empty())
    return writeOutputs(function, *expected, options.outputs);
  return success();
}

static OwningOpRef<ModuleOp> load(MLIRContext &context, StringRef path,
                                  llvm::SourceMgr &sources) {
  if (!llvm::sys::fs::is_directory(path)) {
    ParserConfig config(&context);
    return parseSourceFile<ModuleOp>(path, sources, config);
  }
  auto module = importCheckpoint(
      context, path, ImportOptions(),
      [](const Twine &problem) { llvm::errs() << problem << '\n'; });
  return succeeded(module) ? std::move(*module) : OwningOpRef<ModuleOp>();
}

int main(int argc, char **argv) {
  Options options;
  llvm::cl::ParseCommandLineOptions(
      argc, argv, "runs functions of the transformer dialect\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllTransformerDialects(registry);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = load(context, options.file, sources);
  if (!module)
    return 1;
  int passed = 0, failures = 0;
  for (auto function : module->getOps<func::FuncOp>()) {
    if (function.isPrivate() || function.isExternal() ||
        (!options.function.empty() &&
         function.getSymName() != options.function))
      continue;
    ++(succeeded(runFunction(function, options)) ? passed : failures);
  }
  llvm::outs() << passed << " passed, " << failures << " failed\n";
  return failures || !passed;
}
