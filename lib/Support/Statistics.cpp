//===- Statistics.cpp - sums over the rows of a tensor --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Error.h"
#include "transformer/Support/Profile.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using llvm::StringRef;

std::vector<double> ChannelStatistics::mean() const {
  std::vector<double> result(sum);
  for (double &value : result)
    value /= double(std::max<int64_t>(count, 1));
  return result;
}

std::vector<double> ChannelStatistics::rms() const {
  std::vector<double> result(squares);
  for (double &value : result)
    value = std::sqrt(value / double(std::max<int64_t>(count, 1)));
  return result;
}

void ChannelStatistics::add(const float *rows, int64_t rowCount, int64_t width,
                            int64_t stride) {
  sum.resize(width), squares.resize(width), absmax.resize(width);
  // Distinct arrays, which the compiler cannot know: then it vectorizes.
  double *__restrict sums = sum.data(), *__restrict squared = squares.data(),
                     *__restrict most = absmax.data();
  for (int64_t r = 0; r < rowCount; ++r)
    for (int64_t c = 0; c < width; ++c) {
      double value = rows[r * stride + c], size = std::abs(value);
      sums[c] += value;
      squared[c] += value * value;
      most[c] = most[c] < size ? size : most[c];
    }
  count += rowCount;
}

void ChannelStatistics::merge(const ChannelStatistics &other) {
  if (sum.empty())
    *this = ChannelStatistics{0, std::vector<double>(other.width()),
                              std::vector<double>(other.width()),
                              std::vector<double>(other.width())};
  for (int64_t c = 0; c < std::min(width(), other.width()); ++c) {
    sum[c] += other.sum[c];
    squares[c] += other.squares[c];
    absmax[c] = std::max(absmax[c], other.absmax[c]);
  }
  count += other.count;
}

std::vector<double> GramStatistics::mean() const {
  std::vector<double> result(sum);
  for (double &value : result)
    value /= weight > 0 ? weight : 1;
  return result;
}

Matrix GramStatistics::covariance() const {
  std::vector<double> about = mean();
  Matrix result = products;
  double total = weight > 0 ? weight : 1;
  for (int64_t r = 0; r < width(); ++r)
    for (int64_t c = 0; c < width(); ++c)
      result(r, c) = result(r, c) / total - about[r] * about[c];
  return result;
}

void GramPart::measure(const float *rows, int64_t count, int64_t width,
                       int64_t stride, llvm::ArrayRef<float> weights) {
  weight = 0;
  sum.assign(width, 0);
  products.resize(width * width);
  for (int64_t r = 0; r < count; ++r) {
    double w = weights.empty() ? 1.0 : weights[r];
    weight += w;
    for (int64_t c = 0; c < width; ++c)
      sum[c] += w * rows[r * stride + c];
  }
  if (!weights.empty()) {
    scaled.resize(count * width);
    for (int64_t r = 0; r < count; ++r) {
      float root = std::sqrt(weights[r]);
      for (int64_t c = 0; c < width; ++c)
        scaled[r * width + c] = rows[r * stride + c] * root;
    }
  }
  gramOfRows(weights.empty() ? rows : scaled.data(), count, width,
             weights.empty() ? stride : width, products.data());
}

void GramStatistics::add(const GramPart &part) {
  int64_t width = part.sum.size();
  if (products.rows == 0)
    products = Matrix(width, width), sum.resize(width);
  weight += part.weight;
  for (int64_t r = 0; r < width; ++r) {
    sum[r] += part.sum[r];
    double *to = products.row(r).data();
    const float *from = part.products.data() + r * width;
    for (int64_t c = 0; c <= r; ++c)
      to[c] += from[c];
  }
}

void GramStatistics::finish() {
  for (int64_t r = 0; r < width(); ++r)
    for (int64_t c = 0; c < r; ++c)
      products(c, r) = products(r, c);
}

void GramStatistics::merge(const GramStatistics &other) {
  if (products.rows == 0) {
    *this = other;
    return;
  }
  weight += other.weight;
  for (size_t c = 0; c < std::min(sum.size(), other.sum.size()); ++c)
    sum[c] += other.sum[c];
  if (products.values.size() == other.products.values.size())
    for (size_t i = 0; i < products.values.size(); ++i)
      products.values[i] += other.products.values[i];
}

int64_t MixingStatistics::begin(Block block) const {
  int64_t sum = 0;
  for (int64_t b = 0; b < block; ++b)
    sum += widths[b];
  return sum;
}

void MixingStatistics::merge(const MixingStatistics &other) {
  fitted.merge(other.fitted);
  heldOut.merge(other.heldOut);
  mean.merge(other.mean);
  averaged.merge(other.averaged);
}

/// The channel statistics or Gram matrix of the linear at `path`.
template <typename Map>
static auto *siteOf(const Profile &profile, const Map &map, StringRef path) {
  auto linear = profile.linears.find(path);
  auto site =
      linear == profile.linears.end() ? map.end() : map.find(linear->second);
  return site == map.end() ? nullptr : &site->second;
}

const ChannelStatistics *Profile::find(StringRef path) const {
  return siteOf(*this, sites, path);
}

const GramStatistics *Profile::findGram(StringRef path) const {
  return siteOf(*this, grams, path);
}

const MixingStatistics *Profile::findMixing(StringRef path) const {
  auto found = mixings.find(path);
  return found == mixings.end() ? nullptr : &found->second;
}

llvm::Error Profile::merge(const Profile &other) {
  if (checkpoint != other.checkpoint)
    return makeError("is the profile of checkpoint " + other.checkpoint +
                     ", and is to be added to one of " + checkpoint);
  if (linears != other.linears || grams.size() != other.grams.size())
    return makeError("has other sites than the profile that it is to be added "
                     "to: make both in the same way");
  for (const auto &[site, statistics] : other.sites) {
    auto own = sites.find(site);
    if (own == sites.end() || own->second.width() != statistics.width())
      return makeError("has another width at " + quoted(site) +
                       " than the profile that it is to be added to");
  }
  for (const auto &[site, gram] : other.grams) {
    auto own = grams.find(site);
    if (own == grams.end() || own->second.width() != gram.width() ||
        own->second.isWeighted != gram.isWeighted)
      return makeError("has another Gram matrix at " + quoted(site) +
                       " than the profile that it is to be added to");
  }
  auto isKnown = [&](const auto &entry) {
    auto own = mixings.find(entry.first);
    return own != mixings.end() && own->second.widths == entry.second.widths;
  };
  if (mixings.size() != other.mixings.size() ||
      !llvm::all_of(other.mixings, isKnown))
    return makeError("has other sums for what replaces attention than the "
                     "profile that it is to be added to");
  for (const auto &[site, statistics] : other.sites)
    sites[site].merge(statistics);
  for (const auto &[path, mixing] : other.mixings)
    mixings[path].merge(mixing);
  for (const auto &[site, gram] : other.grams)
    grams[site].merge(gram);
  tokenCounts.resize(std::max(tokenCounts.size(), other.tokenCounts.size()));
  for (size_t i = 0; i < other.tokenCounts.size(); ++i)
    tokenCounts[i] += other.tokenCounts[i];
  tokens += other.tokens;
  source += ", " + other.source;
  return llvm::Error::success();
}
