//===- Factorize.cpp - two factors in the place of weights ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Elimination.h"
#include "transformer/Transforms/Factorize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/Error.h"

using namespace mlir;
using namespace mlir::transformer;

static RankedTensorType weightType(LinearOp op) {
  return cast<RankedTensorType>(op.getWeight().getType());
}

int64_t FactorGroup::inputs() const {
  return weightType(linears.front()).getDimSize(1);
}

int64_t FactorGroup::outputs() const {
  int64_t sum = 0;
  for (LinearOp op : linears)
    sum += weightType(op).getDimSize(0);
  return sum;
}

int64_t FactorGroup::numbersOf(int64_t rank) const {
  return pivoted ? rank * (inputs() + outputs() - rank) + inputs()
                 : rank * (inputs() + outputs());
}

int64_t FactorGroup::mostRank() const {
  int64_t rank = std::min(inputs(), outputs()) - 1;
  while (rank > 0 && numbersOf(rank) >= numbers())
    --rank;
  return rank;
}

/// One weight below the other.
static Matrix stacked(const FactorGroup &group) {
  Matrix all(0, group.inputs());
  for (LinearOp op : group.linears) {
    Matrix own = matrixOf(op.getWeight());
    all.rows += own.rows;
    llvm::append_range(all.values, own.values);
  }
  return all;
}

/// As one output of `group` after the other; empty where none has one.
static std::vector<double> metricOf(const FactorGroup &group) {
  if (group.linears.size() == 1)
    return outputMetric(group.linears.front());
  return {};
}

llvm::Expected<LowRank> transformer::factorsOf(const FactorGroup &group,
                                               const InputMoments &moments,
                                               const LowRankOptions &options) {
  return lowRankOf(moments.covariance, stacked(group), metricOf(group),
                   options);
}

/// "encoder.layer.0.attention.self.query" gives
/// "encoder.layer.0.attention.self.query.down".
static std::string downName(const FactorGroup &group) {
  StringRef path = modulePath(group.linears.front());
  return (path.empty() ? StringRef("linear") : path).str() + ".down";
}

namespace {
/// The first factor: channels of the inputs, and where it is to be computed.
class Down {
public:
  Down(RewriterBase &rewriter, const FactorGroup &group)
      : rewriter(rewriter), first(group.linears.front()),
        name(downName(group)) {
    rewriter.setInsertionPoint(first);
  }

  Value plain(const Matrix &weight) { return linear(first.getInput(), weight); }

  /// The pivots themselves, and a mix of the other inputs.
  Value pivoted(const Interpolation &parts) {
    Value pivots = select(parts.pivots, ".pivots");
    Value mixed = linear(select(parts.rest, ".rest"), parts.mix);
    return arith::AddFOp::create(rewriter, at(".channels"), mixed, pivots);
  }

private:
  Location at(StringRef suffix) {
    return NameLoc::get(rewriter.getStringAttr(name + suffix));
  }

  Value select(ArrayRef<int64_t> which, StringRef suffix) {
    std::vector<int32_t> indices(which.begin(), which.end());
    Value weight = createWeight(
        rewriter, at(suffix), (name + suffix).str(),
        RankedTensorType::get({int64_t(which.size())}, rewriter.getI32Type()),
        rawBytes<int32_t>(indices), first.getWeight());
    return SelectOp::create(rewriter, at(suffix), first.getInput(), weight);
  }

  Value linear(Value input, const Matrix &numbers) {
    Value weight =
        createWeight(rewriter, at(""), name + ".weight",
                     RankedTensorType::get({numbers.rows, numbers.columns},
                                           rewriter.getF32Type()),
                     rawBytes<float>(numbers.toFloats()), first.getWeight());
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = numbers.rows;
    return LinearOp::create(rewriter, at(""), type.clone(shape), input, weight,
                            Value(), Value(), Value(), Activation::none);
  }

  RewriterBase &rewriter;
  LinearOp first;
  std::string name;
};
} // namespace

/// How large the inputs are, each with a part of the mean so that none is 0.
static std::vector<double> sizesOf(const InputMoments &moments) {
  Matrix covariance = moments.covariance;
  damp(covariance, 1e-6);
  std::vector<double> sizes;
  for (int64_t i = 0; i < covariance.rows; ++i)
    sizes.push_back(std::sqrt(covariance(i, i)));
  return sizes;
}

/// `parts` as a matrix of all inputs.
static Matrix downOf(const Interpolation &parts) {
  Matrix down(parts.pivots.size(), parts.pivots.size() + parts.rest.size());
  for (auto [r, pivot] : llvm::enumerate(parts.pivots)) {
    down(r, pivot) = 1;
    for (auto [c, other] : llvm::enumerate(parts.rest))
      down(r, other) = parts.mix(r, c);
  }
  return down;
}

FailureOr<double> transformer::factorize(RewriterBase &rewriter,
                                         FactorGroup &group,
                                         const LowRank &factors, int64_t rank,
                                         const InputMoments &moments,
                                         Profile *profile) {
  for (LinearOp op : group.linears) {
    StringRef why = whyNotChanged(op);
    if (!why.empty())
      return rewriter.notifyMatchFailure(op, why);
    if (op.getInput() != group.linears.front().getInput())
      return rewriter.notifyMatchFailure(op, "its input is another");
  }
  if (rank < 1 || rank > factors.channels())
    return rewriter.notifyMatchFailure(group.linears.front(),
                                       "there are not that many channels");
  std::vector<int64_t> first(rank);
  for (int64_t i = 0; i < rank; ++i)
    first[i] = i;
  Matrix down = factors.down.selectRows(first);
  Matrix up = factors.up.selectColumns(first);
  Interpolation parts;
  if (group.pivoted) {
    // The same channels in another basis: that of the pivots.
    auto found = interpolate(down, sizesOf(moments));
    if (!found)
      return rewriter.notifyMatchFailure(group.linears.front(),
                                         llvm::toString(found.takeError()));
    parts = std::move(*found);
    up = multiply(up, down.selectColumns(parts.pivots));
    down = downOf(parts);
  }
  if (!down.fitsFloats() || !up.fitsFloats())
    return rewriter.notifyMatchFailure(group.linears.front(),
                                       "f32 does not hold its factors");
  down = down.roundedToFloats();
  up = up.roundedToFloats();
  Matrix old = stacked(group), basis = down.transposed();
  double error =
      relativeError(moments.covariance, old, up, basis, metricOf(group));
  std::vector<double> biases;
  for (LinearOp op : group.linears)
    llvm::append_range(biases, biasOf(op));
  biases = refittedBias(std::move(biases), old, up, basis, moments.mean);

  Down inner(rewriter, group);
  Value channels = group.pivoted ? inner.pivoted(parts) : inner.plain(down);
  if (profile) { // the new linear reads what the old ones did
    auto known = profile->linears.find(modulePath(group.linears.front()));
    if (known != profile->linears.end())
      profile->linears[downName(group)] = known->second;
    if (group.pivoted)
      changeInput(*profile, downName(group),
                  selection(group.inputs(), parts.rest));
  }
  int64_t row = 0;
  for (LinearOp &op : group.linears) {
    std::vector<double> bias;
    std::vector<int64_t> own;
    for (int64_t n = weightType(op).getDimSize(0); n > 0; --n) {
      bias.push_back(biases[row]);
      own.push_back(row++);
    }
    if (profile)
      changeInput(*profile, modulePath(op), basis);
    op = exchangeLinear(rewriter, op, channels, up.selectRows(own), bias);
  }
  return error;
}
