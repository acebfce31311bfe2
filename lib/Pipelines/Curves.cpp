//===- Curves.cpp - what each change of a model costs ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Curves.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/CompressEmbedding.h"
#include "transformer/Transforms/Narrow.h"
#include "transformer/Transforms/Quantize.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::transformer;

static constexpr double kDamping = 1e-4;
/// Of all sequences: enough to compare variants, of which there are dozens.
static constexpr int64_t kTokens = 6000;
/// The error of a layer at which its effect on the output is measured: small
/// enough for others to add to it, large enough to be seen.
static constexpr double kProbe = 0.05;

namespace {
/// One size of a layer that is free.
struct Site {
  StringRef kind; // ffn, heads or scores
  std::string path;
  std::vector<std::string> paths; // of all linears, and the attention
  int64_t index = 0;              // of the op in the order of a walk
  int64_t size = 0;
  int64_t numbers = 0; // of weights, per unit of the size
  /// Sizes that can be chosen, and the part of the variance (of the layer's
  /// output, or of scores) that they lose.
  std::vector<std::pair<int64_t, double>> errors;
  double gain = 0; // loss of the model's output per such a part
  std::optional<EliminationCurve> curve; // of ffn
  std::string why;                       // there is nothing to choose
};

class Measurement {
public:
  Measurement(ModuleOp module, const Profile &profile, OutputLoss &loss,
              function_ref<void(StringRef)> show)
      : module(module), profile(profile), loss(loss), show(show) {}

  llvm::Error run() {
    find();
    parallelForEach(module.getContext(), sites, [&](Site &site) {
      llvm::Error error = curveOf(site);
      if (error)
        site.why = llvm::toString(std::move(error));
    });
    llvm::erase_if(sites, [](const Site &site) { return !site.why.empty(); });
    for (Site &site : sites)
      if (llvm::Error error = measureGain(site))
        return error;
    return measureRounding();
  }

  void write(llvm::json::OStream &json) const;

private:
  template <typename Op> static Op nth(ModuleOp module, int64_t index) {
    Op found;
    module.walk([&](Op op) {
      if (index-- == 0)
        found = op;
    });
    return found;
  }
  static FfnPair pairOf(LinearOp down) {
    return {down.getInput().getDefiningOp<LinearOp>(), down};
  }

  void add(StringRef kind, Operation *op, int64_t index, int64_t size,
           int64_t numbers, ArrayRef<Operation *> parts) {
    Site site;
    site.kind = kind, site.path = modulePath(op).str(), site.index = index;
    site.size = size, site.numbers = numbers;
    for (Operation *part : parts)
      site.paths.push_back(modulePath(part).str());
    sites.push_back(std::move(site));
  }
  void find();
  llvm::Error curveOf(Site &site);
  llvm::Error measureGain(Site &site);
  llvm::Error measureRounding();

  ModuleOp module;
  const Profile &profile;
  OutputLoss &loss;
  function_ref<void(StringRef)> show;
  std::vector<Site> sites;
  int64_t linearNumbers = 0, tableNumbers = 0;
  std::vector<std::pair<double, double>> linearBits, tableBits;
};
} // namespace

static int64_t elementsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() ? type.getNumElements() : 0;
}

