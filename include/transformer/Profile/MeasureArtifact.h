//===- MeasureArtifact.h - times of an artifact's kernels -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_MEASUREARTIFACT_H
#define TRANSFORMER_PROFILE_MEASUREARTIFACT_H

#include "transformer/Profile/Sequences.h"

namespace mlir::transformer {

struct SpanTimes {
  /// Whose code ran: the best that this CPU has.
  std::string level;
  /// Of one call, and of each span of the level in it.
  double callSeconds = 0;
  std::vector<double> seconds;
};

/// Loads the artifact in `directory` and runs it on one thread, over all
/// sequences in one call, for at least a fifth of a second.
llvm::Expected<SpanTimes> measureArtifact(llvm::StringRef directory,
                                          const Sequences &sequences);

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_MEASUREARTIFACT_H
