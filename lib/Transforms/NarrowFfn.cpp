//===- NarrowFfn.cpp - fewer neurons between two linears ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"
#include "KnownWeights.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Support/Error.h"
#include "transformer/Transforms/ByPath.h"
#include "transformer/Transforms/Narrow.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERNARROWFFN
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-narrow-ffn";

static int64_t widthOf(FfnPair pair) {
  return cast<RankedTensorType>(pair.up.getWeight().getType()).getDimSize(0);
}

StringRef transformer::whyNotFfnPair(LinearOp down) {
  auto up = down.getInput().getDefiningOp<LinearOp>();
  if (!up)
    return "no linear gives its input";
  if (up.getActivation() == Activation::none)
    return "there is no activation between the two linears: "
           "transformer-factorize-svd finds more than a choice of neurons";
  if (!up->hasOneUse())
    return "the activations are read elsewhere too";
  StringRef why = whyNotChanged(up);
  return why.empty() ? whyNotChanged(down) : why;
}

llvm::Expected<EliminationCurve>
transformer::ffnCurve(FfnPair pair, const InputMoments &moments,
                      double damping) {
  return eliminate(moments.covariance, matrixOf(pair.down.getWeight()),
                   outputMetric(pair.down), 1, damping);
}

llvm::Expected<FfnPlan> transformer::planFfn(FfnPair pair,
                                             ArrayRef<int64_t> kept,
                                             const InputMoments &moments,
                                             double damping) {
  Matrix old = matrixOf(pair.down.getWeight());
  llvm::Expected<Matrix> weight = refit(moments.covariance, old, kept, damping);
  if (!weight)
    return weight.takeError();
  if (!weight->fitsFloats())
    return makeError("f32 does not hold the weight that was fitted");
  Matrix basis = selection(old.columns, kept);
  FfnPlan fit{kept, weight->roundedToFloats(), {}};
  fit.bias =
      refittedBias(biasOf(pair.down), old, fit.weight, basis, moments.mean);
  fit.error = relativeError(moments.covariance, old, fit.weight, basis,
                            outputMetric(pair.down));
  return fit;
}

FfnPair transformer::narrowFfn(RewriterBase &rewriter, FfnPair pair,
                               const FfnPlan &plan) {
  std::vector<double> oldBias = biasOf(pair.up), bias;
  for (int64_t neuron : plan.kept)
    bias.push_back(oldBias[neuron]);
  Matrix rows = matrixOf(pair.up.getWeight()).selectRows(plan.kept);
  pair.up = exchangeLinear(rewriter, pair.up, Value(), rows, bias);
  pair.down = exchangeLinear(rewriter, pair.down, pair.up.getResult(),
                             plan.weight, plan.bias);
  return pair;
}

namespace {
/// A pair on its way: candidates are independent of each other, as all fits
/// are to the original.
struct Candidate {
  FfnPair pair;
  std::optional<int64_t> width; // none: by maxError
  InputMoments moments;
  std::optional<FfnPlan> fit;
  std::string why;   // it stays
  std::string curve; // for the report: what fewer neurons lose
};

/// "neurons 1536:0 1472:1.2e-05 ...", at most 24 widths, the largest first.
static std::string curveText(const EliminationCurve &curve) {
  std::string text = "neurons";
  int64_t groups = curve.groups(), step = std::max<int64_t>(1, groups / 24);
  for (int64_t dropped = 0; dropped < groups; dropped += step)
    text += llvm::formatv(" {0}:{1:e2}", groups - dropped,
                          std::max(0.0, curve.errors[dropped]));
  return text;
}

class FfnNarrower {
public:
  FfnNarrower(ModuleOp module, const NarrowFfnOptions &options,
              const NumbersByPath &widths)
      : module(module), options(options), widths(widths) {}

  NarrowResult run() {
    module.walk([&](LinearOp down) { collect(down); });
    if (candidates.empty() && !result.left)
      remarkKept(module.getLoc(), kFlag,
                 "no linear reads another one: there are no neurons to narrow");
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
    remarkKept(op->getLoc(), kFlag, ("all neurons stay: " + why).str());
  }

  void collect(LinearOp down) {
    auto up = down.getInput().getDefiningOp<LinearOp>();
    if (!up)
      return;
    FfnPair pair{up, down};
    StringRef why = options.filter ? options.filter->whyNot(up) : "";
    if (why.empty())
      why = whyNotFfnPair(down);
    if (!why.empty())
      return missed(up, why);
    Candidate candidate;
    candidate.pair = pair;
    std::string whyNot = setWidth(candidate);
    if (!whyNot.empty())
      return missed(up, whyNot);
    candidate.moments = momentsOf(down, options.profile, options.seed);
    candidates.push_back(std::move(candidate));
  }

  /// Up to a multiple.
  int64_t roundedUp(int64_t width, int64_t most) const {
    return std::min<int64_t>(llvm::alignTo(width, options.multiple), most);
  }

