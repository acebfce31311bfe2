//===- Profiler.h - a profile of a model, by running it -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_PROFILER_H
#define TRANSFORMER_PROFILE_PROFILER_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Profile/Sequences.h"
#include "transformer/Support/Profile.h"

#include <functional>

namespace mlir::transformer {

struct ProfileOptions {
  unsigned threads = 1;
  /// Gram matrices too, which passes that fit need. Costs about as much time as
  /// the model itself, and 8 bytes per pair of channels of an input.
  bool grams = false;
  /// Which blocks of MixingStatistics are wanted of an attention, as bits, for
  /// passes that replace it; not set: of none.
  std::function<unsigned(AttentionOp)> mixing;
  /// Called after each batch, by one thread at a time, with how many are done.
  std::function<void(size_t done, size_t all)> progress;
};

/// Compiles the model in `module` (which stays as it is) for this machine, runs
/// it in this process over `sequences`, and gives the statistics of the inputs
/// of its f32 linears. The weights must be bound, and all passes registered.
/// The sums do not depend on the number of threads.
llvm::Expected<Profile> profileModel(ModuleOp module,
                                     const Sequences &sequences,
                                     const ProfileOptions &options);

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_PROFILER_H
