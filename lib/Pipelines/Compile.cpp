//===- Compile.cpp - the stages in their order ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Calibrate.h"
#include "CheckModel.h"
#include "Compilation.h"
#include "Curves.h"
#include "Diagnostics.h"

#include "transformer/Support/Error.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult Compilation::runPipeline(const Twine &pipeline) {
  std::string text = pipeline.str(), message;
  PassManager manager(&context);
  llvm::raw_string_ostream stream(message);
  if (failed(parsePassPipeline(text, manager, stream))) {
    // The first line, without the position in a text that only we know.
    StringRef reason = StringRef(message).split('\n').first;
    problem("cannot use the pass pipeline " + quoted(text) + ": " +
            reason.substr(
                reason.contains("error: ") ? reason.rfind("error: ") + 7 : 0));
    return failure();
  }
  return manager.run(*module);
}

// Weights stay in files: text names them.
std::string Compilation::textOf(ModuleOp module) {
  OwningOpRef<ModuleOp> clone = module.clone();
  for (auto global : clone->getOps<ml_program::GlobalOp>())
    if (isa_and_nonnull<DenseResourceElementsAttr>(global.getValueAttr()))
      global.setValueAttr(
          ml_program::ExternAttr::get(module.getContext(), global.getType()));
  std::string text;
  llvm::raw_string_ostream stream(text);
  clone->print(stream, OpPrintingFlags().elideLargeElementsAttrs(1 << 20));
  stream << '\n';
  return text;
}

LogicalResult Compilation::write(StringRef bytes) {
  if (options.output != "-")
    return check(writeFileAtomically(options.output, bytes));
  llvm::outs() << bytes;
  llvm::outs().flush();
  if (std::error_code code = llvm::outs().error()) {
    llvm::outs().clear_error();
    problem("cannot write to standard output: " + code.message());
    return failure();
  }
  return success();
}

/// The model in the transformer dialect, after the passes of the user.
LogicalResult Compilation::read() {
  FailureOr<OwningOpRef<ModuleOp>> read = readModel(context, options, problem);
  if (failed(read))
    return failure();
  module = std::move(*read);
  if (!options.weights.empty() &&
      failed(runPipeline("transformer-load-weights{file=" + options.weights +
                         "}")))
    return failure();
  watch.finished("import");
  // As --pass-pipeline takes it, a pipeline would be one for modules inside.
  StringRef passes = StringRef(options.passes).trim();
  if (passes.ends_with(")") && passes.consume_front("builtin.module("))
    passes = passes.drop_back();
  if (!passes.empty() && failed(runPipeline(passes)))
    return failure();
  watch.finished("passes");
  return success();
}

/// The model as the user wants it.
LogicalResult Compilation::prepare() {
  if (failed(read()))
    return failure();
  // What is fitted to a profile must see its sequences whole.
  if (options.maxLength && !isInteger(options.precision))
    cutPositionsOrSay(*module, *options.maxLength);
  if (options.precision == Precision::F32)
    return success();
  return failed(simplify()) ? failure() : round();
}

/// Of the model as the passes that fit to it will see it.
LogicalResult Compilation::emitProfile() {
  if (options.output == "-") {
    problem("a profile is not text: name its file with -o");
    return failure();
  }
  if (failed(read()) || failed(simplify()) || failed(checkModel(*module)))
    return failure();
  llvm::Expected<Profile> profile =
      makeProfile(*module, options, /*grams=*/true, log);
  if (!profile)
    return check(profile.takeError());
  if (failed(check(addProfiles(*profile, options.profiles))) ||
      failed(check(writeProfile(*profile, options.output))))
    return failure();
  if (!options.quiet)
    log << options.output << ": " << profile->tokens << " tokens of "
        << profile->source << '\n';
  return success();
}

