//===- MixingSums.cpp - sums for what replaces attention ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MixingSums.h"

#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/ReplaceAttention.h"
#include "transformer/Transforms/Transforms.h"

using namespace mlir;
using namespace mlir::transformer;

using Part = MixingStatistics::Block;

struct MixingSums::Attention {
  std::string path;
  /// Sites; no norm: -1.
  int64_t own = -1, attended = -1, norm = -1;
  bool isRms = false;
  int64_t inputs = 0, heads = 0;
  double scale = 1;
  SingleQueries queries; // if they are wanted
  MixingStatistics sum;

  bool wants(Part block) const { return sum.widths[block] > 0; }
  int64_t width() const { return sum.begin(Part::kBlocks); }
};

MixingSums::MixingSums(
    ModuleOp module, const std::function<unsigned(AttentionOp)> &wanted,
    const std::map<std::string, std::string, std::less<>> &linears,
    ArrayRef<std::string> sites) {
  if (!wanted)
    return;
  auto numberOf = [&](StringRef name) -> int64_t {
    auto found = llvm::find(sites, name);
    return found == sites.end() ? -1 : found - sites.begin();
  };
  auto siteNumber = [&](LinearOp linear) -> int64_t {
    auto site = linears.find(modulePath(linear));
    return site == linears.end() ? -1 : numberOf(site->second);
  };
  module.walk([&](AttentionOp op) {
    unsigned blocks = wanted(op);
    if (blocks == 0 || !whyNotReplaced(op).empty())
      return;
    AttentionSite site = mixingSiteOf(op);
    auto attention = std::make_unique<Attention>();
    attention->path = modulePath(site.output).str();
    attention->own = siteNumber(site.value);
    attention->attended = siteNumber(site.output);
    if (attention->own < 0 || attention->attended < 0)
      return;
    StringRef name = sites[attention->attended];
    attention->norm = numberOf((name + kNormSite).str());
    if (attention->norm < 0) {
      attention->norm = numberOf((name + kRmsNormSite).str());
      attention->isRms = attention->norm >= 0;
    }
    attention->heads = op.getNumHeads();
    attention->scale = op.getEffectiveScale();
    attention->inputs =
        cast<RankedTensorType>(site.value.getInput().getType()).getDimSize(1);
    for (Part block : {Part::Previous, Part::Own, Part::Next, Part::Mean})
      if (blocks & (1u << block))
        attention->sum.widths[block] = attention->inputs;
    int64_t attended = op.getNumHeads() * op.getValueDim();
    attention->sum.widths[Part::Attended] = attended;
    if (blocks & (1u << Part::Single)) {
      attention->sum.widths[Part::Single] = attended;
      attention->queries = singleQueriesOf(site);
    }
    for (int64_t reads : {attention->own, attention->attended, attention->norm})
      if (reads >= 0)
        readers[reads].push_back(attentions.size());
    attentions.push_back(std::move(attention));
  });
  turns.resize(attentions.size());
}

MixingSums::~MixingSums() = default;

void MixingSums::add(const BatchPlace &batch, int64_t site, ObservedRows from,
                     Waiting &waiting) {
  auto found = readers.find(site);
  if (found == readers.end())
    return;
  const Attention &first = *attentions[found->second.front()];
  if (site == first.norm) {
    waiting.weights[site] = weightsBehind(first.isRms, from.rows, from.count,
                                          from.width, from.stride);
  } else {
    std::vector<float> &kept = waiting.rows[site];
    kept.resize(from.count * from.width);
    for (int64_t r = 0; r < from.count; ++r)
      std::copy_n(from.rows + r * from.stride, from.width,
                  kept.begin() + r * from.width);
  }
  for (size_t which : found->second) {
    const Attention &attention = *attentions[which];
    if (waiting.rows.contains(attention.own) &&
        waiting.rows.contains(attention.attended) &&
        (attention.norm < 0 || waiting.weights.contains(attention.norm)))
      addBatch(batch, which, waiting);
  }
}

namespace {
/// The rows of one batch, block beside block, for one attention.
class Mixer {
public:
  Mixer(const BatchPlace &batch, const MixingStatistics &sum, int64_t inputs)
      : batch(batch), sum(sum), inputs(inputs), width(sum.begin(Part::kBlocks)),
        rows(batch.offsets.back() * width) {}

  void copy(Part block, ArrayRef<float> from, int64_t shift) {
    int64_t wide = sum.widths[block];
    if (wide == 0)
      return;
    for (size_t s = 0; s + 1 < batch.offsets.size(); ++s)
      for (int64_t t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) {
        int64_t at = t + shift;
        if (at >= batch.offsets[s] && at < batch.offsets[s + 1])
          std::copy_n(from.begin() + at * wide, wide, place(block, t));
      }
  }

  /// One row per sequence, to all of its tokens.
  void spread(Part block, const Matrix &from) {
    int64_t wide = sum.widths[block];
    if (wide == 0)
      return;
    for (size_t s = 0; s + 1 < batch.offsets.size(); ++s)
      for (int64_t t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t)
        llvm::copy(from.row(s), place(block, t));
  }

  Matrix means(ArrayRef<float> own) const {
    Matrix result(batch.offsets.size() - 1, inputs);
    for (int64_t s = 0; s < result.rows; ++s) {
      int64_t begin = batch.offsets[s], end = batch.offsets[s + 1];
      for (int64_t t = begin; t < end; ++t)
        for (int64_t c = 0; c < inputs; ++c)
          result(s, c) += own[t * inputs + c];
      for (double &value : result.row(s))
        value /= double(std::max<int64_t>(end - begin, 1));
    }
    return result;
  }

