//===- Compile.cpp - the stages in their order ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Pipelines/Compile.h"
#include "Artifact.h"
#include "Calibrate.h"
#include "CheckModel.h"
#include "Curves.h"
#include "Diagnostics.h"
#include "NaiveEntry.h"

#include "transformer/CodeGen/Link.h"
#include "transformer/Pipelines/Pipelines.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
class Compilation {
public:
  Compilation(MLIRContext &context, const CompileOptions &options,
              raw_ostream &log, Problem problem, Report &report)
      : context(context), options(options), log(log), problem(problem),
        report(report), watch(report) {}
  LogicalResult run();

private:
  LogicalResult runPipeline(const Twine &text);
  LogicalResult chooseLevels();
  LogicalResult write(StringRef bytes);
  LogicalResult read();
  LogicalResult prepare();
  LogicalResult emitProfile();
  LogicalResult emitCurves();
  LogicalResult simplify();
  LogicalResult round();
  LogicalResult lower();
  LogicalResult saveWeights();
  LogicalResult emitLevels();
  LogicalResult emitDevice();
  LogicalResult emitLevel(ModuleOp level, size_t index);
  LogicalResult buildArtifact();
  LogicalResult finishArtifact(StringRef text);
  LogicalResult check(llvm::Error error) {
    if (!error)
      return success();
    problem(toString(std::move(error)));
    return failure();
  }