/// For a search; of what the profile and the rounding passes will see.
LogicalResult Compilation::emitCurves() {
  if (failed(read()) || failed(simplify()) || failed(checkModel(*module)))
    return failure();
  llvm::Expected<Profile> profile =
      profileFor(*module, options, /*grams=*/true, log);
  if (!profile)
    return check(profile.takeError());
  llvm::Expected<Sequences> sequences = sequencesFor(*module, options);
  if (!sequences)
    return check(sequences.takeError());
  unsigned threads = context.isMultithreadingEnabled()
                         ? context.getThreadPool().getMaxConcurrency()
                         : 1;
  llvm::Expected<std::string> text = measureCurves(
      *module, *profile, *sequences, threads, [&](StringRef line) {
        if (!options.quiet)
          log << "curves: " << line << '\n';
      });
  return text ? write(*text) : check(text.takeError());
}

/// What loses nothing: parameters without effect go, ops merge.
LogicalResult Compilation::simplify() {
  if (isSimplified)
    return success();
  isSimplified = true;
  LogicalResult result =
      runPipeline(Twine("transformer-fold-weights,") +
                  (options.freeze ? "transformer-freeze," : "") +
                  "transformer-fuse{projections=" +
                  (options.mergeProjections ? "true" : "false") + "}");
  watch.finished("simplify");
  return result;
}

LogicalResult Compilation::round() {
  LogicalResult result =
      options.precision == Precision::BF16
          ? runPipeline("transformer-round-bf16")
          : quantizeByProfile(*module, options, report, log, problem);
  watch.finished("round");
  return result;
}

/// Says what is wrong with the options before anything is done.
LogicalResult Compilation::chooseLevels() {
  std::string message;
  FailureOr<std::vector<Target>> targets =
      lookupTargets(options.targetCpu, message);
  if (failed(targets)) {
    problem(message);
    return failure();
  }
  if (targets->size() > 1 &&
      (options.emit == Emit::LLVM || options.emit == Emit::Assembly ||
       options.emit == Emit::Object)) {
    problem("--emit shows the code of one level, and --target-cpu names " +
            Twine(targets->size()));
    return failure();
  }
  for (Target &target : *targets)
    report.levels.emplace_back().target = std::move(target);
  llvm::raw_string_ostream stream(message);
  if (succeeded(lowering.parseFromString(options.lowering, stream)))
    return success();
  StringRef reason = StringRef(message).trim().split('\n').first;
  reason.consume_front("<Pass-Options-Parser>: ");
  problem("cannot use --lowering=" + quoted(options.lowering) + ": " +
          (reason.empty() ? "a value is not valid" : reason));
  return failure();
}

LogicalResult Compilation::run() {
  if (failed(isForGpu() ? chooseChips() : chooseLevels()))
    return failure();
  report.input = options.input;
  report.commandLine = options.commandLine;
  report.preset = options.preset;
  if (options.emit == Emit::Artifact)
    return buildArtifact();
  if (options.emit == Emit::Profile)
    return emitProfile();
  if (options.emit == Emit::Curves)
    return emitCurves();
  if (failed(prepare()))
    return failure();
  if (options.emit == Emit::Transformer)
    return write(textOf(*module));
  if (options.emit == Emit::Graph) {
    llvm::Expected<std::string> graph = graphOf(*module);
    return graph ? write(*graph) : check(graph.takeError());
  }
  if (options.emit == Emit::Linalg)
    return failed(runPipeline("convert-transformer-to-linalg"))
               ? failure()
               : write(textOf(*module));
  if (isForGpu())
    return emitDevice();
  // No weights are written, so the descriptor names none: code to look at.
  return failed(lower()) ? failure() : emitLevels();
}

LogicalResult mlir::transformer::compile(MLIRContext &context,
                                         const CompileOptions &options,
                                         raw_ostream &log, Problem problem) {
  Report report;
  unsigned problems = 0;
  auto counted = [&](const Twine &message) {
    ++problems;
    problem(message);
  };
  DiagnosticsToReport diagnostics(context, counted, report);
  LogicalResult result =
      Compilation(context, options, log, counted, report).run();
  if (failed(result) && problems == 0)
    problem("internal error: compiling " + options.input +
            " failed without a reason");
  return result;
}