  /// Adds the sequences that are held out, or the others, to `part`.
  bool measure(bool heldOut, ArrayRef<float> weights, GramPart &part) const {
    std::vector<float> chosen, chosenWeights;
    for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
      if (isHeldOut(batch.firstSequence + s) != heldOut)
        continue;
      int64_t begin = batch.offsets[s], end = batch.offsets[s + 1];
      chosen.insert(chosen.end(), rows.begin() + begin * width,
                    rows.begin() + end * width);
      if (!weights.empty())
        llvm::append_range(chosenWeights, weights.slice(begin, end - begin));
    }
    if (chosen.empty())
      return false;
    part.measure(chosen.data(), chosen.size() / width, width, width,
                 chosenWeights);
    return true;
  }

private:
  std::vector<float>::iterator place(Part block, int64_t token) {
    return rows.begin() + token * width + sum.begin(block);
  }

  const BatchPlace &batch;
  const MixingStatistics &sum;
  int64_t inputs, width;
  std::vector<float> rows;
};
} // namespace

/// Softmax of each row.
static void normalize(Matrix &scores) {
  for (int64_t r = 0; r < scores.rows; ++r) {
    MutableArrayRef<double> row = scores.row(r);
    double most = *llvm::max_element(row), total = 0;
    for (double &value : row)
      total += value = std::exp(value - most);
    for (double &value : row)
      value /= total;
  }
}

/// The inputs of each sequence as its heads average them: [sequences, heads *
/// inputs].
static Matrix average(const BatchPlace &batch, ArrayRef<float> own,
                      const Matrix &means, const SingleQueries &maps,
                      int64_t heads, double scale) {
  int64_t inputs = means.columns;
  Matrix queries = multiply(means, maps.query, Form::AsIs, Form::Transposed);
  Matrix result(means.rows, heads * inputs);
  for (int64_t s = 0; s < means.rows; ++s) {
    int64_t begin = batch.offsets[s], length = batch.offsets[s + 1] - begin;
    if (length == 0)
      continue;
    Matrix tokens(length, inputs, own.slice(begin * inputs, length * inputs));
    Matrix asked(heads, inputs);
    for (int64_t i = 0; i < heads * inputs; ++i)
      asked.values[i] = scale * (queries(s, i) + maps.queryBias[i]);
    Matrix weights = multiply(asked, tokens, Form::AsIs, Form::Transposed);
    normalize(weights);
    Matrix averaged = multiply(weights, tokens);
    llvm::copy(averaged.values, result.row(s).begin());
  }
  return result;
}

/// What the values make of that: [sequences, heads * channels].
static Matrix valuesOf(const Matrix &averaged, const SingleQueries &maps,
                       int64_t heads) {
  int64_t inputs = maps.value.columns, channels = maps.value.rows / heads;
  Matrix result(averaged.rows, maps.value.rows);
  for (int64_t h = 0; h < heads; ++h) {
    std::vector<int64_t> own, out;
    for (int64_t i = 0; i < inputs; ++i)
      own.push_back(h * inputs + i);
    for (int64_t i = 0; i < channels; ++i)
      out.push_back(h * channels + i);
    Matrix given =
        multiply(averaged.selectColumns(own), maps.value.selectRows(out),
                 Form::AsIs, Form::Transposed);
    for (int64_t s = 0; s < given.rows; ++s)
      for (int64_t i = 0; i < channels; ++i)
        result(s, out[i]) = given(s, i) + maps.valueBias[out[i]];
  }
  return result;
}

void MixingSums::addBatch(const BatchPlace &batch, size_t which,
                          Waiting &waiting) {
  Attention &attention = *attentions[which];
  ArrayRef<float> own = waiting.rows[attention.own],
                  attended = waiting.rows[attention.attended], weights;
  if (attention.norm >= 0)
    weights = waiting.weights[attention.norm];
  Mixer mixer(batch, attention.sum, attention.inputs);
  mixer.copy(Part::Previous, own, -1);
  mixer.copy(Part::Own, own, 0);
  mixer.copy(Part::Next, own, 1);
  mixer.copy(Part::Attended, attended, 0);
  Matrix means = mixer.means(own), averaged;
  mixer.spread(Part::Mean, means);
  if (attention.wants(Part::Single)) {
    averaged = average(batch, own, means, attention.queries, attention.heads,
                       attention.scale);
    mixer.spread(Part::Single,
                 valuesOf(averaged, attention.queries, attention.heads));
  }
  bool hasFitted = mixer.measure(false, weights, waiting.fitted);
  bool hasHeldOut = mixer.measure(true, weights, waiting.heldOut);
  turns.take(batch.number, which, [&] {
    if (hasFitted)
      attention.sum.fitted.add(waiting.fitted);
    if (hasHeldOut)
      attention.sum.heldOut.add(waiting.heldOut);
    auto addRows = [](ChannelStatistics &to, const Matrix &rows) {
      std::vector<float> floats = rows.toFloats();
      to.add(floats.data(), rows.rows, rows.columns, rows.columns);
    };
    addRows(attention.sum.mean, means);
    if (attention.wants(Part::Single))
      addRows(attention.sum.averaged, averaged);
  });
  // What other attentions read too goes with the next batch.
  waiting.rows.erase(attention.attended);
  waiting.weights.erase(attention.norm);
}

void MixingSums::take(
    std::map<std::string, MixingStatistics, std::less<>> &to) {
  for (auto &attention : attentions) {
    MixingStatistics &sum = attention->sum;
    sum.fitted.finish(), sum.heldOut.finish();
    sum.fitted.isWeighted = sum.heldOut.isWeighted = attention->norm >= 0;
    to[attention->path] = std::move(sum);
  }
}
