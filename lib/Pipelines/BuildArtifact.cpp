//===- BuildArtifact.cpp - from a prepared model to files -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"
#include "Compilation.h"
#include "NaiveEntry.h"

#include "transformer/CodeGen/Link.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::transformer;

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
LogicalResult Compilation::saveWeights(bool eraseGlobals) {
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
  if (!eraseGlobals)
    return success();
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
  if (failed(isForGpu() ? lowerForDevices() : lower()) ||
      failed(isForGpu() ? emitDevices() : emitLevels()) ||
      failed(finishArtifact(text)))
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
