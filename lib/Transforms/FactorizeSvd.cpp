//===- FactorizeSvd.cpp - linears as two of lower rank --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"
#include "KnownWeights.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/Factorize.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFACTORIZESVD
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-factorize-svd";

namespace {
struct Candidate {
  FactorGroup group;
  InputMoments moments;
  LowRank factors;
  int64_t rank = 0; // 0: stays
  std::string why;
};

/// "channels 1:0.31 12:2.1e-3 ...": what a channel adds to the output, as a
/// part of its variance; about 48 of them.
static std::string spectrumText(const LowRank &factors) {
  std::string text = "channels";
  int64_t step = std::max<int64_t>(1, factors.channels() / 48);
  for (int64_t c = 0; c < factors.channels(); c += step)
    text += llvm::formatv(
        " {0}:{1:e2}", c + 1,
        factors.variance > 0 ? factors.energies[c] / factors.variance : 0.0);
  return text;
}

class Factorizer {
public:
  Factorizer(ModuleOp module, const FactorizeSvdOptions &options)
      : module(module), options(options) {}

  FactorizeSvdResult run() {
    collect();
    if (candidates.empty() && !result.left)
      remarkKept(module.getLoc(), kFlag, "there is no linear to factorize");
    parallelForEach(module.getContext(), candidates, [&](Candidate &candidate) {
      LowRankOptions fit = options.fit;
      fit.most = candidate.group.mostRank();
      auto factors = factorsOf(candidate.group, candidate.moments, fit);
      if (factors)
        candidate.factors = std::move(*factors);
      else
        candidate.why = llvm::toString(factors.takeError());
    });
    if (options.maxBytes)
      share();
    else
      for (Candidate &candidate : candidates)
        candidate.rank = rankOf(candidate);
    IRRewriter rewriter(module.getContext());
    for (Candidate &candidate : candidates)
      finish(rewriter, candidate);
    eraseUnreadWeights(module, [](Location, StringRef) {});
    return result;
  }

private:
  void missed(Operation *op, StringRef why) {
    ++result.left;
    remarkKept(op->getLoc(), kFlag,
               ("the linear keeps its rank: " + why).str());
  }

  /// Queries, keys or values of attention.
  static bool isProjection(LinearOp op) {
    return op->hasOneUse() && isa<AttentionOp>(*op->getUsers().begin());
  }

  void collect() {
    llvm::MapVector<std::tuple<Value, Block *, Operation *>, FactorGroup>
        groups;
    module.walk([&](LinearOp op) {
      StringRef why = options.filter ? options.filter->whyNot(op) : "";
      if (why.empty())
        why = whyNotChanged(op);
      if (!why.empty())
        return missed(op, why);
      Operation *own = op; // not shared
      if (options.share && isProjection(op))
        own = nullptr;
      groups[{op.getInput(), op->getBlock(), own}].linears.push_back(op);
    });
    for (auto &[key, group] : groups) {
      Candidate candidate;
      candidate.moments =
          momentsOf(group.linears.front(), options.profile, options.fit.seed);
      candidate.group = std::move(group);
      candidate.group.pivoted = options.pivoted;
      result.before += candidate.group.numbers();
      candidates.push_back(std::move(candidate));
    }
  }

  int64_t roundedUp(int64_t rank) const {
    return llvm::alignTo(std::max<int64_t>(rank, 1), options.multiple);
  }

  /// The rank that the options ask for.
  int64_t rankOf(const Candidate &candidate) const {
    const FactorGroup &group = candidate.group;
    if (options.rank)
      return *options.rank;
    if (options.ratio) {
      int64_t rank = group.mostRank() / options.multiple * options.multiple;
      while (rank > 0 && double(group.numbersOf(rank)) >
                             *options.ratio * double(group.numbers()))
        rank -= options.multiple;
      return std::max<int64_t>(rank, 1);
    }
    double error = options.energy ? 1 - *options.energy : *options.error;
    int64_t rank = candidate.factors.rankFor(error);
    // Only the channels that pay are known: more would be needed.
    if (candidate.factors.errorOf(rank) > error + 1e-12)
      return roundedUp(group.mostRank() + 1);
    return roundedUp(rank);
  }

