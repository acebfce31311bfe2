//===- ReplaceAttention.cpp - something cheaper for an attention ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"
#include "KnownWeights.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Support/Error.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/ReplaceAttention.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERREPLACEATTENTION
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

using Part = MixingStatistics::Block;

static constexpr StringLiteral kFlag = "transformer-replace-attention";

namespace {
struct Candidate {
  AttentionSite site;
  std::optional<Rung> wanted; // none: auto
  const MixingStatistics *mixing = nullptr;
  std::vector<double> metric;
  std::optional<Replacement> chosen;
  std::string how;   // it was chosen
  std::string why;   // it stays
  std::string curve; // errors of the rungs that were tried
};

class AttentionReplacer {
public:
  AttentionReplacer(ModuleOp module, const ReplaceAttentionOptions &options,
                    const KindsByPath &kinds)
      : module(module), options(options), kinds(kinds) {}

  ReplaceAttentionResult run() {
    bool isThere = false;
    module.walk([&](AttentionOp op) {
      isThere = true;
      collect(op);
    });
    if (!isThere)
      remarkKept(module.getLoc(), kFlag, "there is no attention to replace");
    parallelForEach(module.getContext(), candidates,
                    [&](Candidate &candidate) { plan(candidate); });
    IRRewriter rewriter(module.getContext());
    for (Candidate &candidate : candidates)
      finish(rewriter, candidate);
    eraseUnreadWeights(module, [](Location, StringRef) {});
    return result;
  }

private:
  void missed(Operation *op, StringRef why) {
    ++result.left;
    remarkKept(op->getLoc(), kFlag, ("attention stays as it is: " + why).str());
  }

  void collect(AttentionOp op) {
    StringRef why = options.filter ? options.filter->whyNot(op) : "";
    std::optional<KindsByPath::Kind> kind = kinds.find(modulePath(op));
    if (!kind)
      kind = options.kind;
    if (why.empty() && !kind)
      why = "kinds= does not name it, and there is no kind=";
    if (why.empty())
      why = whyNotReplaced(op);
    if (why.empty() && kind->rung)
      why = whyNotReplaced(op, *kind->rung);
    if (why.empty() && kind->rung == Rung::Fft && !options.untuned)
      why = "fft without training is worse than the mean of the output: of "
            "every layer of a sentence encoder it left 1.1 to 1.4 times the "
            "variance, even with an output fitted to it; say untuned=true if "
            "training follows";
    if (!why.empty())
      return missed(op, why);
    Candidate candidate;
    candidate.site = mixingSiteOf(op);
    candidate.wanted = kind->rung;
    candidate.metric = outputMetric(candidate.site.output);
    if (options.profile)
      candidate.mixing =
          options.profile->findMixing(modulePath(candidate.site.output));
    candidates.push_back(std::move(candidate));
  }

  /// Where statistics come from, or why there are none.
  std::string source(const Candidate &candidate) const {
    if (candidate.mixing)
      return options.profile->source == "synthetic"
                 ? "by activations of synthetic sequences"
                 : "by activations measured";
    return options.profile
               ? "by its weights alone, because the profile has no "
                 "sums for what replaces it"
               : "by its weights alone, because there is no profile";
  }

  llvm::Expected<RungFit> fit(const Candidate &candidate, Rung rung) const {
    LinearOp output = candidate.site.output;
    return fitRung(rung, *candidate.mixing, matrixOf(output.getWeight()),
                   biasOf(output), candidate.metric, options.damping);
  }

  static std::string errorText(const RungFit &fit) {
    if (!fit.heldOutError)
      return llvm::formatv("{0:e2}, on the sequences that were fitted to, as "
                           "none was held out",
                           fit.error);
    return llvm::formatv("{0:e2} where it was fitted and {1:e2} on sequences "
                         "held out",
                         fit.error, *fit.heldOutError);
  }

