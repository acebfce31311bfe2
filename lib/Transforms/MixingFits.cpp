//===- MixingFits.cpp - what comes nearest to an attention ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/Support/Error.h"
#include "transformer/Transforms/ReplaceAttention.h"

using namespace mlir;
using namespace mlir::transformer;

using Part = MixingStatistics::Block;

static constexpr StringRef kNames[kRungs] = {
    "drop", "bias", "mq", "linear", "mean", "mq+linear", "lags", "fft"};

StringRef transformer::nameOf(Rung rung) { return kNames[int64_t(rung)]; }

std::optional<Rung> transformer::rungNamed(StringRef name) {
  const StringRef *found = llvm::find(kNames, name);
  if (found == std::end(kNames))
    return std::nullopt;
  return Rung(found - kNames);
}

/// The blocks that a rung multiplies, in their order.
static SmallVector<Part> readBy(Rung rung) {
  switch (rung) {
  case Rung::Drop:
  case Rung::Bias:
  case Rung::Fft:
    return {};
  case Rung::Mq:
    return {Part::Single};
  case Rung::Linear:
    return {Part::Own};
  case Rung::Mean:
    return {Part::Own, Part::Mean};
  case Rung::MqLinear:
    return {Part::Own, Part::Single};
  case Rung::Lags:
    return {Part::Previous, Part::Own, Part::Next, Part::Mean};
  }
  llvm_unreachable("all rungs are above");
}

unsigned transformer::blocksOf(Rung rung) {
  unsigned bits = 1u << Part::Attended;
  for (Part block : readBy(rung))
    bits |= 1u << block;
  return bits;
}

SingleQueries transformer::singleQueriesOf(AttentionSite site) {
  AttentionOp op = site.attention;
  Matrix query = matrixOf(site.query.getWeight()),
         key = matrixOf(site.key.getWeight()),
         value = matrixOf(site.value.getWeight());
  std::vector<double> queryBias = biasOf(site.query),
                      valueBias = biasOf(site.value);
  int64_t heads = op.getNumHeads(), group = heads / op.getNumKvHeads();
  int64_t qkDim = op.getQkDim(), valueDim = op.getValueDim();
  int64_t inputs = query.columns;
  auto rowsOf = [](int64_t head, int64_t dim) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < dim; ++i)
      rows.push_back(head * dim + i);
    return rows;
  };
  SingleQueries maps;
  maps.query = Matrix(heads * inputs, inputs);
  maps.value = Matrix(heads * valueDim, inputs);
  for (int64_t h = 0; h < heads; ++h) {
    Matrix own = key.selectRows(rowsOf(h / group, qkDim));
    Matrix asked = query.selectRows(rowsOf(h, qkDim));
    Matrix map = multiply(own, asked, Form::Transposed);
    llvm::copy(map.values, maps.query.values.begin() + h * inputs * inputs);
    Matrix shift(qkDim, 1);
    for (int64_t i = 0; i < qkDim; ++i)
      shift(i, 0) = queryBias[h * qkDim + i];
    // A bias of keys shifts all scores of a query alike.
    llvm::append_range(maps.queryBias,
                       multiply(own, shift, Form::Transposed).values);
    for (int64_t i = 0; i < valueDim; ++i) {
      int64_t from = h / group * valueDim + i;
      llvm::copy(value.row(from), maps.value.row(h * valueDim + i).begin());
      maps.valueBias.push_back(valueBias[from]);
    }
  }
  return maps;
}

namespace {
/// One rung on the statistics of one part of the sequences.
class Fitter {
public:
  Fitter(Rung rung, const MixingStatistics &mixing, const Matrix &output,
         ArrayRef<double> outputBias, ArrayRef<double> metric)
      : rung(rung), mixing(mixing), output(output), outputBias(outputBias),
        metric(metric), blocks(readBy(rung)) {
    for (Part block : blocks)
      appendColumns(block, read);
    appendColumns(Part::Attended, attended);
  }

  llvm::Expected<RungFit> run(double damping) {
    const GramStatistics &gram = mixing.fitted;
    Matrix covariance = gram.covariance();
    RungFit fit;
    fit.rung = rung;
    fit.bias.assign(output.rows, 0.0);
    if (rung == Rung::Drop) {
      fit.weight = Matrix(output.rows, 0);
    } else {
      auto weight = solve(covariance, damping);
      if (!weight)
        return weight.takeError();
      fit.weight = weight->roundedToFloats();
      std::vector<double> mean = gram.mean();
      for (int64_t r = 0; r < output.rows; ++r) {
        double sum = outputBias[r];
        for (size_t c = 0; c < attended.size(); ++c)
          sum += output(r, c) * mean[attended[c]];
        for (size_t c = 0; c < read.size(); ++c)
          sum -= fit.weight(r, c) * mean[read[c]];
        fit.bias[r] = float(sum);
      }
    }
    judge(fit);
    return fit;
  }