  MLIRContext &context;
  const CompileOptions &options;
  raw_ostream &log;
  Problem problem;
  Report &report;
  Stopwatch watch;
  OwningOpRef<ModuleOp> module;
  bool isSimplified = false;
  std::unique_ptr<AtomicDirectory> directory; // of an artifact
  WeightsIdentity weights;
  ToLLVMOptions lowering;
  std::optional<NextLevel> next;             // the level that was emitted last
  std::vector<SmallVector<char, 0>> objects; // of the levels
};
} // namespace

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
static std::string textOf(ModuleOp module) {
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
  if (options.maxLength && options.precision != Precision::I8)
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

LogicalResult Compilation::lower() {
  if (failed(checkModel(*module)))
    return failure();
  if (options.naive) {
    prepareNaiveEntry(*module);
    if (failed(runPipeline("transformer-bind-weights")) ||
        failed(saveWeights()) ||
        failed(runPipeline("transformer-to-llvm-naive")))
      return failure();
    addNaiveEntry(*module);
    watch.finished("lower");
    return success();
  }
  if (failed(simplify()))
    return failure();
  PassManager manager(&context);
  buildToKernelsPipeline(manager, lowering);
  if (failed(manager.run(*module)))
    return failure();
  watch.finished("lower");
  return saveWeights();
}

// From then on only their offsets count: LLVM never sees a weight.
LogicalResult Compilation::saveWeights() {
  if (options.emit == Emit::Artifact) {
    llvm::Expected<WeightsIdentity> written = writeWeights(
        *module, (directory->path() + "/weights.safetensors").str(),
        options.pack, report.coded);
    if (!written)
      return check(written.takeError());
    weights = std::move(*written);
    report.weightsMemory = weights.memory;
    report.weightsHash = llvm::utohexstr(weights.xxh3, /*LowerCase=*/true, 16);
    watch.finished("weights");
  }
  for (auto global :
       llvm::make_early_inc_range(module->getOps<ml_program::GlobalOp>()))
    global.erase();
  return success();
}

/// The worst level first: code of a better one names the one after it.
LogicalResult Compilation::emitLevels() {
  objects.resize(report.levels.size());
  for (size_t i = report.levels.size(); i-- > 0;) {
    OwningOpRef<ModuleOp> level;
    if (i > 0)
      level = module->clone();
    else
      level = std::move(module);
    if (failed(emitLevel(*level, i)))
      return failure();
  }
  return success();
}

LogicalResult Compilation::emitLevel(ModuleOp level, size_t index) {
  LevelReport &row = report.levels[index];
  if (!options.naive) {
    lowering.targetCpu = row.target.name;
    PassManager manager(&context);
    buildKernelsToLLVMPipeline(manager, lowering);
    if (failed(manager.run(level)))
      return failure();
    row.milliseconds += watch.finished("lower");
    if (report.measured)
      row.cpu = cpuReportOf(level, row.target);
  }
  llvm::Expected<NativeCode> code =
      NativeCode::create(level, row.target, weights, next ? &*next : nullptr,
                         /*isBest=*/index == 0);
  if (!code)
    return check(code.takeError());
  next = code->asNext();
  report.buildId = code->buildId().str();
  code->optimize(options.naive ? llvm::OptimizationLevel::O1
                               : llvm::OptimizationLevel::O3);
  row.milliseconds += watch.finished("optimize");
  if (options.emit == Emit::LLVM)
    return write(code->text());
  llvm::Expected<SmallVector<char, 0>> bytes =
      options.emit == Emit::Assembly
          ? code->emitAssembly()
          : code->emitObject(options.naive ? Calls::CLibrary : Calls::Memory);
  if (!bytes)
    return check(bytes.takeError());
  SmallVector<char, 0> &object = objects[index] = std::move(*bytes);
  row.objectBytes = object.size();
  row.milliseconds += watch.finished("code");
  if (options.emit != Emit::Artifact)
    return write(StringRef(object.data(), object.size()));
  return success();
}

LogicalResult Compilation::emitDevice() {
  if (failed(checkModel(*module)) || failed(simplify()))
    return failure();
  ToNVVMOptions device;
  device.chip = options.gpuChip, device.dtype = options.gpuType;
  FailureOr<std::string> ptx = lowerToPtx(*module, device, problem);
  return failed(ptx) ? failure() : write(*ptx);
}

LogicalResult Compilation::finishArtifact(StringRef text) {
  auto file = [&](StringRef name) {
    return (directory->path() + "/" + name).str();
  };
  std::string library = file("model.so");
  SmallVector<ArrayRef<char>> parts(objects.begin(), objects.end());
  if (failed(check(linkModel(parts, report.levels.front().target,
                             options.linker, library))))
    return failure();
  watch.finished("link");
  StringRef companions = options.input;
  if (!llvm::sys::fs::is_directory(companions))
    companions = options.weights;
  if (failed(check(writeFileAtomically(file("model.h"), modelHeader()))) ||
      failed(check(writeFileAtomically(file("model.mlir"), text))) ||
      (llvm::sys::fs::is_directory(companions) &&
       failed(check(copyCompanions(companions, directory->path())))))
    return failure();
  report.checkpointBytes = checkpointBytes(companions);
  (void)llvm::sys::fs::file_size(library, report.libraryBytes);
  (void)llvm::sys::fs::file_size(file("weights.safetensors"),
                                 report.weightsBytes);
  watch.finished("files");
  if (report.measured) {
    if (failed(check(measureLevels(report.levels, *report.measured,
                                   directory->path(), report.weightsMemory))))
      return failure();
    for (const LevelReport &level : report.levels)
      printCpuReport(level, report.measured->workload, llvm::outs());
    watch.finished("measure");
  }
  if (failed(check(writeReport(report, file("report.json")))))
    return failure();
  return check(directory->commit());
}

// An artifact is replaced as a whole, and the input must not go with it.
static llvm::Error checkInputStays(StringRef input, StringRef output) {
  SmallString<256> in, out;
  if (llvm::sys::fs::real_path(input, in) ||
      llvm::sys::fs::real_path(output, out))
    return llvm::Error::success();
  StringRef rest = in;
  if (rest.consume_front(out) && (rest.empty() || rest.starts_with("/")))
    return makeError(output + ": holds the input " + input +
                     ", so it is left alone; name another directory");
  return llvm::Error::success();
}

LogicalResult Compilation::buildArtifact() {
  if (options.output == "-") {
    problem("no output was named: give the artifact directory with -o");
    return failure();
  }
  if (failed(check(checkInputStays(options.input, options.output))) ||
      failed(check(checkInputStays(options.weights, options.output))) ||
      failed(check(chooseLinker(report.levels.front().target, options.linker)
                       .takeError())))
    return failure();
  llvm::Expected<std::unique_ptr<AtomicDirectory>> created =
      AtomicDirectory::create(options.output);
  if (!created)
    return check(created.takeError());
  directory = std::move(*created);
  if (!options.quiet)
    log << "compiling for "
        << llvm::join(llvm::map_range(report.levels,
                                      [](const LevelReport &level) {
                                        return level.target.name;
                                      }),
                      ", ")
        << '\n';
  // Afterwards, so that the text is of the weights that the file has.
  if (failed(prepare()) || (!options.naive && failed(simplify())))
    return failure();
  std::string text = textOf(*module);
  if (options.reportCpu) {
    llvm::Expected<MeasuredCall> call =
        measuredCall(*module, *options.reportCpu);
    if (!call)
      return check(call.takeError());
    report.measured = std::move(*call);
  }
  if (failed(lower()))
    return failure();
  if (failed(emitLevels()) || failed(finishArtifact(text)))
    return failure();
  if (options.quiet)
    return success();
  double seconds = 0;
  for (const auto &[stage, time] : report.milliseconds)
    seconds += time / 1000;
  log << options.output << ": model.so "
      << llvm::format("%.2f MB, weights.safetensors %.2f MB",
                      double(report.libraryBytes) / 1e6,
                      double(report.weightsBytes) / 1e6);
  if (options.pack != Pack::None)
    log << llvm::format(" (%.2f MB in memory)",
                        double(report.weightsMemory) / 1e6);
  log << llvm::format(", %.1f s\n", seconds);
  return success();
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
    report.levels.push_back({std::move(target)});
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
  if (failed(chooseLevels()))
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
  if (options.emit == Emit::Ptx)
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
