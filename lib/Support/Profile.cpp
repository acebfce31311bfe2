//===- Profile.cpp - profile.safetensors ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Per site four F64 tensors: "<site>.count" [1], "<site>.sum", "<site>.squares"
// and "<site>.absmax" [width]. What else belongs to a profile is metadata:
// "linear:<path>" names the site of a linear. A reader ignores tensors with
// other endings, which later versions may add beside these.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Profile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::transformer;
using llvm::StringRef;

static constexpr llvm::StringLiteral kFormat = "transformer-mlir profile";
static constexpr llvm::StringLiteral kVersion = "1";
static constexpr llvm::StringLiteral kLinear = "linear:";

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
  for (int64_t r = 0; r < rowCount; ++r)
    for (int64_t c = 0; c < width; ++c) {
      double value = rows[r * stride + c];
      sum[c] += value;
      squares[c] += value * value;
      absmax[c] = std::max(absmax[c], std::abs(value));
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

const ChannelStatistics *Profile::find(StringRef path) const {
  auto linear = linears.find(path);
  if (linear == linears.end())
    return nullptr;
  auto site = sites.find(linear->second);
  return site == sites.end() ? nullptr : &site->second;
}

llvm::Error transformer::writeProfile(const Profile &profile, StringRef path) {
  SafetensorsWriter writer;
  writer.addMetadata("format", kFormat.str());
  writer.addMetadata("version", kVersion.str());
  writer.addMetadata("checkpoint", profile.checkpoint);
  writer.addMetadata("source", profile.source);
  writer.addMetadata("tokens", std::to_string(profile.tokens));
  for (const auto &[linear, site] : profile.linears)
    writer.addMetadata(kLinear.str() + linear, site);
  auto add = [&](const std::string &name, llvm::ArrayRef<double> values) {
    writer.add(name, DataType::F64, {int64_t(values.size())},
               {reinterpret_cast<const char *>(values.data()),
                values.size() * sizeof(double)});
  };
  std::vector<double> counts; // stays where it is until the file is written
  counts.reserve(profile.sites.size());
  for (const auto &[site, statistics] : profile.sites) {
    counts.push_back(double(statistics.count));
    add(site + ".count", llvm::ArrayRef(counts).take_back(1));
    add(site + ".sum", statistics.sum);
    add(site + ".squares", statistics.squares);
    add(site + ".absmax", statistics.absmax);
  }
  return writer.write(path);
}

namespace {
class Reader {
public:
  explicit Reader(const Safetensors &file) : file(file) {}

  llvm::Error read(Profile &profile) {
    std::map<std::string, std::string> metadata(file.metadata().begin(),
                                                file.metadata().end());
    if (metadata["format"] != kFormat)
      return fail("is not a profile: 'transformer-mlir profile' and "
                  "transformer-compile --save-profile write those");
    if (metadata["version"] != kVersion)
      return fail("is a profile of version " + quoted(metadata["version"]) +
                  ", and this program reads version " + kVersion +
                  ": make it again");
    profile.checkpoint = metadata["checkpoint"];
    profile.source = metadata["source"];
    if (StringRef(metadata["tokens"]).getAsInteger(10, profile.tokens))
      return fail("has no number of tokens");
    for (const auto &[key, value] : metadata)
      if (StringRef(key).starts_with(kLinear))
        if (llvm::Error error =
                readSite(profile, StringRef(key).substr(kLinear.size()), value))
          return error;
    return llvm::Error::success();
  }

private:
  llvm::Error fail(const llvm::Twine &what) const {
    return makeError(file.path() + " " + what);
  }

  llvm::Error readSite(Profile &profile, StringRef linear, StringRef site) {
    profile.linears[linear.str()] = site.str();
    auto [place, isNew] = profile.sites.try_emplace(site.str());
    if (!isNew)
      return llvm::Error::success();
    ChannelStatistics &to = place->second;
    std::vector<double> count;
    for (auto [ending, values] :
         {std::pair<const char *, std::vector<double> *>{".count", &count},
          {".sum", &to.sum},
          {".squares", &to.squares},
          {".absmax", &to.absmax}})
      if (llvm::Error error = readTensor(site.str() + ending, *values))
        return error;
    if (count.size() != 1 || !(count[0] >= 0 && count[0] < 9e15) ||
        to.squares.size() != to.sum.size() || to.absmax.size() != to.sum.size())
      return fail("has numbers for " + quoted(site) +
                  " that do not belong together");
    to.count = int64_t(count[0]);
    return llvm::Error::success();
  }

  llvm::Error readTensor(const std::string &name, std::vector<double> &to) {
    const TensorInfo *info = file.find(name);
    if (!info || info->type != DataType::F64 || info->shape.size() != 1)
      return fail("has no tensor " + quoted(name) + " of F64 numbers");
    llvm::ArrayRef<char> bytes = file.data(*info);
    to.resize(bytes.size() / sizeof(double));
    std::memcpy(to.data(), bytes.data(), bytes.size());
    for (double value : to)
      if (!std::isfinite(value))
        return fail("has a number in " + quoted(name) + " that is not finite");
    return llvm::Error::success();
  }

  const Safetensors &file;
};
} // namespace

llvm::Expected<Profile> transformer::readProfile(StringRef path) {
  llvm::Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.takeError();
  Profile profile;
  if (llvm::Error error = Reader(*file).read(profile))
    return std::move(error);
  return profile;
}