  void judge(RungFit &fit) {
    fit.error = errorOf(fit, mixing.fitted, mixing.fitted.covariance());
    if (mixing.heldOut.weight > 0)
      fit.heldOutError =
          errorOf(fit, mixing.heldOut, mixing.heldOut.covariance());
  }

private:
  void appendColumns(Part block, std::vector<int64_t> &to) {
    for (int64_t i = 0; i < mixing.widths[block]; ++i)
      to.push_back(mixing.begin(block) + i);
  }

  /// By least squares, pulled to what the weights alone say: single queries
  /// give what attention gave, all else gives nothing.
  llvm::Expected<Matrix> solve(const Matrix &covariance, double damping) {
    Matrix prior(output.rows, read.size());
    if (read.empty())
      return prior;
    int64_t at = 0;
    for (Part block : blocks) {
      if (block == Part::Single)
        for (int64_t r = 0; r < output.rows; ++r)
          llvm::copy(output.row(r), prior.row(r).begin() + at);
      at += mixing.widths[block];
    }
    Matrix rows = covariance.selectRows(read);
    Matrix own = rows.selectColumns(read);
    Matrix target = multiply(rows.selectColumns(attended), output, Form::AsIs,
                             Form::Transposed);
    Matrix given = multiply(own, prior, Form::AsIs, Form::Transposed);
    for (size_t i = 0; i < target.values.size(); ++i)
      target.values[i] -= given.values[i];
    dampBlocks(own, damping);
    auto change = solvePositive(own, target);
    if (!change)
      return change.takeError();
    for (int64_t r = 0; r < prior.rows; ++r)
      for (int64_t c = 0; c < prior.columns; ++c)
        prior(r, c) += (*change)(c, r);
    return prior;
  }

  /// Blocks are of different sizes: each in terms of its own variance.
  void dampBlocks(Matrix &to, double damping) {
    int64_t at = 0;
    for (Part block : blocks) {
      int64_t width = mixing.widths[block];
      double mean = 0;
      for (int64_t i = at; i < at + width; ++i)
        mean += to(i, i) / double(width);
      for (int64_t i = at; i < at + width; ++i)
        to(i, i) += damping * (mean > 0 ? mean : 1);
      at += width;
    }
  }

  double errorOf(const RungFit &fit, const GramStatistics &gram,
                 const Matrix &covariance) {
    // The difference of both is a map of all columns.
    std::vector<int64_t> columns(read);
    llvm::append_range(columns, attended);
    Matrix difference(output.rows, columns.size());
    for (int64_t r = 0; r < output.rows; ++r) {
      llvm::copy(fit.weight.row(r), difference.row(r).begin());
      for (size_t c = 0; c < attended.size(); ++c)
        difference(r, read.size() + c) = -output(r, c);
    }
    Matrix spread = covariance.selectRows(columns).selectColumns(columns);
    std::vector<double> lost = variances(difference, spread);
    std::vector<double> all = variances(
        output, covariance.selectRows(attended).selectColumns(attended));
    std::vector<double> mean = gram.mean();
    double error = 0, variance = 0;
    for (int64_t r = 0; r < output.rows; ++r) {
      double shift = fit.bias[r] - outputBias[r];
      for (size_t c = 0; c < columns.size(); ++c)
        shift += difference(r, c) * mean[columns[c]];
      double factor = metric.empty() ? 1 : metric[r] * metric[r];
      error += factor * (std::max(lost[r], 0.0) + shift * shift);
      variance += factor * all[r];
    }
    if (error == 0)
      return 0;
    return variance > 0 ? error / variance
                        : std::numeric_limits<double>::infinity();
  }

  /// The diagonal of map spread mapT.
  static std::vector<double> variances(const Matrix &map,
                                       const Matrix &spread) {
    Matrix through = multiply(map, spread);
    std::vector<double> result;
    for (int64_t r = 0; r < map.rows; ++r) {
      double sum = 0;
      for (int64_t c = 0; c < map.columns; ++c)
        sum += through(r, c) * map(r, c);
      result.push_back(sum);
    }
    return result;
  }

  Rung rung;
  const MixingStatistics &mixing;
  const Matrix &output;
  ArrayRef<double> outputBias, metric;
  SmallVector<Part> blocks;
  std::vector<int64_t> read, attended; // columns
};
} // namespace

