//===- Profile.h - what a model's activations look like -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of the inputs of linears over many tokens, by module path, and
// their file: profile.safetensors. Sums are kept in f64, so that profiles of
// two corpora add up.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_PROFILE_H
#define TRANSFORMER_SUPPORT_PROFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

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

struct Profile {
  /// Names the checkpoint that the activations are those of; see
  /// Checkpoint::fingerprint. Empty for a model that came from none.
  std::string checkpoint;
  /// What ran through the model: "synthetic", or names of files.
  std::string source;
  int64_t tokens = 0;
  /// By site.
  std::map<std::string, ChannelStatistics, std::less<>> sites;
  /// The site of each linear, by its module path; those that share an input
  /// share a site.
  std::map<std::string, std::string, std::less<>> linears;

  /// The input of the linear at `path`; null if the profile has none.
  const ChannelStatistics *find(llvm::StringRef path) const;
};

/// Every problem is one sentence that names the file.
llvm::Expected<Profile> readProfile(llvm::StringRef path);
llvm::Error writeProfile(const Profile &profile, llvm::StringRef path);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_PROFILE_H
