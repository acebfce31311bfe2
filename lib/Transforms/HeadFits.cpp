//===- HeadFits.cpp - attention on fewer heads and channels ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/LowRank.h"
#include "transformer/Transforms/Narrow.h"

using namespace mlir;
using namespace mlir::transformer;

SiteMoments transformer::momentsOf(AttentionSite site, const Profile *profile,
                                   uint64_t seed) {
  return {momentsOf(site.query, profile, seed),
          momentsOf(site.key, profile, seed),
          momentsOf(site.output, profile, seed)};
}

/// The channels of the heads `which`, of `dim` each.
static std::vector<int64_t> channelsOf(ArrayRef<int64_t> which, int64_t dim) {
  std::vector<int64_t> result;
  for (int64_t head : which)
    for (int64_t i = 0; i < dim; ++i)
      result.push_back(head * dim + i);
  return result;
}

static Matrix block(const Matrix &of, int64_t head, int64_t dim) {
  return of.selectRows(channelsOf({head}, dim));
}

/// The weight with the bias as a last column.
static Matrix extended(LinearOp op) {
  Matrix weight = matrixOf(op.getWeight());
  std::vector<double> bias = biasOf(op);
  Matrix result(weight.rows, weight.columns + 1);
  for (int64_t r = 0; r < weight.rows; ++r) {
    llvm::copy(weight.row(r), result.row(r).begin());
    result(r, weight.columns) = bias[r];
  }
  return result;
}

static void append(Matrix &to, const Matrix &rows) {
  to.columns = rows.columns;
  to.rows += rows.rows;
  llvm::append_range(to.values, rows.values);
}

namespace {
/// What the new output linear can read: what the heads give, and what single
/// queries give, which the old one did not read.
struct OutputInputs {
  OutputInputs(AttentionSite site, const SiteMoments &moments)
      : weight(matrixOf(site.output.getWeight())),
        covariance(moments.output.covariance), mean(moments.output.mean) {}

  OutputInputs(AttentionSite site, const GramStatistics &gram,
               const MixingStatistics &mixing) {
    std::vector<int64_t> columns;
    for (auto block : {MixingStatistics::Attended, MixingStatistics::Single})
      for (int64_t i = 0; i < mixing.widths[block]; ++i)
        columns.push_back(mixing.begin(block) + i);
    covariance = gram.covariance().selectRows(columns).selectColumns(columns);
    std::vector<double> all = gram.mean();
    for (int64_t column : columns)
      mean.push_back(all[column]);
    Matrix old = matrixOf(site.output.getWeight());
    weight = Matrix(old.rows, columns.size());
    for (int64_t r = 0; r < old.rows; ++r)
      llvm::copy(old.row(r), weight.row(r).begin());
  }

  static OutputInputs of(AttentionSite site, const SiteMoments &moments,
                         const MixingStatistics *beside) {
    return beside ? OutputInputs(site, beside->fitted, *beside)
                  : OutputInputs(site, moments);
  }

  Matrix weight, covariance;
  std::vector<double> mean;
};
} // namespace

llvm::Expected<EliminationCurve>
transformer::headsCurve(AttentionSite site, const SiteMoments &moments,
                        double damping, const MixingStatistics *beside) {
  int64_t group = site.attention.getNumHeads() / site.groups();
  OutputInputs inputs = OutputInputs::of(site, moments, beside);
  return eliminate(inputs.covariance, inputs.weight, outputMetric(site.output),
                   group * site.attention.getValueDim(), damping,
                   beside ? std::optional(site.groups()) : std::nullopt);
}

/// `beside` columns for all single queries behind those of `basis`.
static Matrix withSingle(const Matrix &basis, int64_t beside) {
  Matrix result(basis.rows + beside, basis.columns + beside);
  for (int64_t r = 0; r < basis.rows; ++r)
    llvm::copy(basis.row(r), result.row(r).begin());
  for (int64_t i = 0; i < beside; ++i)
    result(basis.rows + i, basis.columns + i) = 1;
  return result;
}

