//===- QuantizeWeights.cpp - integer products, dynamic per token ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears that share an input share its quantize; groups of them that share a
// weight share the multipliers too, so that a weight has one i8 form.
//===----------------------------------------------------------------------===//
#include "GivenOptions.h"
#include "PassRemarks.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/Transforms.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
class Quantizer {
public:
  Quantizer(ModuleOp module, const QuantizeOptions &options)
      : module(module), options(options), rewriter(module.getContext()) {}

  QuantizeResult run() {
    collect();
    std::vector<LinearCluster> all = clusters();
    for (LinearCluster &cluster : all)
      cluster.multipliers = multipliersOf(cluster);
    if (options.compensate)
      chooseGrids(module.getContext(), all, options.bits, options.smoothing);
    for (LinearCluster &cluster : all)
      quantize(cluster);
    for (EmbeddingOp op : tables) {
      Location loc = op.getLoc();
      // A linear's scales are f32.
      FailureOr<double> error = quantizeTable(
          rewriter, op,
          readByLinears.contains(constantOf(op.getTable())) ? ScaleType::F32
                                                            : ScaleType::BF16,
          options.weightBits, rounder);
      if (failed(error))
        continue;
      ++result.tables;
      passed(loc, weightType(),
             llvm::formatv("the table is {0}, with {1:e1} of its energy lost",
                           weightType(), *error));
    }
    for (AttentionOp op : attentions) {
      op.setProducts(Products::i8);
      ++result.attentions;
      passed(op.getLoc(), "i8", "attention multiplies i8");
    }
    eraseUnreadWeights(module, [](Location, StringRef) {});
    return result;
  }

private:
  void missed(Operation *op, StringRef what, StringRef why) {
    remarkKept(op->getLoc(), options.flag, (what + " stays f32: " + why).str());
  }
  void passed(Location loc, StringRef type, const std::string &text) {
    remarkDone(loc, options.flag, type, text);
  }
  StringRef weightType() const { return options.weightBits == 4 ? "i4" : "i8"; }

  template <typename Op> bool isWanted(Op op, StringRef what) {
    StringRef why = options.filter ? options.filter->whyNot(op) : "";
    if (why.empty())
      why = whyNotRounded(op);
    if (why.empty())
      return true;
    missed(op, what, why);
    ++result.left;
    return false;
  }

  void collect() {
    module.walk([&](Operation *op) {
      if (auto linear = dyn_cast<LinearOp>(op)) {
        if (isWanted(linear, "the linear"))
          groups[{linear.getInput(), linear->getBlock()}].linears.push_back(
              linear);
      } else if (auto embedding = dyn_cast<EmbeddingOp>(op)) {
        if (!options.embeddings)
          missed(op, "the table", "embeddings=false");
        else if (isWanted(embedding, "the table"))
          tables.push_back(embedding);
      } else if (auto attention = dyn_cast<AttentionOp>(op)) {
        if (!options.attention)
          missed(op, "attention", "attention=false");
        else if (isWanted(attention, "attention"))
          attentions.push_back(attention);
      }
    });
    for (EmbeddingOp op : tables)
      tied.insert(constantOf(op.getTable()));
    for (auto &[input, group] : groups) {
      group.statistics = statisticsOf(group);
      group.gram = gramOf(group);
      for (LinearOp op : group.linears)
        readByLinears.insert(constantOf(op.getWeight()));
    }
  }

  const ChannelStatistics *statisticsOf(LinearGroup &group) {
    if (!options.profile)
      return nullptr;
    for (LinearOp op : group.linears)
      if (auto *found = options.profile->find(modulePath(op))) {
        auto type = cast<RankedTensorType>(op.getWeight().getType());
        if (found->width() == type.getDimSize(1) && found->count > 0)
          return found;
      }
    return nullptr;
  }

  const GramStatistics *gramOf(LinearGroup &group) {
    if (!options.profile || !group.statistics)
      return nullptr;
    for (LinearOp op : group.linears)
      if (auto *found = options.profile->findGram(modulePath(op)))
        if (found->width() == group.statistics->width() && found->weight > 0)
          return found;
    return nullptr;
  }

  /// Groups that share a weight belong together.
  std::vector<LinearCluster> clusters() {
    llvm::EquivalenceClasses<size_t> classes;
    DenseMap<Attribute, size_t> reader;
    size_t i = 0;
    for (auto &[input, group] : groups) {
      classes.insert(i);
      for (LinearOp op : group.linears) {
        auto [place, isFirst] =
            reader.try_emplace(constantOf(op.getWeight()), i);
        if (!isFirst)
          classes.unionSets(i, place->second);
      }
      ++i;
    }
    llvm::MapVector<size_t, LinearCluster> byLeader;
    i = 0;
    for (auto &[input, group] : groups)
      byLeader[classes.getLeaderValue(i++)].groups.push_back(group);
    std::vector<LinearCluster> list;
    for (auto &[leader, cluster] : byLeader)
      list.push_back(std::move(cluster));
    return list;
  }