  void plan(Candidate &candidate) const {
    if (candidate.wanted == Rung::Fft)
      return planFft(candidate);
    if (!candidate.mixing && !candidate.wanted)
      candidate.why = "which rung is good enough is measured: " + noSums() +
                      ", as auto needs";
    else if (!candidate.mixing)
      planByWeights(candidate);
    else if (candidate.wanted)
      planOne(candidate);
    else
      planCheapest(candidate);
  }

  std::string noSums() const {
    return std::string(options.profile ? "the profile has no sums for it"
                                       : "give a profile with sums for it") +
           " (transformer-compile --emit=profile --attention)";
  }

  void planByWeights(Candidate &candidate) const {
    candidate.chosen =
        replacementByWeights(candidate.site, *candidate.wanted, options.seed);
    candidate.how = "with an error that nothing tells";
    if (candidate.chosen)
      return;
    candidate.why =
        ("what " + nameOf(*candidate.wanted) +
         " can tell of its output does not follow from weights: " + noSums())
            .str();
  }

  void planOne(Candidate &candidate) const {
    auto found = fit(candidate, *candidate.wanted);
    if (!found) {
      candidate.why = llvm::toString(found.takeError());
      return;
    }
    choose(candidate, *found);
  }

  /// A fit, and lower ranks for what is large in it.
  void choose(Candidate &candidate, RungFit &fit) const {
    Replacement by = replacementOf(fit, *candidate.mixing);
    const ChannelStatistics *input =
        options.profile->find(modulePath(candidate.site.value));
    if (llvm::Error error =
            narrowMaps(by, candidate.site, *candidate.mixing, input,
                       candidate.metric, options.rankError, options.damping)) {
      candidate.why = llvm::toString(std::move(error));
      return;
    }
    LinearOp output = candidate.site.output;
    judgeAgain(fit, by, *candidate.mixing, matrixOf(output.getWeight()),
               biasOf(output), candidate.metric);
    candidate.how = "losing of the variance of the output " + errorText(fit);
    if (by.queryDown.rows > 0)
      candidate.how += llvm::formatv(
          ", queries through {0} channels, which lose at most {1:e1} of theirs",
          by.queryDown.rows, options.rankError);
    if (by.outputDown.rows > 0)
      candidate.how += llvm::formatv(", the output of a sequence through {0}",
                                     by.outputDown.rows);
    candidate.chosen = std::move(by);
  }

  void planCheapest(Candidate &candidate) const {
    llvm::raw_string_ostream curve(candidate.curve);
    curve << "errors:";
    std::optional<RungFit> best;
    for (int64_t i = 0; i < int64_t(Rung::Fft); ++i) {
      Rung rung = Rung(i);
      if (!whyNotReplaced(candidate.site.attention, rung).empty())
        continue;
      auto found = fit(candidate, rung);
      if (!found) {
        llvm::consumeError(found.takeError());
        continue;
      }
      curve << llvm::formatv(" {0} {1:e2}", nameOf(rung), found->judged());
      if (!best && found->judged() <= *options.maxError)
        best = std::move(*found);
    }
    if (!best) {
      candidate.why = llvm::formatv(
          "nothing cheaper loses at most {0:e1} of the variance of its output",
          *options.maxError);
      return;
    }
    choose(candidate, *best);
  }

