//===- Calibrate.cpp - a profile, and what is fitted to it ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Calibrate.h"
#include "CheckModel.h"

#include "transformer/Profile/Profiler.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/CompressEmbedding.h"
#include "transformer/Transforms/Narrow.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/ReplaceAttention.h"
#include "transformer/Transforms/Transforms.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace mlir::transformer;

/// Where the tokenizer may lie: beside the weights.
static StringRef directoryOf(const CompileOptions &options) {
  for (StringRef path : {options.input, options.weights})
    if (llvm::sys::fs::is_directory(path))
      return path;
  return "";
}

llvm::Expected<Sequences>
mlir::transformer::sequencesFor(ModuleOp module,
                                const CompileOptions &options) {
  return options.sequences.empty()
             ? syntheticSequences(module, directoryOf(options),
                                  SyntheticOptions())
             : readSequences(module, options.sequences);
}

/// What the options call by path, and there is none such: a slip of the pen
/// that would otherwise change nothing and say nothing.
template <typename List>
static llvm::Error checkPaths(StringRef flag, llvm::Expected<List> list,
                              ArrayRef<std::string> paths, StringRef what) {
  if (!list)
    return list.takeError();
  std::optional<std::string> pattern = list->matchingNone(paths);
  if (!pattern)
    return llvm::Error::success();
  std::string there = paths.empty() ? ("the model has no " + what).str()
                                    : "there are " + llvm::join(paths, ", ");
  return makeError(flag + ": '" + *pattern + "' matches no " + what + "; " +
                   there);
}

static llvm::Error checkPaths(ModuleOp module, const CompileOptions &options) {
  std::vector<std::string> attentions, ffns;
  module.walk(
      [&](AttentionOp op) { attentions.push_back(modulePath(op).str()); });
  module.walk([&](LinearOp op) {
    if (whyNotFfnPair(op).empty())
      ffns.push_back(modulePath(op.getInput().getDefiningOp<LinearOp>()).str());
  });
  if (llvm::Error error =
          checkPaths("--attention", KindsByPath::parse(options.attention),
                     attentions, "attention"))
    return error;
  if (llvm::Error error = checkPaths(
          "--qk-ranks", parseNumbersByPath("qk-ranks", options.qkRanks),
          attentions, "attention"))
    return error;
  if (llvm::Error error =
          checkPaths("--head-counts",
                     parseNumbersByPath("head-counts", options.headCounts),
                     attentions, "attention"))
    return error;
  return checkPaths("--ffn-widths",
                    parseNumbersByPath("widths", options.ffnWidths), ffns,
                    "feed-forward layer");
}

llvm::Expected<Profile>
mlir::transformer::makeProfile(ModuleOp module, const CompileOptions &options,
                               bool grams, raw_ostream &log) {
  if (llvm::Error error = checkPaths(module, options))
    return std::move(error);
  llvm::Expected<Sequences> sequences = sequencesFor(module, options);
  if (!sequences)
    return sequences.takeError();
  MLIRContext *context = module.getContext();
  ProfileOptions how;
  how.threads = context->isMultithreadingEnabled()
                    ? context->getThreadPool().getMaxConcurrency()
                    : 1;
  how.grams = grams;
  llvm::Expected<KindsByPath> kinds = KindsByPath::parse(options.attention);
  if (!kinds)
    return kinds.takeError();
  if (!kinds->empty())
    how.mixing = [&](AttentionOp op) { return kinds->blocksFor(op); };
  using Clock = std::chrono::steady_clock;
  // From the first batch on: before it the model is compiled.
  std::optional<Clock::time_point> start;
  Clock::time_point last = Clock::now();
  how.progress = [&](size_t done, size_t all) {
    Clock::time_point now = Clock::now();
    if (!start)
      start = now;
    if (options.quiet || done < 2 || now - last < std::chrono::seconds(1))
      return;
    last = now;
    double passed = std::chrono::duration<double>(now - *start).count();
    log << llvm::formatv("profile: {0} of {1} batches, {2:f0} s left\n", done,
                         all, passed / double(done - 1) * double(all - done));
  };
  return profileModel(module, *sequences, how);
}

llvm::Error mlir::transformer::addProfiles(Profile &sum,
                                           ArrayRef<std::string> paths) {
  for (StringRef path : paths) {
    llvm::Expected<Profile> next = readProfile(path);
    if (!next)
      return next.takeError();
    if (llvm::Error error = sum.merge(*next))
      return makeError(path + " " + llvm::toString(std::move(error)));
  }
  return llvm::Error::success();
}

