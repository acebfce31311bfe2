//===- NarrowHeads.cpp - fewer heads, narrower scores and values ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"
#include "KnownWeights.h"
#include "PassRemarks.h"

#include "transformer/Support/Error.h"
#include "transformer/Transforms/ByPath.h"
#include "transformer/Transforms/Narrow.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/ReplaceAttention.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERNARROWHEADS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-narrow-heads";

AttentionSite transformer::siteOf(AttentionOp op) {
  AttentionSite site{op, op.getQuery().getDefiningOp<LinearOp>(),
                     op.getKey().getDefiningOp<LinearOp>(),
                     op.getValue().getDefiningOp<LinearOp>(), LinearOp()};
  if (op->hasOneUse())
    site.output = dyn_cast<LinearOp>(*op->getUsers().begin());
  return site;
}

StringRef transformer::whyNotProjected(const AttentionSite &site,
                                       StringRef merged) {
  for (LinearOp linear : {site.query, site.key, site.value}) {
    if (!linear)
      return merged;
    if (!linear->hasOneUse())
      return "its queries, keys or values are read elsewhere too";
    if (linear.getActivation() != Activation::none)
      return "there is an activation in its queries, keys or values";
    StringRef why = whyNotChanged(linear);
    if (!why.empty())
      return why;
  }
  return "";
}

StringRef transformer::whyNotNarrowed(AttentionOp op) {
  for (Value v : {op.getQuery(), op.getKey()})
    if (v.getDefiningOp<RopeOp>())
      return "rope turns its queries and keys by position, channel by channel, "
             "so that no other channels can take their place";
  AttentionSite site = siteOf(op);
  StringRef why = whyNotProjected(
      site, "its queries, keys and values do not come from a linear each: "
            "narrow before linears are merged");
  if (!why.empty())
    return why;
  if (!site.output || site.output.getInput() != op.getResult())
    return "no linear alone reads its result";
  return whyNotChanged(site.output);
}

/// The last column is the bias.
static LinearOp exchange(RewriterBase &rewriter, LinearOp op, Value input,
                         const Matrix &extended) {
  Matrix weight(extended.rows, extended.columns - 1);
  std::vector<double> bias;
  for (int64_t r = 0; r < weight.rows; ++r) {
    llvm::copy(extended.row(r).drop_back(), weight.row(r).begin());
    bias.push_back(extended.row(r).back());
  }
  return exchangeLinear(rewriter, op, input, weight, bias);
}

