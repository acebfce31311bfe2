//===- Profile.cpp - profile.safetensors ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Per site four F64 tensors: "<site>.count" [1], "<site>.sum", "<site>.squares"
// and "<site>.absmax" [width]. With Gram matrices three more:
// "<site>.gram.weight" [1], "<site>.gram.sum" [width] and
// "<site>.gram.products" [width (width + 1) / 2], the lower triangle by rows;
// the metadata "weighted:<site>" says that rows weigh by one over the variance
// behind them. What an attention could be replaced by has the ending
// ".mixing", then ".widths" [6] of its blocks, and behind ".mixing.fitted" and
// ".mixing.held_out" a Gram matrix, behind ".mixing.mean" and
// ".mixing.averaged" the four of a site; the metadata "mixing:<path>" says that
// it is there. "token_counts" [vocabulary] is optional too. What else belongs
// to a profile is metadata: "linear:<path>" names the site of a linear, and
// "checksum" is that of all others and of the tensors. A
// reader ignores tensors with other endings, which later versions may add
// beside these.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Profile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <cstring>
#include <list>

using namespace mlir;
using namespace mlir::transformer;
using llvm::StringRef;

static constexpr llvm::StringLiteral kFormat = "transformer-mlir profile";
static constexpr llvm::StringLiteral kVersion = "1";
static constexpr llvm::StringLiteral kLinear = "linear:";
static constexpr llvm::StringLiteral kWeighted = "weighted:";
static constexpr llvm::StringLiteral kMixing = "mixing:";
static constexpr llvm::StringLiteral kTokenCounts = "token_counts";
static constexpr llvm::StringLiteral kChecksum = "checksum";

namespace {
/// XXH3-64 of all names and values, in whatever order they come.
class Checksum {
public:
  void add(StringRef name, llvm::ArrayRef<char> value) {
    lines.push_back((name + "=" + llvm::utohexstr(hashBytes(value))).str());
  }
  std::string get() {
    llvm::sort(lines);
    return llvm::utohexstr(hashBytes(llvm::join(lines, "\n")));
  }

private:
  std::vector<std::string> lines;
};

class Writer {
public:
  llvm::Error write(const Profile &profile, StringRef path) {
    addText("format", kFormat.str());
    addText("version", kVersion.str());
    addText("checkpoint", profile.checkpoint);
    addText("source", profile.source);
    addText("tokens", std::to_string(profile.tokens));
    for (const auto &[linear, site] : profile.linears)
      addText(kLinear.str() + linear, site);
    for (const auto &[site, statistics] : profile.sites)
      addSite(site, statistics);
    for (const auto &[site, gram] : profile.grams)
      addGram(site, gram);
    for (const auto &[name, mixing] : profile.mixings) {
      addText(kMixing.str() + name, "1");
      std::string prefix = name + ".mixing";
      numbers.emplace_back(mixing.widths.begin(), mixing.widths.end());
      add(prefix + ".widths", numbers.back());
      addGram(prefix + ".fitted", mixing.fitted);
      addGram(prefix + ".held_out", mixing.heldOut);
      addSite(prefix + ".mean", mixing.mean);
      addSite(prefix + ".averaged", mixing.averaged);
    }
    if (!profile.tokenCounts.empty())
      add(kTokenCounts.str(), profile.tokenCounts);
    for (const auto &[name, bytes] : tensors)
      checksum.add(name, bytes);
    writer.addMetadata(kChecksum.str(), checksum.get());
    return writer.write(path);
  }

private:
  void addText(const std::string &key, const std::string &value) {
    checksum.add(key, value);
    writer.addMetadata(key, value);
  }

  void add(const std::string &name, llvm::ArrayRef<double> values) {
    llvm::ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()),
                               values.size() * sizeof(double));
    tensors.emplace_back(name, bytes);
    writer.add(name, DataType::F64, {int64_t(values.size())}, bytes);
  }

  void addSite(const std::string &site, const ChannelStatistics &statistics) {
    numbers.push_back({double(statistics.count)});
    add(site + ".count", numbers.back());
    add(site + ".sum", statistics.sum);
    add(site + ".squares", statistics.squares);
    add(site + ".absmax", statistics.absmax);
  }

  void addGram(const std::string &site, const GramStatistics &gram) {
    if (gram.isWeighted)
      addText(kWeighted.str() + site, "1/variance");
    add(site + ".gram.weight", gram.weight);
    add(site + ".gram.sum", gram.sum);
    std::vector<double> &triangle = numbers.emplace_back();
    triangle.reserve(gram.width() * (gram.width() + 1) / 2);
    for (int64_t r = 0; r < gram.products.rows; ++r)
      llvm::append_range(triangle, gram.products.row(r).take_front(r + 1));
    add(site + ".gram.products", triangle);
  }

  SafetensorsWriter writer;
  Checksum checksum;
  std::vector<std::pair<std::string, llvm::ArrayRef<char>>> tensors;
  std::list<std::vector<double>> numbers; // stay until the file is written
};
} // namespace