llvm::Expected<Profile>
mlir::transformer::profileFor(ModuleOp module, const CompileOptions &options,
                              bool grams, raw_ostream &log) {
  if (options.profiles.empty()) {
    llvm::Expected<Profile> made = makeProfile(module, options, grams, log);
    if (made && !options.saveProfile.empty())
      if (llvm::Error error = writeProfile(*made, options.saveProfile))
        return std::move(error);
    return made;
  }
  if (llvm::Error error = checkPaths(module, options))
    return std::move(error);
  StringRef first = options.profiles.front();
  llvm::Expected<Profile> sum = readProfile(first);
  if (!sum)
    return sum;
  std::string why = whyNotOf(*sum, module);
  if (!why.empty())
    return makeError(first + " " + why);
  if (llvm::Error error =
          addProfiles(*sum, ArrayRef(options.profiles).drop_front()))
    return std::move(error);
  if (grams && sum->grams.empty())
    return makeError(first +
                     " has no Gram matrices, which what is fitted needs: "
                     "make it with 'transformer-mlir profile' or "
                     "transformer-compile --emit=profile");
  if (!options.attention.empty() && sum->mixings.empty())
    return makeError(first + " has no sums for what replaces attention: make "
                             "it with --emit=profile and the same --attention");
  return sum;
}

/// The profile is that of the narrower model afterwards.
static llvm::Error narrow(ModuleOp module, const CompileOptions &options,
                          Profile &profile) {
  if (!options.attention.empty()) {
    llvm::Expected<KindsByPath> kinds = KindsByPath::parse(options.attention);
    if (!kinds)
      return kinds.takeError();
    ReplaceAttentionOptions attention;
    attention.profile = &profile;
    attention.kinds = options.attention;
    if (kinds->hasAuto())
      attention.maxError = options.attentionError;
    auto done = replaceAttention(module, attention);
    if (!done)
      return done.takeError();
  }
  if (options.qkRank > 0 || !options.qkRanks.empty() ||
      !options.headCounts.empty()) {
    NarrowHeadsOptions heads;
    heads.profile = &profile;
    if (options.qkRank > 0)
      heads.qkRank = options.qkRank;
    heads.qkRanks = options.qkRanks;
    heads.headCounts = options.headCounts;
    auto done = narrowHeads(module, heads);
    if (!done)
      return done.takeError();
  }
  if (options.ffnError > 0 || !options.ffnWidths.empty()) {
    NarrowFfnOptions neurons;
    neurons.profile = &profile;
    if (options.ffnError > 0)
      neurons.maxError = options.ffnError;
    neurons.widths = options.ffnWidths;
    // Layers of different widths need code of their own each.
    neurons.multiple = options.ffnWidths.empty() ? 128 : 32;
    auto done = narrowFfns(module, neurons);
    if (!done)
      return done.takeError();
  }
  return llvm::Error::success();
}

LogicalResult mlir::transformer::quantizeByProfile(
    ModuleOp module, const CompileOptions &options, Report &report,
    raw_ostream &log, Problem problem) {
  if (failed(checkModel(module)))
    return failure();
  bool isI4 = options.precision == Precision::I4;
  bool compensates = options.compensate || options.bits > 0 || isI4;
  bool grams = compensates || options.narrows();
  llvm::Expected<Profile> profile = profileFor(module, options, grams, log);
  if (!profile) {
    problem(llvm::toString(profile.takeError()));
    return failure();
  }
  report.profileSource = profile->source;
  report.profileTokens = profile->tokens;
  if (options.maxLength)
    cutPositionsOrSay(module, *options.maxLength);
  if (llvm::Error error = narrow(module, options, *profile)) {
    problem(llvm::toString(std::move(error)));
    return failure();
  }
  if (options.tableBits > 0)
    compressEmbeddings(module, ModuleFilter(), options.tableBits);
  QuantizeOptions how;
  how.profile = &*profile;
  how.flag = isI4 ? "transformer-quantize-i4" : "transformer-quantize-i8";
  how.weightBits = isI4 ? 4 : 8;
  how.compensate = compensates;
  how.bits = options.bits;
  quantizeWeights(module, how);
  return success();
}
