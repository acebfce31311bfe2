//===- Diagnostics.h - what the passes say --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_DIAGNOSTICS_H
#define TRANSFORMER_LIB_PIPELINES_DIAGNOSTICS_H

#include "Artifact.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"

namespace mlir::transformer {

/// While it lives, errors of the context go to `problem`, one sentence each,
/// and remarks to the report.
class DiagnosticsToReport {
public:
  DiagnosticsToReport(MLIRContext &context, Problem problem, Report &report);
  ~DiagnosticsToReport() { context.setRemarkEngine(nullptr); }
  DiagnosticsToReport(const DiagnosticsToReport &) = delete;
  DiagnosticsToReport &operator=(const DiagnosticsToReport &) = delete;

private:
  MLIRContext &context;
  ScopedDiagnosticHandler handler;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_DIAGNOSTICS_H
