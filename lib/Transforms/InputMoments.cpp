//===- InputMoments.cpp - what fits know of a linear's input --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/InputMoments.h"
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/IR/Weights.h"
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/Quantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::transformer;

Matrix InputMoments::secondMoments() const {
  Matrix result = covariance;
  for (int64_t r = 0; r < result.rows; ++r)
    for (int64_t c = 0; c < result.columns; ++c)
      result(r, c) += mean[r] * mean[c];
  return result;
}

/// The numbers of a known f32 vector; empty if they are not known.
static std::vector<double> knownVector(Value value) {
  auto numbers = value ? knownNumbersOf(value) : std::nullopt;
  return numbers ? std::vector<double>(numbers->begin(), numbers->end())
                 : std::vector<double>();
}

static double activate(Activation activation, double x) {
  switch (activation) {
  case Activation::none:
    return x;
  case Activation::gelu:
    return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  case Activation::gelu_tanh:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::relu:
    return std::max(x, 0.0);
  case Activation::silu:
    return x / (1 + std::exp(-x));
  case Activation::tanh:
    return std::tanh(x);
  }
  llvm_unreachable("all activations are above");
}

namespace {
class Assumed {
public:
  explicit Assumed(uint64_t seed) : seed(seed) {}

  /// Depth: of the linears that were followed.
  /// `width`: what the reader's weight has; types may leave it open.
  InputMoments of(Value value, int64_t width, int depth = 0) {
    Operation *op = value.getDefiningOp();
    if (widthOf(value) != width)
      return standard(width);
    if (auto norm = dyn_cast_or_null<LayerNormOp>(op))
      return ofNorm(width, norm.getWeight(), norm.getBias());
    if (auto norm = dyn_cast_or_null<RmsNormOp>(op))
      return ofNorm(width, norm.getWeight(), Value());
    if (auto linear = dyn_cast_or_null<LinearOp>(op))
      if (depth < 4 && whyNotRounded(linear).empty() &&
          (!linear.getBias() || !knownVector(linear.getBias()).empty()))
        return ofLinear(linear, depth);
    if (auto attention = dyn_cast_or_null<AttentionOp>(op))
      if (widthOf(attention.getValue()) != ShapedType::kDynamic)
        return ofAttention(attention, depth);
    return standard(width);
  }

private:
  static int64_t widthOf(Value value) {
    return cast<RankedTensorType>(value.getType()).getShape().back();
  }

  static InputMoments standard(int64_t width) {
    InputMoments result;
    result.covariance = Matrix::identity(width);
    result.mean.assign(width, 0.0);
    return result;
  }

  static InputMoments ofNorm(int64_t width, Value weight, Value bias) {
    InputMoments result = standard(width);
    std::vector<double> factors = knownVector(weight);
    for (size_t i = 0; i < factors.size(); ++i)
      result.covariance(i, i) = factors[i] * factors[i];
    std::vector<double> shift = knownVector(bias);
    if (!shift.empty())
      result.mean = std::move(shift);
    return result;
  }

  InputMoments ofLinear(LinearOp op, int depth) {
    Matrix weight = matrixOf(op.getWeight());
    InputMoments in = of(op.getInput(), weight.columns, depth + 1), out;
    std::vector<double> bias = biasOf(op);
    if (op.getActivation() != Activation::none)
      return sampled(op.getActivation(), in, weight, bias);
    out.covariance = multiply(
        weight, multiply(in.covariance, weight, Form::AsIs, Form::Transposed));
    out.mean = bias;
    for (int64_t r = 0; r < weight.rows; ++r)
      for (int64_t c = 0; c < weight.columns; ++c)
        out.mean[r] += weight(r, c) * in.mean[c];
    return out;
  }

  InputMoments sampled(Activation activation, const InputMoments &in,
                       const Matrix &weight, ArrayRef<double> bias) {
    Matrix covariance = in.covariance;
    damp(covariance, 1e-9);
    llvm::Expected<Matrix> lower = cholesky(covariance);
    if (!lower) // of products of finite weights: rounding made it negative
      llvm::consumeError(lower.takeError());
    Matrix shape = lower ? multiply(weight, *lower) : weight;
    std::vector<double> shift(bias);
    for (int64_t r = 0; r < weight.rows; ++r)
      for (int64_t c = 0; c < weight.columns; ++c)
        shift[r] += weight(r, c) * in.mean[c];
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    GramStatistics gram;
    GramPart part;
    constexpr int64_t kRows = 1024;
    int64_t blocks = (4 * weight.rows + kRows - 1) / kRows + 1;
    for (int64_t block = 0; block < blocks; ++block) {
      Matrix x(kRows, shape.columns);
      for (double &value : x.values)
        value = normal(engine);
      Matrix y = multiply(x, shape, Form::AsIs, Form::Transposed);
      for (int64_t r = 0; r < y.rows; ++r)
        for (int64_t c = 0; c < y.columns; ++c)
          y(r, c) = activate(activation, y(r, c) + shift[c]);
      std::vector<float> rows = y.toFloats();
      part.measure(rows.data(), kRows, y.columns, y.columns);
      gram.add(part);
    }
    gram.finish();
    InputMoments out;
    out.covariance = gram.covariance();
    out.mean = gram.mean();
    return out;
  }

  InputMoments ofAttention(AttentionOp op, int depth) {
    Value value = op.getValue();
    InputMoments values = of(value, widthOf(value), depth + 1), out;
    int64_t dim = op.getValueDim(), heads = op.getNumHeads();
    int64_t group = heads / op.getNumKvHeads();
    std::vector<int64_t> from;
    for (int64_t i = 0; i < heads * dim; ++i)
      from.push_back(i / dim / group * dim + i % dim);
    out.covariance = values.covariance.selectRows(from).selectColumns(from);
    for (int64_t i : from)
      out.mean.push_back(values.mean[i]);
    return out;
  }

