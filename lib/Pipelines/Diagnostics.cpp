//===- Diagnostics.cpp - what the passes say ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Diagnostics.h"

#include <mutex>

using namespace mlir;
using namespace mlir::transformer;

// "encoder.layer.3: " or "model.mlir:12:3: ".
static void printLocation(raw_ostream &os, Location location) {
  auto file = location->findInstanceOf<FileLineColLoc>();
  if (file && file.getLine())
    os << file.getFilename().getValue() << ':' << file.getLine() << ':'
       << file.getColumn() << ": ";
  else if (file)
    os << file.getFilename().getValue() << ": ";
  else if (auto name = location->findInstanceOf<NameLoc>())
    os << name.getName().getValue() << ": ";
}

static std::string textOf(Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  printLocation(stream, diagnostic.getLocation());
  stream << diagnostic;
  for (Diagnostic &note : diagnostic.getNotes())
    stream << "; " << note;
  return text;
}

namespace {
/// Passes on functions speak from several threads.
class RemarkCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkCollector(Report &report) : report(report) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << '[' << remark.getRemarkTypeString() << "] ";
    printLocation(stream, remark.getLocation());
    stream << remark.getCategoryName() << ": " << remark.getRemarkName();
    for (const auto &argument : remark.getArgs())
      stream << (StringRef(argument.key) == "Remark"
                     ? ": "
                     : ", " + argument.key + " ")
             << argument.val;
    std::lock_guard<std::mutex> lock(mutex);
    report.remarks.push_back(text);
  }

private:
  std::mutex mutex;
  Report &report;
};
} // namespace

DiagnosticsToReport::DiagnosticsToReport(MLIRContext &context, Problem problem,
                                         Report &report)
    : context(context),
      handler(&context, [problem, &report](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          problem(textOf(diagnostic));
        else if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
          report.remarks.push_back(textOf(diagnostic));
        return success();
      }) {
  context.printOpOnDiagnostic(false);
  remark::RemarkCategories everything{std::nullopt, ".*", ".*", ".*", ".*"};
  // Without the engine the report only lacks remarks.
  (void)remark::enableOptimizationRemarks(
      context, std::make_unique<RemarkCollector>(report),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), everything);
}
