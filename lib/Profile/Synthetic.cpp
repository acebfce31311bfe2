//===- Synthetic.cpp - sequences that need no text ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tokenizer.h"
#include "transformer/Profile/Sequences.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// SplitMix64: the distributions of the standard library differ between
/// implementations, and a profile may not.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t bits() {
    state += 0x9e3779b97f4a7c15;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return double(bits() >> 11) * 0x1p-53; }
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * M_PI * uniform());
  }

private:
  uint64_t state;
};

/// Draws rank r of 0..n-1 with weight 1 / (r + shift).
class Zipf {
public:
  Zipf(size_t n, double shift) {
    double sum = 0;
    for (size_t r = 0; r < n; ++r)
      cumulative.push_back(sum += 1 / (double(r) + shift));
  }
  size_t draw(Random &random) const {
    double at = random.uniform() * cumulative.back();
    return std::min<size_t>(llvm::upper_bound(cumulative, at) -
                                cumulative.begin(),
                            cumulative.size() - 1);
  }

private:
  std::vector<double> cumulative;
};
} // namespace

RankedTensorType transformer::inputOf(ModuleOp module, StringRef name,
                                      int64_t &limit) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  for (unsigned i = 0; forward && i < forward.getNumArguments(); ++i) {
    auto given = forward.getArgAttrOfType<StringAttr>(i, "transformer.input");
    if (!given || given.getValue() != name)
      continue;
    auto most = forward.getArgAttrOfType<IntegerAttr>(i, "transformer.limit");
    limit = most ? most.getInt() : 0;
    return dyn_cast<RankedTensorType>(forward.getArgumentTypes()[i]);
  }
  return {};
}

llvm::Expected<Sequences>
transformer::syntheticSequences(ModuleOp module, StringRef directory,
                                const SyntheticOptions &options) {
  Sequences result;
  result.source = "synthetic";
  Random random(options.seed);
  int64_t vocabulary = 0, none = 0;
  if (auto type = inputOf(module, "pixel_values", none)) {
    int64_t size = 1;
    for (int64_t dim : type.getShape().drop_front())
      size *= dim;
    for (int64_t i = 0; i < options.images; ++i) {
      std::vector<float> &image = result.images.emplace_back();
      for (int64_t j = 0; j < size; ++j)
        image.push_back(float(random.normal()));
    }
    return result;
  }
  if (!inputOf(module, "input_ids", vocabulary) || vocabulary <= 0)
    return makeError("the model takes no token ids of a known vocabulary, so "
                     "there are no synthetic sequences for it");
  TokenizerFacts facts;
  if (!directory.empty()) {
    auto read = readTokenizer(directory);
    if (!read)
      return read.takeError();
    facts = std::move(*read);
  }
  std::vector<int32_t> words;
  for (int32_t id = 0; id < vocabulary; ++id)
    if (!facts.special.count(id))
      words.push_back(id);
  auto isKnown = [&](std::optional<int32_t> id) {
    return id && *id < vocabulary;
  };
  if (words.empty())
    return makeError("all tokens of the vocabulary are special ones");

  auto model = module->getAttrOfType<DictionaryAttr>("transformer.model");
  auto most = model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
  int64_t longest = options.longest;
  if (most)
    longest = std::min(longest, most.getInt());
  int64_t shortest = std::min(options.shortest, longest);
  Zipf zipf(words.size(), /*shift=*/2.7);
  for (int64_t i = 0; i < options.count; ++i) {
    std::vector<int32_t> &ids = result.ids.emplace_back();
    int64_t length =
        shortest + int64_t(random.bits() % uint64_t(longest - shortest + 1));
    for (int64_t j = 0; j < length; ++j)
      ids.push_back(words[zipf.draw(random)]);
    if (isKnown(facts.begin))
      ids.front() = *facts.begin;
    if (isKnown(facts.end))
      ids.back() = *facts.end;
  }
  return result;
}