void Measurement::find() {
  int64_t index = 0;
  module.walk([&](LinearOp op) {
    linearNumbers += elementsOf(op.getWeight());
    if (whyNotFfnPair(op).empty()) {
      FfnPair pair = pairOf(op);
      int64_t size =
          cast<RankedTensorType>(op.getWeight().getType()).getDimSize(1);
      int64_t numbers = (elementsOf(pair.up.getWeight()) +
                         elementsOf(pair.down.getWeight())) /
                        std::max<int64_t>(size, 1);
      add("ffn", pair.up, index, size, numbers, {pair.up, pair.down});
    }
    ++index;
  });
  module.walk([&](EmbeddingOp op) {
    if (whyNotRounded(op).empty())
      tableNumbers += elementsOf(op.getTable());
  });
  index = 0;
  module.walk([&](AttentionOp op) {
    if (whyNotNarrowed(op).empty()) {
      AttentionSite site = siteOf(op);
      int64_t scores =
          elementsOf(site.query.getWeight()) + elementsOf(site.key.getWeight());
      int64_t all = scores + elementsOf(site.value.getWeight()) +
                    elementsOf(site.output.getWeight());
      SmallVector<Operation *> parts{op, site.query, site.key, site.value,
                                     site.output};
      add("scores", op, index, op.getQkDim(), scores / int64_t(op.getQkDim()),
          parts);
      if (op.getNumHeads() > 1 && !op.getMask())
        add("heads", op, index, op.getNumHeads(),
            all / int64_t(op.getNumHeads()), parts);
    }
    ++index;
  });
}

/// At most 24 sizes, multiples of what kernels like.
static std::vector<int64_t> sizesBelow(int64_t size, int64_t multiple) {
  while (size / multiple > 24)
    multiple *= 2;
  std::vector<int64_t> sizes;
  for (int64_t s = (size - 1) / multiple * multiple; s > 0; s -= multiple)
    sizes.push_back(s);
  return sizes;
}

static HeadsGoal goalOf(const Site &site, AttentionOp op, int64_t size) {
  HeadsGoal goal;
  if (site.kind == "scores")
    goal.groups = op.getNumKvHeads(), goal.qkRank = size;
  else
    goal.groups = size * op.getNumKvHeads() / op.getNumHeads();
  return goal;
}

llvm::Error Measurement::curveOf(Site &site) {
  if (site.kind == "ffn") {
    auto down = nth<LinearOp>(module, site.index);
    auto curve = ffnCurve(pairOf(down), momentsOf(down, &profile, 0), kDamping);
    if (!curve)
      return curve.takeError();
    for (int64_t size : sizesBelow(site.size, 64))
      site.errors.emplace_back(size, curve->errors[site.size - size]);
    site.curve = std::move(*curve);
    return llvm::Error::success();
  }
  auto op = nth<AttentionOp>(module, site.index);
  AttentionSite attention = siteOf(op);
  SiteMoments moments = momentsOf(attention, &profile, 0);
  if (site.kind == "heads") {
    auto curve = headsCurve(attention, moments, kDamping);
    if (!curve)
      return curve.takeError();
    int64_t group = op.getNumHeads() / op.getNumKvHeads();
    for (int64_t left = curve->groups() - 1; left > 0; --left)
      site.errors.emplace_back(left * group,
                               curve->errors[curve->groups() - left]);
    return llvm::Error::success();
  }
  for (int64_t size : sizesBelow(site.size, 8)) {
    auto plan = planHeads(attention, moments, goalOf(site, op, size), kDamping);
    if (!plan)
      return plan.takeError();
    site.errors.emplace_back(size, plan->scoreError);
  }
  return llvm::Error::success();
}

/// By a model whose weights of this one layer are those of a smaller size.
llvm::Error Measurement::measureGain(Site &site) {
  const std::pair<int64_t, double> *probe = nullptr;
  for (const auto &choice : site.errors)
    if (choice.second > 0 && (!probe || choice.second <= kProbe))
      probe = &choice;
  if (!probe)
    return llvm::Error::success(); // nothing is lost at any size
  show(llvm::formatv("{0}, {1} at {2} of {3}", site.path, site.kind,
                     probe->first, site.size)
           .str());
  OwningOpRef<ModuleOp> variant = module.clone();
  IRRewriter rewriter(module.getContext());
  double error = probe->second;
  if (site.kind == "ffn") {
    auto down = nth<LinearOp>(*variant, site.index);
    auto plan = planFfn(pairOf(down), site.curve->kept(probe->first),
                        momentsOf(down, &profile, 0), kDamping);
    if (!plan)
      return plan.takeError();
    muteFfn(rewriter, pairOf(down), *plan);
  } else {
    auto op = nth<AttentionOp>(*variant, site.index);
    AttentionSite attention = siteOf(op);
    auto plan = planHeads(attention, momentsOf(attention, &profile, 0),
                          goalOf(site, op, probe->first), kDamping);
    if (!plan)
      return plan.takeError();
    muteHeads(rewriter, attention, *plan);
  }
  auto lost = loss.of(*variant, /*hasSameShapes=*/true);
  if (!lost)
    return lost.takeError();
  site.gain = *lost / error;
  return llvm::Error::success();
}

