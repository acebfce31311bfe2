//===- Profiler.h - a profile of a model, by running it -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_PROFILER_H
#define TRANSFORMER_PROFILE_PROFILER_H

#include "transformer/Profile/Sequences.h"
#include "transformer/Support/Profile.h"

namespace mlir::transformer {

/// Compiles the model in `module` (which stays as it is) for this machine, runs
/// it in this process over `sequences`, and gives the statistics of the inputs
/// of its f32 linears. The weights must be bound, and all passes registered.
/// The sums do not depend on the number of `threads`.
llvm::Expected<Profile>
profileModel(ModuleOp module, const Sequences &sequences, unsigned threads);

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_PROFILER_H
