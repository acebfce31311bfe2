//===- MixingRanks.cpp - narrower maps around single queries --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The queries of all heads in terms of the input are many numbers of one mean,
// and the output is few numbers of what all heads average: both maps are large,
// and sequences differ in few directions.
#include "KnownWeights.h"

#include "transformer/Support/LowRank.h"
#include "transformer/Transforms/ReplaceAttention.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

using Part = MixingStatistics::Block;

namespace {
/// The moments of one block of the rows that were fitted to.
struct BlockMoments {
  BlockMoments(const MixingStatistics &mixing, Part part) {
    std::vector<int64_t> columns;
    for (int64_t i = 0; i < mixing.widths[part]; ++i)
      columns.push_back(mixing.begin(part) + i);
    covariance =
        mixing.fitted.covariance().selectRows(columns).selectColumns(columns);
    std::vector<double> all = mixing.fitted.mean();
    mean = Matrix(columns.size(), 1);
    for (size_t i = 0; i < columns.size(); ++i)
      mean(i, 0) = all[columns[i]];
  }
  Matrix covariance, mean;
};

struct Factors {
  Matrix down, up;
};
} // namespace

/// As few channels as lose at most `error`, of many a multiple of eight;
/// nothing where they would not be fewer numbers than `numbers`, with a first
/// factor of `width` columns.
static llvm::Expected<std::optional<Factors>>
factorsOf(const Matrix &weight, const BlockMoments &moments,
          ArrayRef<double> metric, double error, double damping, int64_t width,
          int64_t numbers) {
  LowRankOptions options;
  options.damping = damping;
  auto found = lowRankOf(moments.covariance, weight, metric, options);
  if (!found)
    return found.takeError();
  int64_t multiple = found->channels() < 64 ? 1 : 8;
  int64_t rank = std::min<int64_t>(
      llvm::alignTo(found->rankFor(error), multiple), found->channels());
  if (rank == 0 || rank * (width + weight.rows) >= numbers)
    return std::nullopt;
  std::vector<int64_t> first;
  for (int64_t i = 0; i < rank; ++i)
    first.push_back(i);
  return Factors{found->down.selectRows(first).roundedToFloats(),
                 found->up.selectColumns(first).roundedToFloats()};
}

/// What the mean loses by the factors, for the bias.
static void addLostMean(std::vector<double> &bias, const Matrix &weight,
                        const Factors &factors, const Matrix &mean) {
  Matrix before = multiply(weight, mean);
  Matrix after = multiply(factors.up, multiply(factors.down, mean));
  for (size_t i = 0; i < bias.size(); ++i)
    bias[i] += before.values[i] - after.values[i];
}

/// Of what the first factor gives: normal rows with these moments.
static ChannelStatistics
statisticsOf(const Matrix &down, const BlockMoments &moments, int64_t count) {
  ChannelStatistics result;
  result.count = count;
  Matrix mean = multiply(down, moments.mean);
  Matrix spread = covarianceThrough(down, moments.covariance);
  for (int64_t r = 0; r < down.rows; ++r) {
    double about = mean(r, 0), variance = std::max(spread(r, r), 0.0);
    result.sum.push_back(double(count) * about);
    result.squares.push_back(double(count) * (variance + about * about));
    result.absmax.push_back(std::abs(about) + 4 * std::sqrt(variance));
  }
  return result;
}

llvm::Error transformer::narrowMaps(Replacement &by, AttentionSite site,
                                    const MixingStatistics &mixing,
                                    const ChannelStatistics *input,
                                    ArrayRef<double> metric, double error,
                                    double damping) {
  auto single = by.parts.find(Part::Single);
  if (single == by.parts.end() || !(error > 0))
    return llvm::Error::success();
  SingleQueries maps = singleQueriesOf(site);
  int64_t inputs = maps.query.columns, all = maps.query.rows;
  if (mixing.widths[Part::Mean] == inputs) {
    // Scores are sums over channels of the input, which differ in size.
    std::vector<double> spread;
    if (input && input->width() == inputs && input->count > 0) {
      std::vector<double> rms = input->rms(), mean = input->mean();
      for (int64_t i = 0; i < all; ++i) {
        double r = rms[i % inputs], m = mean[i % inputs];
        spread.push_back(std::sqrt(std::max(r * r - m * m, 1e-12)));
      }
    }
    BlockMoments moments(mixing, Part::Mean);
    auto factors = factorsOf(maps.query, moments, spread, error, damping,
                             inputs, all * inputs);
    if (!factors)
      return factors.takeError();
    if (*factors) {
      addLostMean(maps.queryBias, maps.query, **factors, moments.mean);
      by.queryInner =
          statisticsOf((*factors)->down, moments, mixing.mean.count);
      by.queryDown = std::move((*factors)->down);
      by.queryUp = std::move((*factors)->up);
      by.queryBias = std::move(maps.queryBias);
    }
  }
  BlockMoments moments(mixing, Part::Single);
  auto factors = factorsOf(single->second, moments, metric, error, damping, all,
                           single->second.rows * all);
  if (!factors)
    return factors.takeError();
  if (*factors) {
    addLostMean(by.bias, single->second, **factors, moments.mean);
    by.outputInner = statisticsOf((*factors)->down, moments, mixing.mean.count);
    by.outputDown = std::move((*factors)->down);
    single->second = std::move((*factors)->up);
  }
  return llvm::Error::success();
}