void transformer::judgeBeside(HeadsPlan &plan, AttentionSite site,
                              const MixingStatistics &beside) {
  Matrix fresh(plan.output.rows, plan.output.columns + plan.single.columns);
  for (int64_t r = 0; r < fresh.rows; ++r) {
    llvm::copy(plan.output.row(r), fresh.row(r).begin());
    llvm::copy(plan.single.row(r), fresh.row(r).begin() + plan.output.columns);
  }
  std::vector<double> metric = outputMetric(site.output);
  Matrix basis = withSingle(plan.basis, plan.single.columns);
  auto errorOn = [&](const GramStatistics &gram) {
    OutputInputs inputs(site, gram, beside);
    return relativeError(inputs.covariance, inputs.weight, fresh, basis,
                         metric);
  };
  plan.outputError = errorOn(beside.fitted);
  if (beside.heldOut.weight > 0)
    plan.heldOutError = errorOn(beside.heldOut);
}

namespace {
class Planner {
public:
  Planner(AttentionSite site, const SiteMoments &moments, const HeadsGoal &goal,
          double damping, const EliminationCurve *known)
      : site(site), moments(moments), goal(goal), damping(damping),
        known(known && !goal.beside ? known : nullptr),
        group(site.attention.getNumHeads() / site.groups()),
        qkDim(site.attention.getQkDim()),
        valueDim(site.attention.getValueDim()),
        inputs(OutputInputs::of(site, moments, goal.beside)),
        old(inputs.weight), metric(outputMetric(site.output)) {}

  llvm::Expected<HeadsPlan> run() {
    plan.qkDim = qkDim, plan.valueDim = valueDim;
    if (llvm::Error error = chooseHeads())
      return std::move(error);
    partSingle();
    if (llvm::Error error = narrowValues())
      return std::move(error);
    if (llvm::Error error = narrowScoresOfAll())
      return std::move(error);
    for (const Matrix *weight :
         {&plan.query, &plan.key, &plan.value, &plan.output, &plan.single})
      if (!weight->fitsFloats())
        return makeError("f32 does not hold the weights that were fitted");
    return std::move(plan);
  }

private:
  /// Fits the output linear to `basis`; its error too.
  llvm::Error fitOutput(Matrix basis) {
    llvm::Expected<Matrix> weight =
        refit(inputs.covariance, old, basis, damping);
    if (!weight)
      return weight.takeError();
    plan.output = weight->roundedToFloats();
    plan.outputError =
        relativeError(inputs.covariance, old, plan.output, basis, metric);
    plan.basis = std::move(basis);
    plan.outputBias = refittedBias(biasOf(site.output), old, plan.output,
                                   plan.basis, inputs.mean);
    return llvm::Error::success();
  }

  llvm::Error keepGroups(const EliminationCurve &curve, int64_t count) {
    plan.kept = curve.kept(count);
    int64_t all = site.groups() * group * valueDim;
    Matrix basis = selection(all, channelsOf(plan.kept, group * valueDim));
    return fitOutput(withSingle(basis, old.columns - all));
  }

  void keepAll() {
    plan.kept.clear();
    for (int64_t i = 0; i < site.groups(); ++i)
      plan.kept.push_back(i);
    plan.output = matrixOf(site.output.getWeight());
    plan.basis = Matrix::identity(plan.output.columns);
    plan.outputBias = biasOf(site.output);
    plan.outputError = 0;
  }

  /// The columns of single queries are a matrix of their own.
  void partSingle() {
    int64_t heads = plan.kept.size() * group * valueDim;
    std::vector<int64_t> own, rest;
    for (int64_t c = 0; c < plan.output.columns; ++c)
      (c < heads ? own : rest).push_back(c);
    if (rest.empty())
      return;
    plan.single = plan.output.selectColumns(rest);
    plan.output = plan.output.selectColumns(own);
    plan.basis = selection(site.groups() * group * valueDim,
                           channelsOf(plan.kept, group * valueDim));
    judgeBeside(plan, site, *goal.beside);
  }