  void quantize(LinearCluster &cluster) {
    for (LinearGroup &group : cluster.groups) {
      SmallVector<Location> places;
      for (LinearOp op : group.linears)
        places.push_back(op.getLoc());
      bool corrects = options.biases && group.statistics;
      auto errors = quantizeLinears(rewriter, group, cluster, corrects,
                                    options.weightBits, rounder);
      if (failed(errors))
        continue;
      for (auto [loc, error] : llvm::zip(places, *errors))
        passed(loc, weightType(),
               llvm::formatv("the linear is {0}, with {1:e1} of its {2}'s "
                             "energy lost: {3}{4}",
                             weightType(), error,
                             cluster.compensator ? "output" : "weight",
                             cluster.how, corrects ? ", bias corrected" : ""));
      result.linears += places.size();
    }
  }

  /// One multiplier per channel, or none, for all inputs of a cluster.
  std::vector<float> multipliersOf(LinearCluster &cluster) {
    std::string &how = cluster.how;
    ChannelStatistics all;
    std::vector<float> weightMax;
    for (const LinearGroup &group : cluster.groups) {
      for (LinearOp op : group.linears) {
        if (tied.contains(constantOf(op.getWeight()))) {
          how = "its input is rounded plainly, because its weight is a table "
                "too";
          return {};
        }
        raiseToColumns(weightMax, op);
      }
      if (!group.statistics) {
        how = options.profile ? "its input is rounded plainly, because the "
                                "profile does not have it"
                              : "its input is rounded plainly, because there "
                                "is no profile";
        return {};
      }
      all.merge(*group.statistics);
    }
    if (options.smoothing == 0) {
      how = "its input is rounded plainly, because smoothing=0";
      return {};
    }
    std::vector<float> multipliers =
        smoothingMultipliers(all.rms(), weightMax, options.smoothing);
    auto [low, high] =
        std::minmax_element(multipliers.begin(), multipliers.end());
    how =
        llvm::formatv("its input is smoothed by {0:f3} to {1:f3}", *low, *high);
    return multipliers;
  }

  static void raiseToColumns(std::vector<float> &most, LinearOp op) {
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
    std::vector<char> bytes = *copyOfBytes(op.getWeight());
    most.resize(columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float value;
        std::memcpy(&value, bytes.data() + (r * columns + c) * sizeof(float),
                    sizeof(float));
        most[c] = std::max(most[c], std::abs(value));
      }
  }

  ModuleOp module;
  const QuantizeOptions &options;
  IRRewriter rewriter;
  WeightRounder rounder;
  llvm::MapVector<std::pair<Value, Block *>, LinearGroup> groups;
  SmallVector<EmbeddingOp> tables;
  SmallVector<AttentionOp> attentions;
  DenseSet<Attribute> tied, readByLinears; // tied: tables
  QuantizeResult result;
};
} // namespace

QuantizeResult transformer::quantizeWeights(ModuleOp module,
                                            const QuantizeOptions &options) {
  if (!options.profile)
    remarkFound(module.getLoc(), options.flag, "no-profile",
                "no profile was given, so inputs are rounded plainly, without "
                "smoothing, which costs accuracy: give profile=");
  return Quantizer(module, options).run();
}

FailureOr<QuantizeResult> transformer::quantizeAsGiven(ModuleOp module,
                                                       QuantizeOptions options,
                                                       StringRef skip,
                                                       StringRef only,
                                                       StringRef profile) {
  QuantizeResult result;
  auto quantize = [&](GivenOptions &given) -> llvm::Error {
    if (!(options.smoothing >= 0 && options.smoothing <= 1))
      return makeError("smoothing is " +
                       llvm::formatv("{0}", options.smoothing).str() +
                       ", expected a number from 0 to 1");
    if (!(options.bits >= 0 && options.bits <= 8))
      return makeError("bits is " + llvm::formatv("{0}", options.bits).str() +
                       ", expected a number from 0 to 8");
    options.profile = given.known();
    options.filter = &given.filter;
    result = quantizeWeights(module, options);
    return llvm::Error::success();
  };
  if (failed(runWithGiven(module, options.flag, skip, only, profile,
                          /*saveProfile=*/"", quantize)))
    return failure();
  return result;
}