  /// Ranks for the least sum of errors in `maxBytes`: a common price per number
  /// says for each group which rank, or none, is best.
  void share() {
    auto numbersAt = [&](double price) {
      int64_t sum = 0;
      for (Candidate &candidate : candidates) {
        candidate.rank = bestRank(candidate, price);
        sum += candidate.rank ? candidate.group.numbersOf(candidate.rank)
                              : candidate.group.numbers();
      }
      return sum;
    };
    int64_t most = *options.maxBytes / int64_t(sizeof(float));
    double low = 1e-15, high = 1.0; // per number
    if (numbersAt(low) <= most)
      return;
    for (int i = 0; i < 60; ++i) {
      double middle = std::sqrt(low * high);
      (numbersAt(middle) <= most ? high : low) = middle;
    }
    spend(most - numbersAt(high));
  }

  /// The numbers that the next rank after `rank` takes more.
  int64_t more(const FactorGroup &group, int64_t rank) const {
    return group.numbersOf(rank + options.multiple) - group.numbersOf(rank);
  }

  /// What is left of the budget, where it helps most: prices only reach ranks
  /// that are on the convex hull of errors over numbers.
  void spend(int64_t numbers) {
    while (true) {
      Candidate *best = nullptr;
      double most = 0;
      for (Candidate &candidate : candidates) {
        const FactorGroup &group = candidate.group;
        int64_t rank = candidate.rank, next = rank + options.multiple;
        if (!rank || next > group.mostRank() ||
            next > candidate.factors.channels() || more(group, rank) > numbers)
          continue;
        double gain = (candidate.factors.errorOf(rank) -
                       candidate.factors.errorOf(next)) /
                      double(more(group, rank));
        if (gain > most)
          most = gain, best = &candidate;
      }
      if (!best)
        return;
      numbers -= more(best->group, best->rank);
      best->rank += options.multiple;
    }
  }

  int64_t bestRank(const Candidate &candidate, double price) const {
    const FactorGroup &group = candidate.group;
    int64_t best = 0,
            most = std::min(group.mostRank(), candidate.factors.channels());
    double least = price * double(group.numbers());
    for (int64_t rank = options.multiple; rank <= most;
         rank += options.multiple) {
      double cost = candidate.factors.errorOf(rank) +
                    price * double(group.numbersOf(rank));
      if (cost < least)
        least = cost, best = rank;
    }
    return best;
  }

  /// Why `rank` is none to take; empty if it is.
  std::string whyNot(const Candidate &candidate, int64_t rank) const {
    const FactorGroup &group = candidate.group;
    if (!candidate.why.empty())
      return candidate.why;
    if (rank == 0)
      return llvm::formatv("max-bytes={0} is better spent on it",
                           *options.maxBytes);
    if (rank <= group.mostRank())
      return "";
    if (rank >= std::min(group.inputs(), group.outputs()))
      return llvm::formatv("rank {0} is not below its own, {1}{2}", rank,
                           std::min(group.inputs(), group.outputs()),
                           below(group));
    std::string why = llvm::formatv(
        "rank {0} would take {1} numbers in place of {2}{3}", rank,
        group.numbersOf(rank), group.numbers(), below(group));
    FactorGroup other = group;
    other.pivoted = true;
    if (rank <= other.mostRank())
      why += llvm::formatv(", and with pivoted=true below {0}",
                           other.mostRank() + 1);
    return why;
  }

  static std::string below(const FactorGroup &group) {
    return llvm::formatv("; below {0} it would pay", group.mostRank() + 1);
  }

