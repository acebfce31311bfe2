//===- ReplaceAttention.h - cheaper ops in place of attention -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_REPLACEATTENTION_H
#define TRANSFORMER_TRANSFORMS_REPLACEATTENTION_H

#include "transformer/Transforms/ByPath.h"
#include "transformer/Transforms/Narrow.h"

namespace mlir::transformer {

/// What takes the place of an attention with its linears, the cheapest first.
enum class Rung { Drop, Bias, Mq, Linear, Mean, MqLinear, Lags, Fft };
inline constexpr int64_t kRungs = 8;
StringRef nameOf(Rung rung);
std::optional<Rung> rungNamed(StringRef name);
/// Of those, bits of MixingStatistics::Block, the output of attention included.
unsigned blocksOf(Rung rung);

/// Queries and keys may have gone through rope on their way.
AttentionSite mixingSiteOf(AttentionOp op);
/// Why the attention and its linears cannot be replaced at all; empty if they
/// can.
StringRef whyNotReplaced(AttentionOp op);
/// Why not by `rung`, which others may be good for.
StringRef whyNotReplaced(AttentionOp op, Rung rung);

/// One query per head for a whole sequence, that of the mean m of its inputs x,
/// in terms of x: with the scores scale (query m + queryBias)_h . x_t, the
/// inputs that a head averages with the softmax of those give value_h times
/// that average plus valueBias_h.
struct SingleQueries {
  Matrix query; // [heads * inputs, inputs]
  std::vector<double> queryBias;
  Matrix value; // [heads * channels, inputs]
  std::vector<double> valueBias;
};
SingleQueries singleQueriesOf(AttentionSite site);

/// "regex:kind,...": what is to become of attentions whose path it matches, the
/// first match first. "auto" stands for no rung in particular.
class KindsByPath {
public:
  static llvm::Expected<KindsByPath> parse(StringRef text);
  struct Kind {
    std::optional<Rung> rung; // none: auto
  };
  std::optional<Kind> find(StringRef path) const { return list.find(path); }
  bool empty() const { return list.entries().empty(); }
  std::optional<std::string> matchingNone(ArrayRef<std::string> paths) const {
    return list.matchingNone(paths);
  }
  bool hasAuto() const;
  /// What a profile needs to have of `op`, as bits of MixingStatistics::Block.
  unsigned blocksFor(AttentionOp op) const;

private:
  ByPath<Kind> list;
};

/// A fit of one rung to what the attention gave.
struct RungFit {
  Rung rung;
  Matrix weight; // [outputs, columns of the blocks of the rung]
  std::vector<double> bias;
  /// Parts of the variance of the output about its mean, on the sequences that
  /// were fitted to and on those that were not (none: there were none).
  double error = 0;
  std::optional<double> heldOutError;

  double judged() const { return heldOutError.value_or(error); }
};

/// `bias`: of the output linear. Weights are numbers that f32 holds.
llvm::Expected<RungFit> fitRung(Rung rung, const MixingStatistics &mixing,
                                const Matrix &output, ArrayRef<double> bias,
                                ArrayRef<double> metric, double damping);

/// What an attention with its linears becomes: a sum of products with blocks,
/// and the bias.
struct Replacement {
  Rung rung;
  std::map<MixingStatistics::Block, Matrix> parts;
  std::vector<double> bias;
  /// If they are there, queries go through few channels, and so does what
  /// single queries give on its way to parts[Single]; and what flows there.
  Matrix queryDown, queryUp, outputDown;
  std::vector<double> queryBias;
  ChannelStatistics queryInner, outputInner;
};
Replacement replacementOf(const RungFit &fit, const MixingStatistics &mixing);
/// Lower ranks for the two maps around single queries, each losing at most the
/// part `error` of its variance, where that makes them smaller. `input`: of x,
/// or null.
llvm::Error narrowMaps(Replacement &by, AttentionSite site,
                       const MixingStatistics &mixing,
                       const ChannelStatistics *input, ArrayRef<double> metric,
                       double error, double damping);
/// Sets the errors of a fit to those of `by`.
void judgeAgain(RungFit &fit, const Replacement &by,
                const MixingStatistics &mixing, const Matrix &output,
                ArrayRef<double> bias, ArrayRef<double> metric);
/// What follows from the weights alone, if attention is uniform, single or none
/// in truth; nothing for rungs that only measured activations can tell.
std::optional<Replacement> replacementByWeights(AttentionSite site, Rung rung,
                                                uint64_t seed);
/// The path of the linear that has no old one's: the last one of a sequence,
/// beside one of tokens.
std::string sequencePath(AttentionSite site);
/// What `by`, of rung Mq, gives to each token, while `site` stays. Its linears
/// have paths of their own, below sequencePath.
Value addSingleQueries(RewriterBase &rewriter, AttentionSite site,
                       const Replacement &by);
/// What the linears of that read, for the passes that follow.
void addSingleReads(Profile &profile, AttentionSite site, const Replacement &by,
                    const MixingStatistics &mixing);
/// Puts it in the place of `site`. Rewrites that only fail for the ops around
/// it are among whyNotReplaced.
void replaceSite(RewriterBase &rewriter, AttentionSite site,
                 const Replacement &by);

struct ReplaceAttentionOptions {
  /// Null: none. Describes the changed model afterwards.
  Profile *profile = nullptr;
  const ModuleFilter *filter = nullptr;
  /// What to do where `kinds` names nothing; none: nothing.
  std::optional<KindsByPath::Kind> kind;
  std::string kinds;
  /// The largest error for "auto".
  std::optional<double> maxError;
  /// Whether fft may take a place, though no fit makes it any good.
  bool untuned = false;
  double damping = 1e-3;
  /// What the maps around single queries may lose by lower ranks; 0: nothing.
  double rankError = 0;
  uint64_t seed = 0;
};

struct ReplaceAttentionResult {
  int64_t replaced = 0, left = 0;
};

/// Replaces attentions of `module`, with a remark for each, and drops what
/// nothing reads any more. An error for options that say nothing.
llvm::Expected<ReplaceAttentionResult>
replaceAttention(ModuleOp module, const ReplaceAttentionOptions &options);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_REPLACEATTENTION_H