  /// A multiple of the transform with about the size of the old output.
  void planFft(Candidate &candidate) const {
    const MixingStatistics *mixing = candidate.mixing;
    const ChannelStatistics *input =
        options.profile
            ? options.profile->find(modulePath(candidate.site.value))
            : nullptr;
    if (!mixing || !input || mixing->mean.count == 0 || input->count == 0) {
      candidate.why = "the size of what fft gives is measured: " + noSums();
      return;
    }
    Matrix output = matrixOf(candidate.site.output.getWeight());
    int64_t width = input->width();
    if (output.rows != width) {
      candidate.why = "its output has another width than its input, and fft "
                      "changes none";
      return;
    }
    auto none = fit(candidate, Rung::Bias);
    if (!none) {
      candidate.why = llvm::toString(none.takeError());
      return;
    }
    std::vector<int64_t> attended;
    for (int64_t i = 0; i < mixing->widths[Part::Attended]; ++i)
      attended.push_back(mixing->begin(Part::Attended) + i);
    Matrix covariance = mixing->fitted.covariance();
    double variance =
        multiply(multiply(output, covariance.selectRows(attended).selectColumns(
                                      attended)),
                 output, Form::AsIs, Form::Transposed)
            .trace() /
        double(width);
    double squares = 0;
    for (double value : input->rms())
      squares += value * value / double(width);
    double length = double(input->count) / double(mixing->mean.count);
    double given = squares * double(width) * length / 2;
    Matrix map = Matrix::identity(width);
    for (double &value : map.values)
      value *= given > 0 ? std::sqrt(variance / given) : 0;
    candidate.chosen.emplace();
    candidate.chosen->rung = Rung::Fft;
    candidate.chosen->parts[Part::Own] = std::move(map);
    candidate.chosen->bias = none->bias;
    candidate.how = "with about the size of its output and an error of more "
                    "than its variance, until it is trained";
  }

  void finish(RewriterBase &rewriter, Candidate &candidate) {
    AttentionOp op = candidate.site.attention;
    Location loc = op.getLoc();
    if (!candidate.curve.empty())
      remarkFound(loc, kFlag, "error-ladder", candidate.curve);
    if (candidate.chosen && !fitsFloats(*candidate.chosen)) {
      candidate.chosen.reset();
      candidate.why = "f32 does not hold what was fitted";
    }
    if (!candidate.chosen)
      return missed(op, candidate.why);
    std::string from = source(candidate);
    if (options.profile)
      changeProfile(candidate);
    replaceSite(rewriter, candidate.site, *candidate.chosen);
    ++result.replaced;
    remarkDone(loc, kFlag, "replaced",
               llvm::formatv("{0} in its place, {1}, {2}",
                             nameOf(candidate.chosen->rung), candidate.how,
                             from));
  }

  static bool fitsFloats(const Replacement &by) {
    return llvm::all_of(
               by.parts,
               [](const auto &part) { return part.second.fitsFloats(); }) &&
           by.queryDown.fitsFloats() && by.queryUp.fitsFloats() &&
           by.outputDown.fitsFloats() &&
           llvm::all_of(by.bias, [](double v) { return std::isfinite(v); });
  }

  /// The sites of the linears that there will be.
  void changeProfile(const Candidate &candidate) {
    Profile &profile = *options.profile;
    const AttentionSite &site = candidate.site;
    std::string output = modulePath(site.output).str();
    std::string names[3];
    for (auto [name, op] :
         llvm::zip(names, std::array{site.query, site.key, site.value}))
      name = modulePath(op).str();
    auto input = profile.linears.find(names[2]);
    auto attended = profile.linears.find(output);
    if (input == profile.linears.end() || attended == profile.linears.end())
      return;
    // The site is named by a linear that reads something else from now on.
    std::string old = input->second, own = output + ".input";
    move(profile.sites, old, own);
    move(profile.grams, old, own);
    profile.sites.erase(attended->second);
    profile.grams.erase(attended->second);
    for (auto &[linear, name] : profile.linears)
      if (name == old)
        name = own;
    for (const std::string &name : {output, names[0], names[1], names[2]})
      profile.linears.erase(name);
    auto mixing = profile.mixings.find(output);
    auto reads = [&](const std::string &linear, const std::string &what) {
      profile.linears[linear] = what;
    };
    auto readsOfSequences = [&](const std::string &linear, const char *ending,
                                const ChannelStatistics &statistics) {
      if (statistics.count == 0)
        return;
      std::string place = output + ending;
      profile.sites[place] = statistics;
      reads(linear, place);
    };
    bool isBeside = candidate.chosen->parts.count(Part::Own);
    for (const auto &[block, matrix] : candidate.chosen->parts) {
      if (block == Part::Own && candidate.chosen->rung != Rung::Fft)
        reads(output, own);
      else if (block == Part::Previous)
        reads(names[0], own);
      else if (block == Part::Next)
        reads(names[1], own);
      else if (mixing == profile.mixings.end())
        continue;
      else if (block == Part::Mean)
        readsOfSequences(names[2], ".mean", mixing->second.mean);
      else if (block == Part::Single) {
        readsOfSequences(names[0], ".mean", mixing->second.mean);
        readsOfSequences(names[2], ".averaged", mixing->second.averaged);
        readsOfSequences(names[1], ".query", candidate.chosen->queryInner);
        readsOfSequences(isBeside ? sequencePath(site) : output, ".few",
                         candidate.chosen->outputInner);
      }
    }
    if (mixing != profile.mixings.end())
      profile.mixings.erase(mixing);
  }

