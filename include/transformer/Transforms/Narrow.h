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

/// What becomes of a pair, before anything changes: the neurons `kept`, and
/// `down` on them.
struct FfnPlan {
  std::vector<int64_t> kept;
  Matrix weight;
  std::vector<double> bias;
  double error = 0; // of the f32 weight, a part of the output's variance
};

llvm::Expected<FfnPlan> planFfn(FfnPair pair, ArrayRef<int64_t> kept,
                                const InputMoments &moments, double damping);

/// Does what `plan` says.
FfnPair narrowFfn(RewriterBase &rewriter, FfnPair pair, const FfnPlan &plan);

/// The same function with all shapes as they are: what would go is zero. For
/// measuring what a plan costs by code that is there.
FfnPair muteFfn(RewriterBase &rewriter, FfnPair pair, const FfnPlan &plan);

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

/// Attention between linears that give its queries, keys and values and
/// nothing else, and the linear that alone reads it.
struct AttentionSite {
  AttentionOp attention;
  LinearOp query, key, value, output;

  int64_t groups() { return attention.getNumKvHeads(); }
};

/// Why the linears around `op` cannot change; empty if they can.
StringRef whyNotNarrowed(AttentionOp op);
AttentionSite siteOf(AttentionOp op);

/// Why the queries, keys and values do not come from a linear each that can
/// change, and that nothing else reads; empty if they do. `merged`: if one is
/// missing.
StringRef whyNotProjected(const AttentionSite &site, StringRef merged);

/// What is known of the inputs of the linears of a site.
struct SiteMoments {
  InputMoments query, key, output;
};
SiteMoments momentsOf(AttentionSite site, const Profile *profile,
                      uint64_t seed);

/// The error of the output for every number of heads (of keys and values, each
/// with its queries), with the output linear fitted anew; `beside`: on what
/// single queries give, too.
llvm::Expected<EliminationCurve>
headsCurve(AttentionSite site, const SiteMoments &moments, double damping,
           const MixingStatistics *beside = nullptr);

/// What becomes of a site, before anything changes.
struct HeadsPlan {
  std::vector<int64_t> kept; // heads of keys and values
  int64_t qkDim = 0, valueDim = 0;
  Matrix query, key, value; // weights, a last column for the bias
  Matrix basis;             // of the input of the output linear
  Matrix output;
  /// Of what single queries of all old heads give (MixingStatistics::Single);
  /// no rows: there are none.
  Matrix single;
  std::vector<double> outputBias;
  /// Parts of the variance, of scores and of the output.
  double scoreError = 0, outputError = 0;
  std::optional<double> heldOutError; // of the output, with `single`
  /// What each channel of scores, the best first, adds to the variance of all
  /// heads; empty if scores were not looked at.
  std::vector<double> spectrum;
};

/// What a plan is to reach; what is not given stays, or follows from maxError.
struct HeadsGoal {
  std::optional<int64_t> groups, qkRank, voRank;
  std::optional<double> maxError;
  int64_t multiple = 8; // of ranks
  /// If heads go, single queries of all of them stay, fitted to these sums.
  /// Not with voRank.
  const MixingStatistics *beside = nullptr;
};

/// `curve`: of the heads, with the same moments and without `beside`, if that
/// is known.
llvm::Expected<HeadsPlan> planHeads(AttentionSite site,
                                    const SiteMoments &moments,
                                    const HeadsGoal &goal, double damping,
                                    const EliminationCurve *curve = nullptr);

/// Sets the errors of a plan with single queries.
void judgeBeside(HeadsPlan &plan, AttentionSite site,
                 const MixingStatistics &beside);

/// Does what `plan` says, except for single queries.
AttentionSite narrowHeads(RewriterBase &rewriter, AttentionSite site,
                          const HeadsPlan &plan);

/// As muteFfn. Values keep their channels: `plan` has no narrower ones.
AttentionSite muteHeads(RewriterBase &rewriter, AttentionSite site,
                        const HeadsPlan &plan);

struct NarrowHeadsOptions : NarrowOptions {
  NarrowHeadsOptions() { multiple = 8; }
  std::optional<int64_t> heads, qkRank, voRank;
  std::optional<double> keep, maxError;
  /// "regex:rank,..." and "regex:heads,...", as NarrowFfnOptions::widths: first
  /// for the attention ops whose path matches.
  std::string qkRanks, headCounts;
  /// Keep what one query per head and sequence gives of the heads that go
  /// (ReplaceAttention.h), and what its maps may lose by lower ranks.
  bool singleQueries = false;
  double rankError = 0;
};

/// Narrows the attention of `module`, with a remark for each, and drops what
/// nothing reads any more. An error for options that say nothing.
llvm::Expected<NarrowResult> narrowHeads(ModuleOp module,
                                         const NarrowHeadsOptions &options);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_NARROW_H