  void finish(RewriterBase &rewriter, Candidate &candidate) {
    FactorGroup &group = candidate.group;
    if (candidate.factors.channels() > 0)
      remarkFound(group.linears.front().getLoc(), kFlag, "spectrum",
                  spectrumText(candidate.factors));
    std::string why = whyNot(candidate, candidate.rank);
    // As it is now: its linears are to be the second factors.
    int64_t before = group.numbers(), after = group.numbersOf(candidate.rank);
    ReasonListener listener(why);
    rewriter.setListener(&listener);
    FailureOr<double> error = failure();
    if (why.empty())
      error = factorize(rewriter, group, candidate.factors, candidate.rank,
                        candidate.moments, options.profile);
    rewriter.setListener(nullptr);
    if (failed(error)) {
      result.after += before;
      for (LinearOp op : group.linears)
        missed(op, why);
      return;
    }
    result.after += after;
    result.factorized += group.linears.size();
    std::string text = llvm::formatv(
        "rank {0}{6}, {1} numbers in place of {2}{3}, with {4:e2} of the "
        "output's variance lost, {5}",
        candidate.rank, after, before,
        group.linears.size() > 1
            ? llvm::formatv(", with one factor for {0} linears",
                            group.linears.size())
                  .str()
            : "",
        *error, candidate.moments.source, group.pivoted ? ", of inputs" : "");
    for (LinearOp op : group.linears)
      remarkDone(op.getLoc(), kFlag, "factorized", text);
  }

  ModuleOp module;
  const FactorizeSvdOptions &options;
  std::vector<Candidate> candidates;
  FactorizeSvdResult result;
};
} // namespace

llvm::Expected<FactorizeSvdResult>
transformer::factorizeSvd(ModuleOp module, const FactorizeSvdOptions &options) {
  int given = options.rank.has_value() + options.maxBytes.has_value() +
              options.energy.has_value() + options.error.has_value() +
              options.ratio.has_value();
  if (given != 1)
    return makeError(
        llvm::Twine(given ? "several options say" : "nothing says") +
        " which rank: give one of rank=, energy=, error=, ratio= "
        "and max-bytes=");
  for (auto [name, value] :
       {std::pair("energy", options.energy), std::pair("error", options.error),
        std::pair("ratio", options.ratio)})
    if (value && !(*value >= 0 && *value <= 1))
      return makeError(llvm::Twine(name) + " is no part between 0 and 1");
  for (auto [name, value] :
       {std::pair("rank", options.rank),
        std::pair("multiple", std::optional(options.multiple))})
    if (llvm::Error error = checkSize(name, value))
      return error;
  if (options.maxBytes && *options.maxBytes < 1)
    return makeError("max-bytes is " + llvm::Twine(*options.maxBytes) +
                     ", expected 1 or more");
  if (llvm::Error error = checkWeight("damping", options.fit.damping))
    return error;
  return Factorizer(module, options).run();
}

namespace {
struct FactorizeSvd
    : public transformer::impl::TransformerFactorizeSvdBase<FactorizeSvd> {
  using TransformerFactorizeSvdBase::TransformerFactorizeSvdBase;

  llvm::Error factorizeAll(GivenOptions &given) {
    FactorizeSvdOptions options;
    options.profile = given.known();
    options.filter = &given.filter;
    options.share = share;
    options.pivoted = pivoted;
    options.multiple = multiple;
    options.fit.damping = damping;
    options.fit.seed = seed;
    options.fit.exactBelow = exactBelow;
    takeGiven(options.rank, rank);
    takeGiven(options.maxBytes, maxBytes);
    takeGiven(options.energy, energy);
    takeGiven(options.error, error);
    takeGiven(options.ratio, ratio);
    auto result = factorizeSvd(getOperation(), options);
    if (!result)
      return result.takeError();
    numFactorized += result->factorized;
    numLeft += result->left;
    numNumbers += result->before - result->after;
    return llvm::Error::success();
  }

  void runOnOperation() override {
    if (failed(runWithGiven(
            getOperation(), kFlag, skip, only, profile, saveProfile,
            [&](GivenOptions &given) { return factorizeAll(given); })))
      signalPassFailure();
  }
};
} // namespace
