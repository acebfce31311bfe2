//===- Compilation.h - one run of the compiler ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_COMPILATION_H
#define TRANSFORMER_LIB_PIPELINES_COMPILATION_H

#include "Artifact.h"

#include "transformer/GPU/Fatbin.h"
#include "transformer/GPU/LaunchTable.h"
#include "transformer/Pipelines/Compile.h"
#include "transformer/Pipelines/Pipelines.h"
#include "transformer/Support/AtomicFile.h"

#include "llvm/ADT/Twine.h"

namespace mlir::transformer {

/// Its state between the stages: Compile.cpp has their order and what comes
/// before lowering, BuildArtifact.cpp the rest, DeviceArtifact.cpp what is
/// different for GPUs.
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
  static std::string textOf(ModuleOp module);
  LogicalResult write(StringRef bytes);
  LogicalResult read();
  LogicalResult prepare();
  LogicalResult emitProfile();
  LogicalResult emitCurves();
  LogicalResult simplify();
  LogicalResult round();
  LogicalResult lower();
  LogicalResult saveWeights(bool eraseGlobals = true);
  LogicalResult emitLevels();
  LogicalResult chooseChips();
  LogicalResult lowerToDevice(ModuleOp lowered, const gpu::Chip &chip);
  LogicalResult lowerForDevices();
  LogicalResult emitDevice();
  LogicalResult emitDevices();
  llvm::Expected<std::string> imageOf(ModuleOp lowered, const gpu::Chip &chip,
                                      LevelReport &row);
  LogicalResult reportDevice(ModuleOp lowered, const gpu::Chip &chip,
                             StringRef cubin);
  bool isForGpu() const { return options.machine == Machine::Nvptx; }
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
  // With Machine::Nvptx, the best chip first:
  std::vector<gpu::Chip> chips;
  std::optional<gpu::Toolkit> toolkit;
  std::vector<OwningOpRef<ModuleOp>> deviceModules;
  std::vector<gpu::LaunchTable> deviceTables;
  std::optional<Workload> deviceWorkload; // of --report-gpu
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_COMPILATION_H
