//===- Artifact.h - the parts of an artifact directory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_ARTIFACT_H
#define TRANSFORMER_LIB_PIPELINES_ARTIFACT_H

#include "CpuReport.h"

#include "transformer/CodeGen/Object.h"
#include "transformer/Pipelines/Compile.h"

#include "llvm/Support/Error.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace mlir::transformer {

/// The code of one CPU level or GPU chip.
struct LevelReport {
  Target target;
  uint64_t objectBytes = 0;
  double milliseconds = 0; // lowering and LLVM
  CpuReport cpu;           // if asked for
  // Of a chip:
  uint64_t ptxBytes = 0, imageBytes = 0, launches = 0;
  bool hasMachineCode = false;
  std::string cubin; // if there is one
};

/// A tensor of the weights file that was coded, or is not worth it.
struct CodedWeight {
  std::string name;
  uint64_t values = 0, bytes = 0, fileBytes = 0;
  unsigned classes = 0; // 0: as it is
};

/// What report.json tells.
struct Report {
  std::string input, commandLine, buildId, weightsHash;
  std::vector<LevelReport> levels; // the best first
  uint64_t checkpointBytes = 0, weightsBytes = 0, libraryBytes = 0;
  uint64_t weightsMemory = 0;
  std::vector<CodedWeight> coded; // only if weights are to be coded
  std::vector<std::pair<std::string, double>> milliseconds; // per stage
  std::string preset;
  std::string profileSource; // empty: none was needed
  int64_t profileTokens = 0;
  std::optional<MeasuredCall> measured; // what levels' cpu are about
  std::vector<std::string> remarks;
};

/// Times the stages one after the other. One that comes again, for another
/// level, adds to its time.
class Stopwatch {
public:
  explicit Stopwatch(Report &report) : report(report) {}
  double finished(llvm::StringRef stage) {
    auto now = std::chrono::steady_clock::now();
    double time =
        std::chrono::duration<double, std::milli>(now - start).count();
    start = now;
    for (auto &[known, sum] : report.milliseconds)
      if (known == stage) {
        sum += time;
        return time;
      }
    report.milliseconds.emplace_back(stage.str(), time);
    return time;
  }

private:
  Report &report;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

/// Writes the bound globals of a lowered module in their order, which is that
/// of their transformer.offset attributes, and returns what model.so will
/// check. With Pack::Entropy, tells in `coded` what became of each tensor.
llvm::Expected<WeightsIdentity> writeWeights(ModuleOp module,
                                             llvm::StringRef path, Pack pack,
                                             std::vector<CodedWeight> &coded);

/// The configuration and tokenizer files that programs need to use the model.
llvm::Error copyCompanions(llvm::StringRef checkpoint,
                           llvm::StringRef directory);

llvm::Error writeReport(const Report &report, llvm::StringRef path);

/// Whether `path` is the directory of a compiled model that tells what it is.
bool isArtifact(llvm::StringRef path);

/// Gives the extern globals of an artifact's model.mlir their numbers, as they
/// were before they were laid out and coded.
llvm::Error bindArtifact(ModuleOp module, llvm::StringRef directory);

/// @forward as JSON; see docs/tuning.md.
llvm::Expected<std::string> graphOf(ModuleOp module);

/// The bytes of the weight files in a directory; 0 if there are none.
uint64_t checkpointBytes(llvm::StringRef input);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_ARTIFACT_H
