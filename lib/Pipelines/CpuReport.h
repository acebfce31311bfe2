//===- CpuReport.h - what each kernel does and takes ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_CPUREPORT_H
#define TRANSFORMER_LIB_PIPELINES_CPUREPORT_H

#include "transformer/Pipelines/Compile.h"
#include "transformer/Profile/CpuRates.h"
#include "transformer/Profile/Sequences.h"

#include "llvm/Support/JSON.h"

namespace mlir::transformer {

/// A piece of code between two probes, which layers may share.
struct KernelReport {
  std::string op, function, tile;
  std::string path; // of its first call
  int64_t calls = 0;
  Cost cost; // of all calls
  double seconds = 0;
};

/// The kernels of one level, in the order of their first calls.
struct CpuReport {
  std::vector<KernelReport> kernels;
  /// By span of the level.
  std::vector<size_t> kernelOf;
  CpuRates rates;
  double callSeconds = 0;
  std::string whyNotMeasured; // empty: it was
};

/// The kernels of a level that was lowered.
CpuReport cpuReportOf(ModuleOp level, const Target &target);

/// `text` is BATCHxTOKENS, as `flag` was given, or empty for the usual one.
llvm::Expected<Workload> workloadOf(ModuleOp module, StringRef text,
                                    StringRef flag);

/// Sequences of just this size for the model in `module`.
struct MeasuredCall {
  Workload workload;
  Sequences sequences;
};
llvm::Expected<MeasuredCall> measuredCall(ModuleOp module, StringRef text);

struct LevelReport;
/// Measures the rates of this CPU, and the artifact in `directory` if it has a
/// level that this CPU can run.
llvm::Error measureLevels(std::vector<LevelReport> &levels,
                          const MeasuredCall &call, StringRef directory,
                          uint64_t weightsBytes);

void printCpuReport(const LevelReport &level, const Workload &workload,
                    raw_ostream &os);
void writeCpuReport(const CpuReport &report, const Workload &workload,
                    llvm::json::OStream &json);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_CPUREPORT_H
