//===- Limits.h - what is refused, and above which number -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Model files come from strangers. Every bound that the readers put on them is
// here; a file above one of them is refused with both numbers in the message.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_LIMITS_H
#define TRANSFORMER_SUPPORT_LIMITS_H

#include <cstdint>

namespace mlir::transformer::limits {

// safetensors
inline constexpr uint64_t headerBytes = 100'000'000; // as the reference reader
inline constexpr uint64_t headerDepth = 8;
inline constexpr uint64_t tensors = 1'000'000;
inline constexpr uint64_t nameBytes = 4096;
inline constexpr uint64_t rank = 8;
inline constexpr uint64_t dimension = uint64_t(1) << 48;

// JSON files
inline constexpr uint64_t configBytes = 1 << 20;
inline constexpr uint64_t configDepth = 32;
inline constexpr uint64_t indexBytes = 64 << 20;
inline constexpr uint64_t shards = 4096;

// Models
inline constexpr int64_t layers = 4096;
inline constexpr int64_t heads = 65536;
inline constexpr int64_t hidden = 1 << 20;
inline constexpr int64_t vocabulary = 1 << 24;
inline constexpr int64_t positions = 1 << 28;
inline constexpr int64_t labels = 1 << 24;
inline constexpr int64_t imageSide = 1 << 16;

// Options of passes that are sizes: far from where sums of them overflow
inline constexpr int64_t optionSize = INT32_MAX;

// MLIR text given to a tool
inline constexpr uint64_t textBytes = 256 << 20;
inline constexpr uint64_t textDepth = 256;

// Messages
inline constexpr unsigned printedName = 80;
inline constexpr unsigned listedProblems = 40;

} // namespace mlir::transformer::limits

#endif // TRANSFORMER_SUPPORT_LIMITS_H