llvm::Error transformer::writeProfile(const Profile &profile, StringRef path) {
  return Writer().write(profile, path);
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
    if (metadata.count(kChecksum.str()) &&
        metadata[kChecksum.str()] != checksum())
      return fail("has been damaged: it is not what its checksum says; make it "
                  "again");
    profile.checkpoint = metadata["checkpoint"];
    profile.source = metadata["source"];
    if (StringRef(metadata["tokens"]).getAsInteger(10, profile.tokens))
      return fail("has no number of tokens");
    for (const auto &[key, value] : metadata)
      if (StringRef(key).starts_with(kLinear))
        if (llvm::Error error =
                readSite(profile, StringRef(key).substr(kLinear.size()), value))
          return error;
    for (auto &[site, gram] : profile.grams)
      gram.isWeighted = metadata.count(kWeighted.str() + site);
    for (const auto &[key, value] : metadata)
      if (StringRef(key).starts_with(kMixing)) {
        std::string path = key.substr(kMixing.size());
        MixingStatistics &mixing = profile.mixings[path];
        path += ".mixing";
        if (llvm::Error error = readMixing(path, mixing))
          return error;
        mixing.fitted.isWeighted =
            metadata.count(kWeighted.str() + path + ".fitted");
        mixing.heldOut.isWeighted =
            metadata.count(kWeighted.str() + path + ".held_out");
      }
    if (!file.find(kTokenCounts))
      return llvm::Error::success();
    return readTensor(kTokenCounts.str(), profile.tokenCounts);
  }

private:
  std::string checksum() const {
    Checksum found;
    for (const auto &[key, value] : file.metadata())
      if (key != kChecksum)
        found.add(key, value);
    for (const TensorInfo &tensor : file.tensors())
      found.add(tensor.name, file.data(tensor));
    return found.get();
  }

  llvm::Error fail(const llvm::Twine &what) const {
    return makeError(file.path() + " " + what);
  }

  llvm::Error readSite(Profile &profile, StringRef linear, StringRef site) {
    profile.linears[linear.str()] = site.str();
    auto [place, isNew] = profile.sites.try_emplace(site.str());
    if (!isNew)
      return llvm::Error::success();
    if (llvm::Error error = readChannels(site.str(), place->second))
      return error;
    if (!file.find(site.str() + ".gram.products"))
      return llvm::Error::success();
    return readGram(site.str(), place->second.width(),
                    profile.grams[site.str()]);
  }

  llvm::Error readChannels(const std::string &site, ChannelStatistics &to) {
    std::vector<double> count;
    for (auto [ending, values] :
         {std::pair<const char *, std::vector<double> *>{".count", &count},
          {".sum", &to.sum},
          {".squares", &to.squares},
          {".absmax", &to.absmax}})
      if (llvm::Error error = readTensor(site + ending, *values))
        return error;
    if (count.size() != 1 || !(count[0] >= 0 && count[0] < 9e15) ||
        to.squares.size() != to.sum.size() || to.absmax.size() != to.sum.size())
      return fail("has numbers for " + quoted(site) +
                  " that do not belong together");
    to.count = int64_t(count[0]);
    return llvm::Error::success();
  }

  llvm::Error readMixing(const std::string &prefix, MixingStatistics &to) {
    std::vector<double> widths;
    if (llvm::Error error = readTensor(prefix + ".widths", widths))
      return error;
    int64_t all = 0;
    for (double width : widths)
      if (!(width >= 0 && width < 1e6) || width != std::floor(width))
        return fail("has widths for " + quoted(prefix) + " that are none");
    if (widths.size() != to.widths.size())
      return fail("has " + llvm::Twine(widths.size()) + " widths for " +
                  quoted(prefix) + ", expected " +
                  llvm::Twine(to.widths.size()));
    for (size_t i = 0; i < widths.size(); ++i)
      all += to.widths[i] = int64_t(widths[i]);
    if (llvm::Error error = readGram(prefix + ".fitted", all, to.fitted))
      return error;
    // Of few sequences none may be held out.
    int64_t held = 0;
    if (const TensorInfo *sum = file.find(prefix + ".held_out.gram.sum"))
      held = sum->shape.empty() || sum->shape[0] == 0 ? 0 : all;
    if (llvm::Error error = readGram(prefix + ".held_out", held, to.heldOut))
      return error;
    if (llvm::Error error = readChannels(prefix + ".mean", to.mean))
      return error;
    return readChannels(prefix + ".averaged", to.averaged);
  }

  llvm::Error readGram(const std::string &site, int64_t width,
                       GramStatistics &to) {
    std::vector<double> weight, triangle;
    for (auto [ending, values] :
         {std::pair<const char *, std::vector<double> *>{".gram.weight",
                                                         &weight},
          {".gram.sum", &to.sum},
          {".gram.products", &triangle}})
      if (llvm::Error error = readTensor(site + ending, *values))
        return error;
    if (weight.size() != 1 || !(weight[0] >= 0) ||
        int64_t(to.sum.size()) != width ||
        int64_t(triangle.size()) != width * (width + 1) / 2)
      return fail("has a Gram matrix for " + quoted(site) +
                  " that does not fit its channels");
    to.weight = weight[0];
    to.products = Matrix(width, width);
    auto from = triangle.begin();
    for (int64_t r = 0; r < width; ++r, from += r)
      std::copy(from, from + r + 1, to.products.row(r).begin());
    to.finish();
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