  /// Why the pair keeps all; empty if it has a width or finds one.
  std::string setWidth(Candidate &candidate) const {
    int64_t old = widthOf(candidate.pair);
    std::optional<int64_t> width = widths.find(modulePath(candidate.pair.up));
    if (!width)
      width = options.width;
    if (!width && options.keep)
      width = int64_t(std::ceil(*options.keep * double(old)));
    if (!width)
      return options.maxError
                 ? ""
                 : "widths= does not name it, and there is no other option";
    int64_t target = roundedUp(std::max<int64_t>(*width, 1), old);
    if (target >= old)
      return llvm::formatv("it has {0} neurons, and {1}, rounded up to a "
                           "multiple of {2}, are not fewer",
                           old, *width, options.multiple);
    candidate.width = target;
    return "";
  }

  void plan(Candidate &candidate) const {
    int64_t old = widthOf(candidate.pair);
    llvm::Expected<EliminationCurve> curve =
        ffnCurve(candidate.pair, candidate.moments, options.damping);
    if (!curve) {
      candidate.why = llvm::toString(curve.takeError());
      return;
    }
    candidate.curve = curveText(*curve);
    // The curve counts the damping as error too, and so is an upper bound:
    // narrower ones may do.
    int64_t most = candidate.width
                       ? *candidate.width
                       : roundedUp(curve->countFor(*options.maxError), old);
    int64_t least = candidate.width ? most : roundedUp(1, most);
    while (least <= most && candidate.why.empty()) {
      int64_t steps = (most - least) / options.multiple;
      int64_t width = std::min(least + steps / 2 * options.multiple, most);
      if (width >= old)
        break;
      llvm::Expected<FfnPlan> fit = planFfn(candidate.pair, curve->kept(width),
                                            candidate.moments, options.damping);
      if (!fit) {
        candidate.why = llvm::toString(fit.takeError());
      } else if (candidate.width || fit->error <= *options.maxError) {
        candidate.fit = std::move(*fit);
        most = width - options.multiple;
      } else {
        least = width + options.multiple;
      }
    }
    if (!candidate.fit && candidate.why.empty())
      candidate.why =
          llvm::formatv("fewer than its {0} lose more than {1:e1} of the "
                        "output's variance",
                        old, *options.maxError);
  }

  void finish(RewriterBase &rewriter, Candidate &candidate) {
    FfnPair pair = candidate.pair;
    if (!candidate.curve.empty())
      remarkFound(pair.up.getLoc(), kFlag, "error-curve", candidate.curve);
    if (!candidate.fit)
      return missed(pair.up, candidate.why);
    const FfnPlan &fit = *candidate.fit;
    int64_t old = widthOf(pair), width = fit.kept.size();
    std::string path = modulePath(pair.down).str();
    LinearOp oldDown = pair.down;
    pair = narrowFfn(rewriter, pair, fit);
    for (Candidate &other : candidates) // its linears may be one's down, too
      if (other.pair.up == oldDown)
        other.pair.up = pair.down;
    if (options.profile)
      changeInput(*options.profile, path, selection(old, fit.kept));
    ++result.narrowed;
    result.before += old;
    result.after += width;
    remarkDone(pair.up.getLoc(), kFlag, "narrowed",
               llvm::formatv("{0} neurons to {1}, with {2:e2} of the output's "
                             "variance lost, {3}",
                             old, width, fit.error, candidate.moments.source));
  }

  ModuleOp module;
  const NarrowFfnOptions &options;
  const NumbersByPath &widths;
  std::vector<Candidate> candidates;
  NarrowResult result;
};
} // namespace

llvm::Expected<NarrowResult>
transformer::narrowFfns(ModuleOp module, const NarrowFfnOptions &options) {
  int given = options.width.has_value() + options.keep.has_value() +
              options.maxError.has_value();
  if (given > 1)
    return makeError("width, keep and max-error exclude each other: give one");
  if (!given && options.widths.empty())
    return makeError("how narrow is not said: give width=, keep=, max-error= "
                     "or widths=");
  if (options.keep && !(*options.keep > 0 && *options.keep <= 1))
    return makeError("keep is no part between 0 and 1");
  if (options.maxError && !(*options.maxError >= 0 && *options.maxError <= 1))
    return makeError("max-error is no part between 0 and 1");
  for (auto [name, value] :
       {std::pair("width", options.width),
        std::pair("multiple", std::optional(options.multiple))})
    if (llvm::Error error = checkSize(name, value))
      return error;
  if (llvm::Error error = checkWeight("damping", options.damping))
    return error;
  llvm::Expected<NumbersByPath> widths =
      parseNumbersByPath("widths", options.widths);
  if (!widths)
    return widths.takeError();
  return FfnNarrower(module, options, *widths).run();
}

namespace {
struct NarrowFfn
    : public transformer::impl::TransformerNarrowFfnBase<NarrowFfn> {
  using TransformerNarrowFfnBase::TransformerNarrowFfnBase;

  llvm::Error narrow(GivenOptions &given) {
    NarrowFfnOptions options;
    options.profile = given.known();
    options.filter = &given.filter;
    options.multiple = multiple;
    options.damping = damping;
    options.seed = seed;
    takeGiven(options.width, width);
    takeGiven(options.keep, keep);
    takeGiven(options.maxError, maxError);
    options.widths = widths;
    llvm::Expected<NarrowResult> result = narrowFfns(getOperation(), options);
    if (!result)
      return result.takeError();
    numNarrowed += result->narrowed;
    numLeft += result->left;
    numNeurons += result->before - result->after;
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