  llvm::Error chooseHeads() {
    int64_t all = site.groups();
    bool isByError = !goal.groups && goal.maxError;
    int64_t count = goal.groups.value_or(all);
    if (!isByError && count >= all) {
      keepAll();
      return llvm::Error::success();
    }
    llvm::Expected<EliminationCurve> curve =
        known ? *known : headsCurve(site, moments, damping, goal.beside);
    if (!curve)
      return curve.takeError();
    if (!isByError)
      return keepGroups(*curve, count);
    // There are few; the curve counts the damping too.
    for (count = 1; count < all; ++count) {
      if (llvm::Error error = keepGroups(*curve, count))
        return error;
      if (plan.outputError <= *goal.maxError)
        return llvm::Error::success();
    }
    keepAll();
    return llvm::Error::success();
  }

  /// The maps of the values of each kept head in the metric of `covariance` (of
  /// the kept channels), or of what others do not tell of it.
  llvm::Expected<Matrix> valueMaps(const Matrix &covariance, bool isJoint) {
    Matrix metricOf = covariance;
    if (isJoint) {
      damp(metricOf, damping);
      llvm::Expected<Matrix> inverse = invertPositive(metricOf);
      if (!inverse)
        return inverse;
      metricOf = std::move(*inverse);
    }
    Matrix maps;
    Matrix weight = old.selectColumns(channelsOf(plan.kept, valueDim));
    for (size_t i = 0; i < plan.kept.size(); ++i) {
      std::vector<int64_t> own = channelsOf({int64_t(i)}, valueDim);
      Matrix part = metricOf.selectRows(own).selectColumns(own);
      if (isJoint) {
        llvm::Expected<Matrix> back = invertPositive(part);
        if (!back)
          return back;
        part = std::move(*back);
      }
      LowRankOptions options;
      options.damping = damping;
      llvm::Expected<LowRank> best =
          lowRankOf(part, weight.selectColumns(own), metric, options);
      if (!best)
        return best.takeError();
      Matrix map = best->down;
      map.rows = plan.valueDim;
      map.values.resize(map.rows * map.columns);
      append(maps, map);
    }
    return maps;
  }

  llvm::Error narrowValues() {
    Matrix values = extended(site.value);
    for (int64_t head : plan.kept)
      append(plan.value, block(values, head, valueDim));
    if (!goal.voRank || *goal.voRank >= valueDim || group != 1)
      return llvm::Error::success();
    plan.valueDim = *goal.voRank;
    std::vector<int64_t> channels = channelsOf(plan.kept, valueDim);
    Matrix covariance =
        moments.output.covariance.selectRows(channels).selectColumns(channels);
    std::optional<HeadsPlan> best;
    Matrix bestMaps;
    for (bool isJoint : {false, true}) {
      llvm::Expected<Matrix> maps = valueMaps(covariance, isJoint);
      if (!maps)
        return maps.takeError();
      Matrix basis(old.columns, maps->rows);
      for (int64_t r = 0; r < maps->rows; ++r)
        for (int64_t c = 0; c < valueDim; ++c)
          basis(channels[r / plan.valueDim * valueDim + c], r) = (*maps)(r, c);
      if (llvm::Error error = fitOutput(std::move(basis)))
        return error;
      if (!best || plan.outputError < best->outputError)
        best = plan, bestMaps = std::move(*maps);
    }
    plan = std::move(*best);
    Matrix narrow;
    for (size_t i = 0; i < plan.kept.size(); ++i)
      append(narrow, multiply(block(bestMaps, i, plan.valueDim),
                              block(plan.value, i, valueDim)));
    plan.value = std::move(narrow);
    return llvm::Error::success();
  }

