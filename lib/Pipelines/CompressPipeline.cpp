//===- CompressPipeline.cpp - the compression passes in their order -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include <charconv>

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// Passes as text, which tells what is given from what is not.
class Text {
public:
  explicit Text(const CompressOptions &options)
      : profile(options.profile), saved(options.saveProfile) {}

  void add(StringRef pass, const Twine &options) {
    text += (text.empty() ? "" : ",") + pass.str();
    std::string given = options.str();
    if (!given.empty())
      text += "{" + StringRef(given).ltrim().str() + "}";
  }
  /// One that goes by the profile.
  void addFitted(StringRef pass, const Twine &options) {
    add(pass, profile.empty() ? options : options + " profile=" + profile);
  }
  /// One that changes the model that the profile is of, too.
  void addChanging(StringRef pass, const Twine &options) {
    isNarrowed = true;
    if (profile.empty() || saved.empty())
      return addFitted(pass, options);
    addFitted(pass, options + " save-profile=" + saved);
    profile = saved;
  }
  bool hasNarrowed() const { return isNarrowed; }
  StringRef get() const { return text; }

private:
  std::string text, profile, saved;
  bool isNarrowed = false;
};
} // namespace

static std::string given(StringRef name, StringRef value) {
  return value.empty() ? "" : (" " + name + "=" + value).str();
}
static std::string given(StringRef name, int64_t value) {
  return value == 0 ? "" : (" " + name + "=" + Twine(value)).str();
}
/// As short as it was written, and as exact: formatv has two digits.
static std::string given(StringRef name, double value) {
  char text[32];
  char *end = std::to_chars(text, std::end(text), value).ptr;
  return value == 0 ? "" : given(name, StringRef(text, end - text));
}

LogicalResult transformer::buildCompressPipeline(OpPassManager &pm,
                                                 const CompressOptions &options,
                                                 raw_ostream &errors) {
  Text text(options);
  text.add("transformer-fold-weights", "");
  text.add("transformer-freeze", "");
  text.add("transformer-fuse", "projections=false");
  if (!options.attention.empty())
    text.addChanging("transformer-replace-attention",
                     given("kinds", options.attention) +
                         given("max-error", options.attentionError));
  std::string heads = given("qk-rank", options.qkRank) +
                      given("qk-ranks", options.qkRanks) +
                      given("head-counts", options.headCounts);
  if (!heads.empty())
    text.addChanging("transformer-narrow-heads", heads);
  std::string neurons =
      given("max-error", options.ffnError) + given("widths", options.ffnWidths);
  if (!neurons.empty())
    text.addChanging("transformer-narrow-ffn", neurons);
  std::string factors =
      given("ratio", options.svdRatio) + given("error", options.svdError);
  if (!factors.empty())
    text.addChanging("transformer-factorize-svd",
                     factors + given("only", options.svdOnly) +
                         (options.pivoted ? " pivoted=true" : ""));
  bool isToSize = options.maxBytes != 0 || options.maxSize != 0;
  if (isToSize &&
      (options.bits != 0 || options.tableBits != 0 || options.compensate)) {
    errors << "transformer-compress: max-bytes and max-size choose bits, "
              "table-bits and compensate: leave those out";
    return failure();
  }
  if (options.maxSize != 0 && text.hasNarrowed()) {
    errors << "transformer-compress: max-size is a part of the model as it is: "
              "where passes narrow it, give max-bytes";
    return failure();
  }
  if (isToSize) {
    text.addFitted("transformer-round-to-size",
                   given("max-bytes", options.maxBytes) +
                       given("max-size", options.maxSize));
    return parsePassPipeline(text.get(), pm, errors);
  }
  if (options.tableBits != 0)
    text.add("transformer-compress-embedding",
             given("bits", options.tableBits));
  text.addFitted("transformer-quantize-i8",
                 given("bits", options.bits) +
                     (options.compensate ? " compensate=true" : ""));
  return parsePassPipeline(text.get(), pm, errors);
}