AttentionSite transformer::narrowHeads(RewriterBase &rewriter,
                                       AttentionSite site,
                                       const HeadsPlan &plan) {
  AttentionOp old = site.attention;
  float scale = old.getEffectiveScale();
  int64_t group = old.getNumHeads() / old.getNumKvHeads();
  int64_t groups = plan.kept.size();
  site.query = exchange(rewriter, site.query, Value(), plan.query);
  site.key = exchange(rewriter, site.key, Value(), plan.key);
  site.value = exchange(rewriter, site.value, Value(), plan.value);
  rewriter.setInsertionPoint(old);
  auto fresh = cast<AttentionOp>(rewriter.clone(*old));
  rewriter.modifyOpInPlace(fresh, [&] {
    fresh.setScaleAttr(rewriter.getF32FloatAttr(scale));
    fresh.setNumHeads(groups * group);
    fresh.setNumKvHeads(groups);
    auto type = cast<RankedTensorType>(old.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = groups * group * plan.valueDim;
    fresh.getResult().setType(type.clone(shape));
  });
  rewriter.replaceOp(old, fresh.getResult());
  site.attention = fresh;
  site.output = exchangeLinear(rewriter, site.output, fresh.getResult(),
                               plan.output, plan.outputBias);
  return site;
}

namespace {
struct Candidate {
  AttentionSite site;
  SiteMoments moments;
  HeadsGoal goal;
  std::optional<HeadsPlan> plan;
  std::optional<Replacement> beside; // single queries
  std::string why;                   // it stays
  std::string importance;            // for the report: what each head is worth
};

/// "heads 0.02 0.3 ...": the part of the output's variance that is lost by
/// each one more, when its turn comes in the elimination; the one that stays
/// is worth the rest.
static std::string importanceText(const EliminationCurve &curve) {
  std::vector<double> worth(curve.groups(), 1 - curve.errors.back());
  for (auto [k, group] : llvm::enumerate(curve.order))
    worth[group] = curve.errors[k + 1] - curve.errors[k];
  for (double &part : worth)
    part = std::max(0.0, part);
  return seriesText("heads", worth);
}

class HeadNarrower {
public:
  HeadNarrower(ModuleOp module, const NarrowHeadsOptions &options,
               const NumbersByPath &qkRanks, const NumbersByPath &headCounts)
      : module(module), options(options), qkRanks(qkRanks),
        headCounts(headCounts) {}

  NarrowResult run() {
    bool isThere = false;
    module.walk([&](AttentionOp op) {
      isThere = true;
      collect(op);
    });
    if (!isThere)
      remarkKept(module.getLoc(), kFlag,
                 "there is no attention whose heads could be narrowed");
    parallelForEach(module.getContext(), candidates, [&](Candidate &candidate) {
      if (llvm::Error error = plan(candidate))
        candidate.why = llvm::toString(std::move(error));
    });
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
    if (why.empty())
      why = whyNotNarrowed(op);
    if (!why.empty())
      return missed(op, why);
    Candidate candidate;
    candidate.site = siteOf(op);
    std::string whyNot = setGoal(op, candidate.goal);
    if (whyNot.empty() && options.singleQueries)
      whyNot = setBeside(candidate);
    if (!whyNot.empty())
      return missed(op, whyNot);
    candidate.moments =
        momentsOf(candidate.site, options.profile, options.seed);
    candidates.push_back(std::move(candidate));
  }

  /// Why there is nothing to fit single queries to; empty if there is.
  std::string setBeside(Candidate &candidate) const {
    AttentionSite &site = candidate.site;
    StringRef why = whyNotReplaced(site.attention);
    if (why.empty())
      why = whyNotReplaced(site.attention, Rung::Mq);
    if (!why.empty())
      return ("no single queries go beside its heads: " + why).str();
    const MixingStatistics *mixing =
        options.profile ? options.profile->findMixing(modulePath(site.output))
                        : nullptr;
    auto width = cast<RankedTensorType>(site.attention.getType()).getShape()[1];
    if (!mixing || !(mixing->fitted.weight > 0) ||
        mixing->widths[MixingStatistics::Attended] != width ||
        mixing->widths[MixingStatistics::Single] != width)
      return "single queries beside heads are fitted to what was measured: "
             "give a profile with sums for them (transformer-compile "
             "--emit=profile --attention=regex:mq)";
    candidate.goal.beside = mixing;
    return "";
  }

  llvm::Error plan(Candidate &candidate) const {
    auto curve = headsCurve(candidate.site, candidate.moments, options.damping);
    if (curve)
      candidate.importance = importanceText(*curve);
    auto plan = planHeads(candidate.site, candidate.moments, candidate.goal,
                          options.damping, curve ? &*curve : nullptr);
    if (!curve) // if the plan needs it, it says so
      llvm::consumeError(curve.takeError());
    if (!plan)
      return plan.takeError();
    candidate.plan = std::move(*plan);
    return candidate.plan->single.rows > 0 ? planBeside(candidate)
                                           : llvm::Error::success();
  }

  /// The maps of single queries, through few channels where that pays.
  llvm::Error planBeside(Candidate &candidate) const {
    HeadsPlan &plan = *candidate.plan;
    LinearOp output = candidate.site.output;
    Replacement by;
    by.rung = Rung::Mq;
    by.parts[MixingStatistics::Single] = plan.single;
    by.bias.assign(plan.single.rows, 0.0);
    if (llvm::Error error = narrowMaps(
            by, candidate.site, *candidate.goal.beside,
            options.profile->find(modulePath(candidate.site.value)),
            outputMetric(output), options.rankError, options.damping))
      return error;
    // What their mean loses goes into the bias behind the heads.
    for (auto [to, lost] : llvm::zip(plan.outputBias, by.bias))
      to += lost;
    by.bias.assign(plan.single.rows, 0.0);
    plan.single = by.parts[MixingStatistics::Single];
    if (by.outputDown.rows > 0) { // so the errors of the plan are not true
      plan.single = multiply(plan.single, by.outputDown);
      judgeBeside(plan, candidate.site, *candidate.goal.beside);
    }
    candidate.beside = std::move(by);
    return llvm::Error::success();
  }

  int64_t roundedUp(int64_t rank) const {
    return llvm::alignTo(rank, options.multiple);
  }

  std::string nameOf(int64_t rank) const {
    int64_t up = roundedUp(rank);
    if (up == rank)
      return std::to_string(rank);
    return llvm::formatv("{0}, rounded up to a multiple of {1},", rank,
                         options.multiple);
  }

  /// Why nothing is to change; empty if something is.
  std::string setGoal(AttentionOp op, HeadsGoal &goal) const {
    int64_t heads = op.getNumHeads(), groups = op.getNumKvHeads();
    int64_t group = heads / groups;
    std::string text;
    llvm::raw_string_ostream why(text);
    std::optional<int64_t> wanted = headCounts.find(modulePath(op));
    std::optional<int64_t> qkRank = qkRanks.find(modulePath(op));
    if (!qkRank)
      qkRank = options.qkRank;
    if (!wanted)
      wanted = options.heads;
    if (!wanted && options.keep)
      wanted = std::max<int64_t>(int64_t(std::ceil(*options.keep * heads)), 1);
    bool isPerHead = op.getMask() && hasMaskPerHead(op);
    if (wanted && *wanted >= heads) {
      why << "it has " << heads << " heads, and " << *wanted
          << " are not fewer; ";
    } else if (wanted && *wanted % group) {
      why << "each head of keys and values serves " << group
          << " of queries, and " << *wanted << " is no multiple; ";
    } else if ((wanted || options.maxError) && isPerHead) {
      why << "its mask has a part for each head; ";
    } else if (wanted) {
      goal.groups = *wanted / group;
    }
    if (!goal.groups && (wanted || isPerHead))
      goal.groups = groups; // all stay, whatever the error
    if (qkRank && roundedUp(*qkRank) >= op.getQkDim())
      why << "scores sum " << op.getQkDim() << " channels, and "
          << nameOf(*qkRank) << " are not fewer; ";
    else
      goal.qkRank = qkRank;
    if (options.voRank && group != 1)
      why << "each head of values serves " << group
          << " of queries, which would need different channels of it; ";
    else if (options.voRank && roundedUp(*options.voRank) >= op.getValueDim())
      why << "values have " << op.getValueDim() << " channels, and "
          << nameOf(*options.voRank) << " are not fewer; ";
    else if (options.voRank)
      goal.voRank = roundedUp(*options.voRank);
    goal.maxError = options.maxError;
    goal.multiple = options.multiple;
    bool changes = goal.maxError || goal.qkRank || goal.voRank ||
                   (goal.groups && *goal.groups < groups);
    if (!changes && text.empty())
      return "head-counts= and qk-ranks= do not name it, and there is no other "
             "option";
    return changes ? "" : StringRef(text).drop_back(2).str();
  }

  static bool hasMaskPerHead(AttentionOp op) {
    auto type = cast<RankedTensorType>(op.getMask().getType());
    return type.getRank() == 3 ||
           (type.getRank() == 4 && type.getDimSize(1) != 1);
  }

  void finish(RewriterBase &rewriter, Candidate &candidate) {
    AttentionOp op = candidate.site.attention;
    if (!candidate.importance.empty())
      remarkFound(op.getLoc(), kFlag, "importance", candidate.importance);
    if (!candidate.plan)
      return missed(op, candidate.why);
    const HeadsPlan &plan = *candidate.plan;
    if (!plan.spectrum.empty())
      remarkFound(op.getLoc(), kFlag, "spectrum",
                  seriesText("channels", plan.spectrum));
    int64_t heads = op.getNumHeads(), group = heads / op.getNumKvHeads();
    int64_t left = int64_t(plan.kept.size()) * group;
    int64_t qkDim = op.getQkDim(), valueDim = op.getValueDim();
    if (left == heads && plan.qkDim == qkDim && plan.valueDim == valueDim)
      return missed(op, llvm::formatv("fewer than its {0} heads or {1} "
                                      "channels of scores lose more than "
                                      "{2:e1} of the variance",
                                      heads, qkDim, *options.maxError)
                            .str());
    std::string text;
    llvm::raw_string_ostream os(text);
    os << heads << " heads to " << left << ", " << qkDim
       << " channels of scores to " << plan.qkDim << ", " << valueDim
       << " channels of values to " << plan.valueDim;
    os << llvm::formatv(", with {0:e2} of the variance of scores and {1:e2} of "
                        "that of the output lost, {2}",
                        plan.scoreError, plan.outputError,
                        plan.outputError == 0
                            ? candidate.moments.query.source
                            : candidate.moments.output.source);
    if (plan.heldOutError)
      os << llvm::formatv(" and {0:e2} on sequences held out",
                          *plan.heldOutError);
    if (candidate.beside)
      os << "; single queries give the rest";
    std::string path = modulePath(candidate.site.output).str();
    Value single;
    if (candidate.beside) {
      single = addSingleQueries(rewriter, candidate.site, *candidate.beside);
      addSingleReads(*options.profile, candidate.site, *candidate.beside,
                     *candidate.goal.beside);
    }
    AttentionSite fresh = narrowHeads(rewriter, candidate.site, plan);
    if (single)
      addTo(rewriter, fresh.output, single);
    if (options.profile) {
      changeInput(*options.profile, path, plan.basis);
      options.profile->mixings.erase(path); // of all heads
    }
    ++result.narrowed;
    result.before += heads;
    result.after += left;
    remarkDone(fresh.attention.getLoc(), kFlag, "narrowed", text);
  }

  static void addTo(RewriterBase &rewriter, LinearOp output, Value single) {
    rewriter.setInsertionPointAfter(output);
    auto sum = arith::AddFOp::create(rewriter, output.getLoc(),
                                     output.getResult(), single);
    rewriter.replaceAllUsesExcept(output.getResult(), sum.getResult(), sum);
  }

  ModuleOp module;
  const NarrowHeadsOptions &options;
  const NumbersByPath &qkRanks, &headCounts;
  std::vector<Candidate> candidates;
  NarrowResult result;
};
} // namespace

llvm::Expected<NarrowResult>
transformer::narrowHeads(ModuleOp module, const NarrowHeadsOptions &options) {
  if (options.heads && options.keep)
    return makeError("heads and keep exclude each other: give one");
  if (options.singleQueries && options.voRank)
    return makeError("single-queries and vo-rank exclude each other: give one");
  if (options.singleQueries && !options.heads && !options.keep &&
      !options.maxError && options.headCounts.empty())
    return makeError("single-queries stand in for heads that go: give heads=, "
                     "keep=, head-counts= or max-error= too");
  if (!options.heads && !options.keep && !options.qkRank && !options.voRank &&
      !options.maxError && options.qkRanks.empty() &&
      options.headCounts.empty())
    return makeError("how narrow is not said: give heads=, keep=, qk-rank=, "
                     "vo-rank=, max-error=, head-counts= or qk-ranks=");
  for (auto [name, value] :
       {std::pair("heads", options.heads), std::pair("qk-rank", options.qkRank),
        std::pair("vo-rank", options.voRank),
        std::pair("multiple", std::optional(options.multiple))})
    if (llvm::Error error = checkSize(name, value))
      return error;
  if (options.keep && !(*options.keep > 0 && *options.keep <= 1))
    return makeError("keep is no part between 0 and 1");
  if (options.maxError && !(*options.maxError >= 0 && *options.maxError <= 1))
    return makeError("max-error is no part between 0 and 1");
  for (auto [name, value] : {std::pair("damping", options.damping),
                             std::pair("rank-error", options.rankError)})
    if (llvm::Error error = checkWeight(name, value))
      return error;
  llvm::Expected<NumbersByPath> ranks =
      parseNumbersByPath("qk-ranks", options.qkRanks);
  if (!ranks)
    return ranks.takeError();
  llvm::Expected<NumbersByPath> counts =
      parseNumbersByPath("head-counts", options.headCounts);
  if (!counts)
    return counts.takeError();
  return HeadNarrower(module, options, *ranks, *counts).run();
}

namespace {
struct NarrowHeads
    : public transformer::impl::TransformerNarrowHeadsBase<NarrowHeads> {
  using TransformerNarrowHeadsBase::TransformerNarrowHeadsBase;

  llvm::Error narrow(GivenOptions &given) {
    NarrowHeadsOptions options;
    options.profile = given.known();
    options.filter = &given.filter;
    options.multiple = multiple;
    options.damping = damping;
    options.seed = seed;
    takeGiven(options.heads, heads);
    takeGiven(options.keep, keep);
    takeGiven(options.qkRank, qkRank);
    takeGiven(options.voRank, voRank);
    takeGiven(options.maxError, maxError);
    options.qkRanks = qkRanks;
    options.headCounts = headCounts;
    options.singleQueries = singleQueries;
    options.rankError = rankError;
    auto result = transformer::narrowHeads(getOperation(), options);
    if (!result)
      return result.takeError();
    numNarrowed += result->narrowed;
    numLeft += result->left;
    numHeads += result->before - result->after;
    return llvm::Error::success();
  }

  void runOnOperation() override {
    if (failed(runWithGiven(
            getOperation(), kFlag, skip, only, profile, saveProfile,
            [&](GivenOptions &given) { return narrow(given); })))
      signalPassFailure();
  }
};
} // namespace
