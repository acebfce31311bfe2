//===- Profiler.cpp - a profile of a model, by running it -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Profile/Profiler.h"
#include "InProcessModel.h"
#include "MixingSums.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/OwningOpRef.h"

#include <atomic>
#include <mutex>

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// The Gram matrices of all sites. Batches are added in their order, whichever
/// thread has run them, so that sums do not depend on the number of threads.
class GramSums {
public:
  explicit GramSums(ArrayRef<std::string> names)
      : turns(names.size()), sites(names.size()) {
    llvm::StringMap<size_t> byName;
    for (auto [i, name] : llvm::enumerate(names))
      byName[name] = i;
    for (auto [i, name] : llvm::enumerate(names)) {
      StringRef base = name;
      bool isRms = base.consume_back(kRmsNormSite);
      if (!isRms && !base.consume_back(kNormSite))
        continue;
      auto found = byName.find(base);
      if (found == byName.end())
        continue;
      sites[i].weighs = int64_t(found->second), sites[i].isRms = isRms;
      sites[found->second].isWeighed = true;
    }
  }

  /// What a thread needs: the rows of a site, or the weights by the norm behind
  /// it, until both are there, and room for what it adds.
  struct Waiting {
    DenseMap<int64_t, std::vector<float>> rows, weights;
    GramPart part;
  };

  bool isNorm(int64_t site) const { return sites[site].weighs >= 0; }

  void add(size_t batch, int64_t site, const float *rows, int64_t count,
           int64_t width, int64_t stride, Waiting &waiting) {
    // A site and the norm behind it come in any order.
    if (isNorm(site)) {
      int64_t of = sites[site].weighs;
      waiting.weights[of] =
          weightsBehind(sites[site].isRms, rows, count, width, stride);
      addWeighed(batch, of, waiting);
    } else if (sites[site].isWeighed) {
      std::vector<float> &kept = waiting.rows[site];
      kept.resize(count * width);
      for (int64_t r = 0; r < count; ++r)
        std::copy_n(rows + r * stride, width, kept.begin() + r * width);
      addWeighed(batch, site, waiting);
    } else {
      waiting.part.measure(rows, count, width, stride);
      addPart(batch, site, waiting.part);
    }
  }

  void giveUp() { turns.giveUp(); }

  GramStatistics take(int64_t site) {
    GramStatistics sum = std::move(sites[site].sum);
    sum.isWeighted = sites[site].isWeighed;
    sum.finish();
    return sum;
  }

private:
  struct Site {
    GramStatistics sum;
    int64_t weighs = -1;
    bool isRms = false, isWeighed = false;
  };

  void addWeighed(size_t batch, int64_t site, Waiting &waiting) {
    std::vector<float> &rows = waiting.rows[site],
                       &weights = waiting.weights[site];
    if (rows.empty() || weights.empty())
      return;
    int64_t width = rows.size() / weights.size();
    waiting.part.measure(rows.data(), weights.size(), width, width, weights);
    addPart(batch, site, waiting.part);
    rows.clear(), weights.clear();
  }

  void addPart(size_t batch, int64_t number, const GramPart &part) {
    turns.take(batch, number, [&] { sites[number].sum.add(part); });
  }

  Turns turns;
  std::vector<Site> sites;
};
} // namespace

std::vector<float> transformer::weightsBehind(bool isRms, const float *rows,
                                              int64_t count, int64_t width,
                                              int64_t stride) {
  std::vector<float> weights(count);
  for (int64_t r = 0; r < count; ++r) {
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < width; ++c) {
      double x = rows[r * stride + c];
      sum += x, squares += x * x;
    }
    double mean = isRms ? 0 : sum / double(width);
    double variance = squares / double(width) - mean * mean;
    weights[r] = float(1 / std::max(variance, 1e-12));
  }
  return weights;
}

static std::vector<double> countTokens(const Sequences &sequences) {
  std::vector<double> counts;
  for (const std::vector<int32_t> &ids : sequences.ids)
    for (int32_t id : ids) {
      if (size_t(id) >= counts.size())
        counts.resize(id + 1);
      counts[id] += 1;
    }
  return counts;
}

/// The site of every linear whose input is observed.
static void nameLinears(ModuleOp module, Profile &profile) {
  module.walk([&](ObserveOp observe) {
    for (Operation *user : observe.getInput().getUsers())
      if (isa<LinearOp>(user) && !modulePath(user).empty())
        profile.linears[modulePath(user).str()] = observe.getSite().str();
  });
}

llvm::Expected<Profile>
transformer::profileModel(ModuleOp module, const Sequences &sequences,
                          const ProfileOptions &options) {
  Profile profile;
  if (auto attribute = module->getAttrOfType<StringAttr>(kCheckpointAttribute))
    profile.checkpoint = attribute.str();
  profile.source = sequences.source;
  profile.tokenCounts = countTokens(sequences);

  OwningOpRef<ModuleOp> copy = module.clone();
  if (instrument(*copy, ModuleFilter(), options.grams || options.mixing) == 0)
    return profile;
  nameLinears(*copy, profile);
  auto model = InProcessModel::create(*copy);
  if (!model)
    return model.takeError();
  copy = nullptr;

  std::vector<Batch> batches =
      makeBatches(sequences, (*model)->descriptor().max_length);
  ArrayRef<std::string> sites = (*model)->sites();
  GramSums grams(sites);
  MixingSums mixings(module, options.mixing, profile.linears, sites);
  std::vector<int64_t> firstSequence; // of batches
  int64_t sequencesSoFar = 0;
  for (const Batch &batch : batches) {
    firstSequence.push_back(sequencesSoFar);
    sequencesSoFar += batch.offsets.size() - 1;
  }
  // By batch, and added up in their order.
  std::vector<std::vector<ChannelStatistics>> parts(batches.size());
  std::vector<std::string> problems(batches.size());
  std::atomic<size_t> nextBatch = 0, done = 0;
  std::mutex progress;
  auto work = [&] {
    GramSums::Waiting waiting;
    MixingSums::Waiting mixed;
    for (size_t i; (i = nextBatch++) < batches.size();) {
      parts[i].resize(sites.size());
      llvm::Error error = (*model)->run(
          batches[i], [&](int64_t site, const float *rows, int64_t count,
                          int64_t width, int64_t stride) {
            if (!grams.isNorm(site))
              parts[i][site].add(rows, count, width, stride);
            if (options.grams)
              grams.add(i, site, rows, count, width, stride, waiting);
            mixings.add({i, firstSequence[i], batches[i].offsets}, site,
                        {rows, count, width, stride}, mixed);
          });
      problems[i] = llvm::toString(std::move(error));
      if (!problems[i].empty())
        grams.giveUp(), mixings.giveUp();
      std::lock_guard<std::mutex> lock(progress);
      ++done;
      if (options.progress)
        options.progress(done, batches.size());
    }
  };
  onThreads(options.threads, batches.size(), work);
  for (const std::string &problem : problems)
    if (!problem.empty())
      return makeError(problem);
  for (const Batch &batch : batches)
    profile.tokens += batch.offsets.back();
  for (size_t s = 0; s < sites.size(); ++s) {
    if (grams.isNorm(s))
      continue;
    for (size_t i = 0; i < batches.size(); ++i)
      profile.sites[sites[s]].merge(parts[i][s]);
    if (options.grams)
      profile.grams[sites[s]] = grams.take(s);
  }
  mixings.take(profile.mixings);
  return profile;
}