llvm::Error Measurement::measureRounding() {
  for (double bits : {4.75, 3.25}) {
    show(llvm::formatv("linears in {0} bits", bits).str());
    OwningOpRef<ModuleOp> variant = module.clone();
    QuantizeOptions how;
    how.profile = &profile;
    how.compensate = true;
    how.bits = bits;
    quantizeWeights(*variant, how);
    auto lost = loss.of(*variant, /*hasSameShapes=*/false);
    if (!lost)
      return lost.takeError();
    linearBits.emplace_back(bits, *lost);
  }
  if (tableNumbers == 0)
    return llvm::Error::success();
  double bits = 2.5;
  show(llvm::formatv("tables in {0} bits", bits).str());
  OwningOpRef<ModuleOp> variant = module.clone();
  if (compressEmbeddings(*variant, ModuleFilter(), bits).tables == 0) {
    tableNumbers = 0;
    return llvm::Error::success();
  }
  auto lost = loss.of(*variant, /*hasSameShapes=*/false);
  if (!lost)
    return lost.takeError();
  tableBits.emplace_back(bits, *lost);
  return llvm::Error::success();
}

void Measurement::write(llvm::json::OStream &json) const {
  json.attribute("output", llvm::json::fixUTF8(loss.output()));
  json.attribute("tokens", loss.tokens());
  json.attribute("linear_numbers", linearNumbers);
  json.attribute("table_numbers", tableNumbers);
  auto pairs = [&](StringRef name, const auto &list) {
    json.attributeArray(name, [&] {
      for (const auto &[at, value] : list)
        json.array([&, at = at, value = value] {
          json.value(at);
          json.value(value);
        });
    });
  };
  pairs("linear_bits", linearBits);
  pairs("table_bits", tableBits);
  json.attributeArray("sites", [&] {
    for (const Site &site : sites)
      json.object([&] {
        json.attribute("kind", site.kind);
        json.attribute("path", llvm::json::fixUTF8(site.path));
        json.attribute("size", site.size);
        json.attribute("numbers", site.numbers);
        json.attribute("gain", site.gain);
        json.attributeArray("paths", [&] {
          for (const std::string &path : site.paths)
            json.value(llvm::json::fixUTF8(path));
        });
        pairs("errors", site.errors);
      });
  });
}

/// Every n-th sequence.
static Sequences thinned(const Sequences &all) {
  Sequences some;
  some.source = all.source;
  int64_t tokens = 0;
  for (const std::vector<int32_t> &ids : all.ids)
    tokens += ids.size();
  size_t step = std::max<int64_t>(1, tokens / kTokens);
  for (size_t i = 0; i < all.ids.size(); i += step)
    some.ids.push_back(all.ids[i]);
  some.images = all.images;
  return some;
}

llvm::Expected<std::string>
mlir::transformer::measureCurves(ModuleOp module, const Profile &profile,
                                 const Sequences &sequences, unsigned threads,
                                 function_ref<void(StringRef)> show) {
  auto loss = OutputLoss::create(module, thinned(sequences), threads);
  if (!loss)
    return loss.takeError();
  Measurement measurement(module, profile, *loss, show);
  if (llvm::Error error = measurement.run())
    return std::move(error);
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("format", 1);
    json.attribute("checkpoint", llvm::json::fixUTF8(profile.checkpoint));
    json.attribute("profile", llvm::json::fixUTF8(profile.source));
    json.attribute("sequences", llvm::json::fixUTF8(sequences.source));
    measurement.write(json);
  });
  return text + "\n";
}