  template <typename Map>
  static void move(Map &map, const std::string &from, const std::string &to) {
    auto found = map.find(from);
    if (found == map.end())
      return;
    auto value = std::move(found->second);
    map.erase(found);
    map[to] = std::move(value);
  }

  ModuleOp module;
  const ReplaceAttentionOptions &options;
  const KindsByPath &kinds;
  std::vector<Candidate> candidates;
  ReplaceAttentionResult result;
};
} // namespace

llvm::Expected<ReplaceAttentionResult>
transformer::replaceAttention(ModuleOp module,
                              const ReplaceAttentionOptions &options) {
  llvm::Expected<KindsByPath> kinds = KindsByPath::parse(options.kinds);
  if (!kinds)
    return kinds.takeError();
  if (!options.kind && kinds->empty())
    return makeError("what takes its place is not said: give kind= or kinds=");
  bool isAuto = kinds->hasAuto() || (options.kind && !options.kind->rung);
  if (isAuto && !options.maxError)
    return makeError("auto takes the cheapest one that is good enough: give "
                     "max-error=");
  if (options.maxError && !isAuto)
    return makeError("max-error goes with auto, and nothing is auto");
  if (options.maxError && !(*options.maxError >= 0))
    return makeError("max-error is less than 0");
  for (auto [name, value] : {std::pair("damping", options.damping),
                             std::pair("rank-error", options.rankError)})
    if (llvm::Error error = checkWeight(name, value))
      return error;
  return AttentionReplacer(module, options, *kinds).run();
}

namespace {
struct ReplaceAttention
    : public transformer::impl::TransformerReplaceAttentionBase<
          ReplaceAttention> {
  using TransformerReplaceAttentionBase::TransformerReplaceAttentionBase;

  llvm::Error replace(GivenOptions &given) {
    ReplaceAttentionOptions options;
    options.profile = given.known();
    options.filter = &given.filter;
    options.kinds = kinds;
    options.untuned = untuned;
    options.damping = damping;
    options.rankError = rankError;
    options.seed = seed;
    takeGiven(options.maxError, maxError);
    if (!kind.empty()) {
      options.kind = KindsByPath::Kind{rungNamed(kind)};
      if (!options.kind->rung && kind != "auto")
        return makeError("kind is " + quoted(kind) +
                         ", expected drop, bias, mq, linear, mean, mq+linear, "
                         "lags, fft or auto");
    }
    auto result = transformer::replaceAttention(getOperation(), options);
    if (!result)
      return result.takeError();
    numReplaced += result->replaced;
    numLeft += result->left;
    return llvm::Error::success();
  }

  void runOnOperation() override {
    if (failed(runWithGiven(
            getOperation(), kFlag, skip, only, profile, saveProfile,
            [&](GivenOptions &given) { return replace(given); })))
      signalPassFailure();
  }
};
} // namespace