  uint64_t seed;
};
} // namespace

InputMoments transformer::momentsOf(LinearOp op, const Profile *profile,
                                    uint64_t seed) {
  int64_t width =
      cast<RankedTensorType>(op.getWeight().getType()).getDimSize(1);
  StringRef why = "there is no profile";
  if (profile) {
    const GramStatistics *gram = profile->findGram(modulePath(op));
    if (gram && gram->width() == width && gram->weight > 0) {
      InputMoments result;
      result.covariance = gram->covariance();
      result.mean = gram->mean();
      result.isMeasured = true;
      result.source = "by activations measured";
      return result;
    }
    why = gram ? "the profile has another width for its input"
               : "the profile has no Gram matrix of its input";
  }
  InputMoments result = Assumed(seed).of(op.getInput(), width);
  result.source = llvm::formatv("by activations assumed, because {0}", why);
  return result;
}

/// The norms that alone read `value`, behind sums; false if others read it.
static bool findNorms(Value value, SmallVectorImpl<Operation *> &norms) {
  if (value.use_empty())
    return false;
  for (Operation *user : value.getUsers()) {
    if (isa<LayerNormOp, RmsNormOp>(user))
      norms.push_back(user);
    else if (isa<ObserveOp>(user))
      continue;
    else if (!isa<arith::AddFOp>(user) || !findNorms(user->getResult(0), norms))
      return false;
  }
  return true;
}

/// The norm that alone reads `value`, behind sums; null if there is none.
static Operation *normBehind(Value value) {
  SmallVector<Operation *> norms;
  return findNorms(value, norms) && norms.size() == 1 ? norms.front() : nullptr;
}

/// Its weights as factors; empty if they are not known.
static std::vector<double> factorsOf(Operation *norm) {
  if (!norm)
    return {};
  std::vector<double> factors =
      knownVector(isa<LayerNormOp>(norm) ? cast<LayerNormOp>(norm).getWeight()
                                         : cast<RmsNormOp>(norm).getWeight());
  for (double &factor : factors)
    factor = std::abs(factor);
  return factors;
}

/// None below a quarter of the mean, because a channel that a norm silences
/// still goes through the residual; empty if there is no mean.
static std::vector<double> raised(std::vector<double> metric) {
  double mean = 0;
  for (double factor : metric)
    mean += factor / double(metric.size());
  if (!(mean > 0) || !std::isfinite(mean))
    return {};
  for (double &factor : metric)
    factor = std::max(factor, 0.25 * mean);
  return metric;
}

std::vector<double> transformer::normMetric(Value value) {
  return raised(factorsOf(normBehind(value)));
}

std::vector<double> transformer::outputMetric(LinearOp op) {
  Operation *norm = normBehind(op.getResult());
  std::vector<double> metric = factorsOf(norm);
  if (metric.empty())
    return {};
  std::vector<double> read(metric.size());
  bool isRead = false;
  for (Operation *user : norm->getUsers()) {
    auto next = dyn_cast<LinearOp>(user);
    if (!next || next.getInput() != norm->getResult(0) ||
        !whyNotRounded(next).empty())
      continue;
    Matrix weight = matrixOf(next.getWeight());
    for (int64_t r = 0; r < weight.rows; ++r)
      for (int64_t c = 0; c < weight.columns; ++c)
        read[c] += weight(r, c) * weight(r, c);
    isRead = true;
  }
  if (isRead)
    for (size_t c = 0; c < metric.size(); ++c)
      metric[c] *= std::sqrt(read[c]);
  return raised(std::move(metric));
}

void transformer::changeInput(Profile &profile, StringRef path,
                              const Matrix &basis) {
  auto known = profile.linears.find(path);
  if (known == profile.linears.end())
    return;
  const ChannelStatistics *from = profile.find(path);
  const GramStatistics *gram = profile.findGram(path);
  if (!from || from->width() != basis.rows)
    return;
  ChannelStatistics to;
  to.count = from->count;
  to.sum.assign(basis.columns, 0.0);
  to.squares = to.absmax = to.sum;
  bool hasGram = gram && gram->width() == basis.rows;
  GramStatistics changed;
  if (hasGram) {
    changed = *gram;
    changed.products =
        multiply(basis, multiply(gram->products, basis), Form::Transposed);
    changed.sum.assign(basis.columns, 0.0);
  }
  for (int64_t c = 0; c < basis.columns; ++c) {
    int64_t sources = 0;
    for (int64_t r = 0; r < basis.rows; ++r) {
      double factor = basis(r, c);
      if (factor == 0)
        continue;
      ++sources;
      to.sum[c] += factor * from->sum[r];
      // Of one channel exactly; of several as if they were independent, unless
      // the Gram matrix knows.
      to.squares[c] += factor * factor * from->squares[r];
      to.absmax[c] += std::abs(factor) * from->absmax[r];
      if (hasGram)
        changed.sum[c] += factor * gram->sum[r];
    }
    if (sources > 1 && hasGram && gram->weight > 0)
      to.squares[c] =
          changed.products(c, c) / gram->weight * double(from->count);
  }
  // A site is named by one of its readers; others may stay with the old input.
  std::string old = known->second, name = path.str();
  auto isOthers = [&](const auto &entry) {
    return entry.second == old && entry.first != path;
  };
  if (llvm::none_of(profile.linears, isOthers)) {
    profile.sites.erase(old);
    profile.grams.erase(old);
  } else if (old == name) {
    name += ".input";
  }
  known->second = name;
  profile.sites[name] = std::move(to);
  if (hasGram)
    profile.grams[name] = std::move(changed);
}
