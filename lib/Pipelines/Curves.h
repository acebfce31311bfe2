//===- Curves.h - what each change of a model costs -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_CURVES_H
#define TRANSFORMER_LIB_PIPELINES_CURVES_H

#include "transformer/Profile/OutputLoss.h"
#include "transformer/Support/Profile.h"

namespace mlir::transformer {

/// What a search for a plan needs, as JSON: for each feed-forward layer and
/// attention how much of the output's variance every smaller size loses, and
/// what fewer bits lose. Errors of layers come from `profile`; what they do to
/// the output of the model is measured, of one size each, in this process.
llvm::Expected<std::string> measureCurves(ModuleOp module,
                                          const Profile &profile,
                                          const Sequences &sequences,
                                          unsigned threads,
                                          function_ref<void(StringRef)> show);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_CURVES_H
