//===- Profiler.cpp - a profile of a model, by running it -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Profile/Profiler.h"
#include "InProcessModel.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/OwningOpRef.h"

#include <atomic>
#include <thread>

using namespace mlir;
using namespace mlir::transformer;

/// Rows of one call: enough to keep the kernels busy, few enough for the
/// observed tensors to stay small.
static constexpr int64_t kTokens = 1024;

/// Whole sequences, in their order.
static std::vector<Batch> makeBatches(const Sequences &sequences,
                                      int64_t imageTokens) {
  std::vector<Batch> batches;
  auto next = [&](int64_t tokens) -> Batch & {
    if (batches.empty() || batches.back().offsets.back() + tokens > kTokens)
      batches.emplace_back();
    Batch &batch = batches.back();
    batch.offsets.push_back(batch.offsets.back() + int32_t(tokens));
    return batch;
  };
  for (const std::vector<int32_t> &ids : sequences.ids)
    llvm::append_range(next(ids.size()).ids, ids);
  for (const std::vector<float> &image : sequences.images)
    llvm::append_range(next(imageTokens).pixels, image);
  return batches;
}

/// The site of every linear whose input is observed.
static void nameLinears(ModuleOp module, Profile &profile) {
  module.walk([&](ObserveOp observe) {
    for (Operation *user : observe.getInput().getUsers())
      if (isa<LinearOp>(user) && !modulePath(user).empty())
        profile.linears[modulePath(user).str()] = observe.getSite().str();
  });
}

llvm::Expected<Profile> transformer::profileModel(ModuleOp module,
                                                  const Sequences &sequences,
                                                  unsigned threads) {
  Profile profile;
  if (auto attribute = module->getAttrOfType<StringAttr>(kCheckpointAttribute))
    profile.checkpoint = attribute.str();
  profile.source = sequences.source;

  OwningOpRef<ModuleOp> copy = module.clone();
  if (instrument(*copy, ModuleFilter()) == 0)
    return profile;
  nameLinears(*copy, profile);
  auto model = InProcessModel::create(*copy);
  if (!model)
    return model.takeError();
  copy = nullptr;

  std::vector<Batch> batches =
      makeBatches(sequences, (*model)->descriptor().max_length);
  ArrayRef<std::string> sites = (*model)->sites();
  // By batch, and added up in their order.
  std::vector<std::vector<ChannelStatistics>> parts(batches.size());
  std::vector<std::string> problems(batches.size());
  std::atomic<size_t> nextBatch = 0;
  auto work = [&] {
    for (size_t i; (i = nextBatch++) < batches.size();) {
      parts[i].resize(sites.size());
      llvm::Error error = (*model)->run(
          batches[i], [&](int64_t site, const float *rows, int64_t count,
                          int64_t width, int64_t stride) {
            parts[i][site].add(rows, count, width, stride);
          });
      problems[i] = llvm::toString(std::move(error));
    }
  };
  std::vector<std::thread> workers;
  for (size_t i = 1; i < std::min<size_t>(threads, batches.size()); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  for (const std::string &problem : problems)
    if (!problem.empty())
      return makeError(problem);
  for (size_t i = 0; i < batches.size(); ++i) {
    profile.tokens += batches[i].offsets.back();
    for (size_t s = 0; s < sites.size(); ++s)
      profile.sites[sites[s]].merge(parts[i][s]);
  }
  return profile;
}