llvm::Expected<RungFit>
transformer::fitRung(Rung rung, const MixingStatistics &mixing,
                     const Matrix &output, ArrayRef<double> bias,
                     ArrayRef<double> metric, double damping) {
  if (rung == Rung::Fft)
    return makeError("nothing is fitted for fft");
  if (mixing.widths[Part::Attended] != output.columns)
    return makeError("the profile has another width for what it gives");
  for (Part block : readBy(rung))
    if (mixing.widths[block] == 0)
      return makeError("the profile has no sums for " + nameOf(rung));
  if (!(mixing.fitted.weight > 0))
    return makeError("the profile has no tokens to fit to");
  return Fitter(rung, mixing, output, bias, metric).run(damping);
}

void transformer::judgeAgain(RungFit &fit, const Replacement &by,
                             const MixingStatistics &mixing,
                             const Matrix &output, ArrayRef<double> bias,
                             ArrayRef<double> metric) {
  int64_t at = 0;
  for (Part part : readBy(fit.rung)) {
    Matrix map = by.parts.at(part);
    if (part == Part::Single && by.outputDown.rows > 0)
      map = multiply(map, by.outputDown);
    for (int64_t r = 0; r < map.rows; ++r)
      llvm::copy(map.row(r), fit.weight.row(r).begin() + at);
    at += map.columns;
  }
  fit.bias = by.bias;
  Fitter(fit.rung, mixing, output, bias, metric).judge(fit);
}

Replacement transformer::replacementOf(const RungFit &fit,
                                       const MixingStatistics &mixing) {
  Replacement result;
  result.rung = fit.rung, result.bias = fit.bias;
  int64_t at = 0;
  for (Part block : readBy(fit.rung)) {
    std::vector<int64_t> columns;
    for (int64_t i = 0; i < mixing.widths[block]; ++i)
      columns.push_back(at++);
    result.parts[block] = fit.weight.selectColumns(columns);
  }
  return result;
}

std::optional<Replacement> transformer::replacementByWeights(AttentionSite site,
                                                             Rung rung,
                                                             uint64_t seed) {
  Replacement result;
  result.rung = rung, result.bias = biasOf(site.output);
  Matrix output = matrixOf(site.output.getWeight());
  if (rung == Rung::Drop) {
    result.bias.assign(output.rows, 0.0);
    return result;
  }
  if (rung == Rung::Mq) {
    result.parts[Part::Single] = std::move(output);
    return result;
  }
  if (rung != Rung::Mean && rung != Rung::Bias)
    return std::nullopt;
  // All heads read one row, the mean of the sequence.
  SingleQueries maps = singleQueriesOf(site);
  Matrix map = multiply(output, maps.value);
  for (int64_t r = 0; r < output.rows; ++r)
    for (int64_t c = 0; c < output.columns; ++c)
      result.bias[r] += output(r, c) * maps.valueBias[c];
  if (rung == Rung::Mean) {
    result.parts[Part::Mean] = std::move(map);
    return result;
  }
  InputMoments moments = momentsOf(site.value, nullptr, seed);
  for (int64_t r = 0; r < map.rows; ++r)
    for (int64_t c = 0; c < map.columns; ++c)
      result.bias[r] += map(r, c) * moments.mean[c];
  return result;
}

llvm::Expected<KindsByPath> KindsByPath::parse(StringRef text) {
  auto list = ByPath<Kind>::parse(
      "kinds", text,
      "one of " + llvm::join(ArrayRef(kNames), ", ") + " and auto",
      [](StringRef pattern, StringRef name) -> std::optional<Kind> {
        Kind kind{rungNamed(name)};
        if (pattern.empty() || (!kind.rung && name != "auto"))
          return std::nullopt;
        return kind;
      });
  if (!list)
    return list.takeError();
  KindsByPath result;
  result.list = std::move(*list);
  return std::move(result);
}

bool KindsByPath::hasAuto() const {
  return llvm::any_of(list.entries(),
                      [](const auto &one) { return !one.second.rung; });
}

unsigned KindsByPath::blocksFor(AttentionOp op) const {
  std::optional<Kind> kind = find(modulePath(op));
  if (!kind)
    return 0;
  if (kind->rung)
    return blocksOf(*kind->rung);
  unsigned bits = 0;
  for (int64_t i = 0; i < kRungs; ++i)
    if (whyNotReplaced(op, Rung(i)).empty())
      bits |= blocksOf(Rung(i));
  return bits;
}
