//===- Narrow.h - fewer neurons, heads and ranks --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_NARROW_H
#define TRANSFORMER_TRANSFORMS_NARROW_H

#include "transformer/Support/Elimination.h"
#include "transformer/Transforms/InputMoments.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// What the options of narrowing passes have in common.
struct NarrowOptions {
  /// Null: none. Describes the changed model afterwards.
  Profile *profile = nullptr;
  const ModuleFilter *filter = nullptr;
  /// Widths are multiples of this where the old one is larger.
  int64_t multiple = 32;
  /// Of the mean variance of the input: how much the fits trust old weights.
  double damping = 1e-4;
  uint64_t seed = 0;
};

struct NarrowResult {
  int64_t narrowed = 0, left = 0;
  int64_t before = 0, after = 0; // neurons, or heads
};

/// `up`, an activation, and `down`, which alone reads it.
struct FfnPair {
  LinearOp up, down;
};

/// Why `down` and the linear before it are no pair that can be narrowed; empty
/// if they are.
StringRef whyNotFfnPair(LinearOp down);

/// The error of the pair's output for every number of neurons, with `down`
/// fitted anew; what a search for widths needs.
llvm::Expected<EliminationCurve>
ffnCurve(FfnPair pair, const InputMoments &moments, double damping);

/// Leaves the pair the neurons `kept`. Gives the error, of the f32 weights as
/// they are then, as a part of the variance of the output.
FailureOr<double> narrowFfn(RewriterBase &rewriter, FfnPair pair,
                            ArrayRef<int64_t> kept, const InputMoments &moments,
                            double damping);

struct NarrowFfnOptions : NarrowOptions {
  /// One of them: neurons, their part, or the largest error.
  std::optional<int64_t> width;
  std::optional<double> keep, maxError;
  /// "regex:width,...": of the pairs whose `up` has a path that it matches, the
  /// first match first.
  std::string widths;
};

/// Narrows the pairs of `module`, with a remark for each, and drops what
/// nothing reads any more. An error for options that say nothing.
llvm::Expected<NarrowResult> narrowFfns(ModuleOp module,
                                        const NarrowFfnOptions &options);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_NARROW_H
