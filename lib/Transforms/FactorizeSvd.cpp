//===- FactorizeSvd.cpp - linears as two of lower rank --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"
#include "KnownWeights.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Elimination.h"
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

static RankedTensorType weightType(LinearOp op) {
  return cast<RankedTensorType>(op.getWeight().getType());
}

int64_t FactorGroup::inputs() const {
  return weightType(linears.front()).getDimSize(1);
}

int64_t FactorGroup::outputs() const {
  int64_t sum = 0;
  for (LinearOp op : linears)
    sum += weightType(op).getDimSize(0);
  return sum;
}

int64_t FactorGroup::numbersOf(int64_t rank) const {
  return rank * (inputs() + outputs());
}

int64_t FactorGroup::mostRank() const {
  return (numbers() - 1) / (inputs() + outputs());
}

/// One weight below the other.
static Matrix stacked(const FactorGroup &group) {
  Matrix all(0, group.inputs());
  for (LinearOp op : group.linears) {
    Matrix own = matrixOf(op.getWeight());
    all.rows += own.rows;
    llvm::append_range(all.values, own.values);
  }
  return all;
}

/// As one output of `group` after the other; empty where none has one.
static std::vector<double> metricOf(const FactorGroup &group) {
  if (group.linears.size() == 1)
    return outputMetric(group.linears.front());
  return {};
}

llvm::Expected<LowRank> transformer::factorsOf(const FactorGroup &group,
                                               const InputMoments &moments,
                                               const LowRankOptions &options) {
  return lowRankOf(moments.covariance, stacked(group), metricOf(group),
                   options);
}

/// "encoder.layer.0.attention.self.query" gives
/// "encoder.layer.0.attention.self.query.down".
static std::string downName(const FactorGroup &group) {
  StringRef path = modulePath(group.linears.front());
  return (path.empty() ? StringRef("linear") : path).str() + ".down";
}

static LinearOp createDown(RewriterBase &rewriter, const FactorGroup &group,
                           const Matrix &down) {
  LinearOp first = group.linears.front();
  rewriter.setInsertionPoint(first);
  std::string name = downName(group);
  Location loc = NameLoc::get(rewriter.getStringAttr(name));
  Value weight = createWeight(
      rewriter, loc, name + ".weight",
      RankedTensorType::get({down.rows, down.columns}, rewriter.getF32Type()),
      rawBytes<float>(down.toFloats()), first.getWeight());
  auto input = cast<RankedTensorType>(first.getInput().getType());
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = down.rows;
  return LinearOp::create(rewriter, loc, input.clone(shape), first.getInput(),
                          weight, Value(), Value(), Value(), Activation::none);
}

FailureOr<double> transformer::factorize(RewriterBase &rewriter,
                                         FactorGroup &group,
                                         const LowRank &factors, int64_t rank,
                                         const InputMoments &moments,
                                         Profile *profile) {
  for (LinearOp op : group.linears) {
    StringRef why = whyNotChanged(op);
    if (!why.empty())
      return rewriter.notifyMatchFailure(op, why);
    if (op.getInput() != group.linears.front().getInput())
      return rewriter.notifyMatchFailure(op, "its input is another");
  }
  if (rank < 1 || rank > factors.channels())
    return rewriter.notifyMatchFailure(group.linears.front(),
                                       "there are not that many channels");
  std::vector<int64_t> first(rank);
  for (int64_t i = 0; i < rank; ++i)
    first[i] = i;
  Matrix down = factors.down.selectRows(first).roundedToFloats();
  Matrix up = factors.up.selectColumns(first).roundedToFloats();
  Matrix old = stacked(group), basis = down.transposed();
  double error =
      relativeError(moments.covariance, old, up, basis, metricOf(group));
  std::vector<double> biases;
  for (LinearOp op : group.linears)
    llvm::append_range(biases, biasOf(op));
  biases = refittedBias(std::move(biases), old, up, basis, moments.mean);

  LinearOp inner = createDown(rewriter, group, down);
  if (profile) { // the new linear reads what the old ones did
    auto known = profile->linears.find(modulePath(group.linears.front()));
    if (known != profile->linears.end())
      profile->linears[downName(group)] = known->second;
  }
  int64_t row = 0;
  for (LinearOp &op : group.linears) {
    std::vector<double> bias;
    std::vector<int64_t> own;
    for (int64_t n = weightType(op).getDimSize(0); n > 0; --n) {
      bias.push_back(biases[row]);
      own.push_back(row++);
    }
    if (profile)
      changeInput(*profile, modulePath(op), basis);
    op = exchangeLinear(rewriter, op, inner.getResult(), up.selectRows(own),
                        bias);
  }
  return error;
}

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
    if (options.ratio)
      return std::max<int64_t>(int64_t(*options.ratio * group.numbers()) /
                                   (group.inputs() + group.outputs()) /
                                   options.multiple * options.multiple,
                               1);
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
            next > candidate.factors.channels() ||
            group.numbersOf(options.multiple) > numbers)
          continue;
        double gain = (candidate.factors.errorOf(rank) -
                       candidate.factors.errorOf(next)) /
                      double(group.numbersOf(options.multiple));
        if (gain > most)
          most = gain, best = &candidate;
      }
      if (!best)
        return;
      best->rank += options.multiple;
      numbers -= best->group.numbersOf(options.multiple);
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
    if (rank > group.mostRank())
      return llvm::formatv(
          "rank {0} would take {1} numbers in place of {2}; below {3} it "
          "would pay",
          rank, group.numbersOf(rank), group.numbers(), group.mostRank() + 1);
    return "";
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
        "rank {0}, {1} numbers in place of {2}{3}, with {4:e2} of the "
        "output's variance lost, {5}",
        candidate.rank, after, before,
        group.linears.size() > 1
            ? llvm::formatv(", with one factor for {0} linears",
                            group.linears.size())
                  .str()
            : "",
        *error, candidate.moments.source);
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
  for (auto [name, value] : {std::pair("rank", options.rank),
                             std::pair("max-bytes", options.maxBytes)})
    if (value && *value < 1)
      return makeError(llvm::Twine(name) + " is " + llvm::Twine(*value) +
                       ", expected 1 or more");
  if (options.multiple < 1 || !(options.fit.damping >= 0))
    return makeError("multiple or damping is too small");
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