  llvm::Error narrowScoresOfAll() {
    Matrix queries = extended(site.query), keys = extended(site.key);
    std::vector<int64_t> heads = channelsOf(plan.kept, group);
    bool isAsked = goal.qkRank || goal.maxError;
    if (!isAsked || (goal.qkRank && *goal.qkRank >= qkDim)) {
      plan.query = queries.selectRows(channelsOf(heads, qkDim));
      plan.key = keys.selectRows(channelsOf(plan.kept, qkDim));
      return llvm::Error::success();
    }
    Matrix weight = matrixOf(site.query.getWeight());
    std::vector<NarrowScores> narrow;
    std::vector<double> lost(qkDim + 1); // [rank], of all heads
    plan.spectrum.assign(qkDim, 0.0);
    for (size_t i = 0; i < plan.kept.size(); ++i) {
      Matrix moment(qkDim, qkDim);
      for (int64_t h = 0; h < group; ++h)
        addQueryMoments(moment, weight, heads[i * group + h]);
      Matrix own = block(matrixOf(site.key.getWeight()), plan.kept[i], qkDim);
      llvm::Expected<NarrowScores> best =
          narrowScores(moment, covarianceThrough(own, moments.key.covariance));
      if (!best)
        return best.takeError();
      for (size_t c = 0; c < best->energies.size(); ++c) {
        plan.spectrum[c] += best->energies[c];
        for (size_t rank = 0; rank <= c; ++rank)
          lost[rank] += best->energies[c];
      }
      narrow.push_back(std::move(*best));
    }
    setRank(lost);
    for (auto [i, maps] : llvm::enumerate(narrow)) {
      for (int64_t h = 0; h < group; ++h)
        append(plan.query, padded(maps.query, queries, heads[i * group + h]));
      append(plan.key, padded(maps.key, keys, plan.kept[i]));
    }
    // A bias of keys shifts all scores of a query.
    for (int64_t r = 0; r < plan.key.rows; ++r)
      plan.key(r, plan.key.columns - 1) = 0;
    return llvm::Error::success();
  }

  /// E[q q^T] of one head.
  void addQueryMoments(Matrix &to, const Matrix &weight, int64_t head) {
    Matrix own = block(weight, head, qkDim);
    Matrix spread = covarianceThrough(own, moments.query.covariance);
    std::vector<double> bias = biasOf(site.query);
    std::vector<double> mean(qkDim);
    for (int64_t r = 0; r < qkDim; ++r) {
      mean[r] = bias[head * qkDim + r];
      for (int64_t c = 0; c < own.columns; ++c)
        mean[r] += own(r, c) * moments.query.mean[c];
    }
    for (int64_t r = 0; r < qkDim; ++r)
      for (int64_t c = 0; c < qkDim; ++c)
        to(r, c) += spread(r, c) + mean[r] * mean[c];
  }

  void setRank(ArrayRef<double> lost) {
    double all = lost[0];
    auto errorOf = [&](int64_t rank) {
      return all > 0 ? lost[rank] / all : 0.0;
    };
    int64_t rank = goal.qkRank.value_or(1);
    if (!goal.qkRank)
      while (rank < qkDim && errorOf(rank) > *goal.maxError)
        ++rank;
    int64_t multiple = std::max<int64_t>(goal.multiple, 1);
    plan.qkDim = std::min((rank + multiple - 1) / multiple * multiple, qkDim);
    plan.scoreError = errorOf(plan.qkDim);
  }

  /// The rows of a head, through the first rows of `map`; a head with fewer
  /// directions gets rows of zeros.
  Matrix padded(const Matrix &map, const Matrix &weight, int64_t head) const {
    Matrix first = map;
    first.rows = plan.qkDim;
    first.values.resize(first.rows * first.columns);
    return multiply(first, block(weight, head, qkDim));
  }

  AttentionSite site;
  const SiteMoments &moments;
  const HeadsGoal &goal;
  double damping;
  const EliminationCurve *known;
  int64_t group, qkDim, valueDim;
  OutputInputs inputs;
  Matrix &old;
  std::vector<double> metric;
  HeadsPlan plan;
};
} // namespace

llvm::Expected<HeadsPlan>
transformer::planHeads(AttentionSite site, const SiteMoments &moments,
                       const HeadsGoal &goal, double damping,
                       const EliminationCurve *curve) {
  return Planner(site, moments, goal, damping, curve).run();
}
