//===- Profile.h - what a model's activations look like -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of the inputs of linears over many tokens, by module path, and
// their file: profile.safetensors. Sums are kept in f64, so that profiles of
// two corpora add up.
//
// The error of a layer's output is a function of the second moments of its
// input: for y = W x and W' in place of W it is tr((W - W') G (W - W')T) with
// the Gram matrix G = sum x xT. Where a norm follows, the error that matters is
// the one behind it, so there each token counts with one over the variance of
// the norm's input: a few massive channels would drown all others.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_PROFILE_H
#define TRANSFORMER_SUPPORT_PROFILE_H

#include "transformer/Support/LinearAlgebra.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mlir::transformer {

/// Of the channels of one tensor, over its rows.
struct ChannelStatistics {
  int64_t count = 0;                // rows
  std::vector<double> sum, squares; // per channel
  std::vector<double> absmax;

  int64_t width() const { return int64_t(sum.size()); }
  std::vector<double> mean() const;
  std::vector<double> rms() const;
  /// Adds rows that lie `stride` floats apart.
  void add(const float *rows, int64_t count, int64_t width, int64_t stride);
  /// Both must have the same width, or one no rows.
  void merge(const ChannelStatistics &other);
};

/// What one call adds to GramStatistics. Good to use again: it keeps its room.
struct GramPart {
  double weight = 0;
  std::vector<double> sum;
  std::vector<float> products, scaled; // the lower triangle; rows

  /// Of rows that lie `stride` floats apart; no `weights`: each weighs 1. The
  /// products are summed in f32, so about a thousand rows are good.
  void measure(const float *rows, int64_t count, int64_t width, int64_t stride,
               llvm::ArrayRef<float> weights = {});
};

/// Weighted sums over the rows x of one tensor: of x, and of all products of
/// two channels.
struct GramStatistics {
  double weight = 0; // of all rows
  std::vector<double> sum;
  Matrix products; // symmetric, both triangles
  /// Whether rows weigh by one over the variance of what the next norm reads;
  /// otherwise each weighs 1.
  bool isWeighted = false;

  int64_t width() const { return products.rows; }
  std::vector<double> mean() const;
  /// Of x, about its mean: products / weight - mean meanT.
  Matrix covariance() const;
  /// Adds to the lower triangle; finish() copies it to the upper one.
  void add(const GramPart &part);
  void finish();
  /// Both must have the same width, or one no rows.
  void merge(const GramStatistics &other);
};

/// What ops cheaper than an attention could be made of, and what it gives: sums
/// over the tokens, with the weights of the linear behind it, of rows that hold
/// these blocks side by side. One is of width 0 if it was not measured.
struct MixingStatistics {
  enum Block {
    Previous, // the input of the attention at the token before, or zeros
    Own,      // the input at the token
    Next,     // that at the token after, or zeros
    Mean,     // its mean over the sequence
    Single,   // what the heads give to one query each, that of the mean
    Attended, // what they give to the token: the input of the linear behind
    kBlocks
  };
  std::array<int64_t, kBlocks> widths = {};
  /// Of four of five sequences, and of every fifth.
  GramStatistics fitted, heldOut;
  /// Of sequences: of the mean, and of the input as the single queries of all
  /// heads average it (side by side).
  ChannelStatistics mean, averaged;

  int64_t begin(Block block) const;
  void merge(const MixingStatistics &other);
};

struct Profile {
  /// Names the checkpoint that the activations are those of; see
  /// Checkpoint::fingerprint. Empty for a model that came from none.
  std::string checkpoint;
  /// What ran through the model: "synthetic", or names of files.
  std::string source;
  int64_t tokens = 0;
  /// By site.
  std::map<std::string, ChannelStatistics, std::less<>> sites;
  /// By site, if they were asked for.
  std::map<std::string, GramStatistics, std::less<>> grams;
  /// By the path of the linear behind the attention, if they were asked for.
  std::map<std::string, MixingStatistics, std::less<>> mixings;
  /// How often each token id occurred; empty if there were none.
  std::vector<double> tokenCounts;
  /// The site of each linear, by its module path; those that share an input
  /// share a site.
  std::map<std::string, std::string, std::less<>> linears;

  /// The input of the linear at `path`; null if the profile has none.
  const ChannelStatistics *find(llvm::StringRef path) const;
  const GramStatistics *findGram(llvm::StringRef path) const;
  /// Of the attention in front of the linear at `path`; null if there is none.
  const MixingStatistics *findMixing(llvm::StringRef path) const;
  /// Adds what was measured on other sequences. An error, and no change, if it
  /// is of another checkpoint or has other sites.
  llvm::Error merge(const Profile &other);
};

/// Which sequences of a profile are held out.
inline bool isHeldOut(int64_t sequence) { return sequence % 5 == 4; }

/// Every problem is one sentence that names the file.
llvm::Expected<Profile> readProfile(llvm::StringRef path);
llvm::Error writeProfile(const Profile &profile, llvm::StringRef path);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_PROFILE_H
