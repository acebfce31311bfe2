//===- Hash.h - the checksum that ties weights to code --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_HASH_H
#define TRANSFORMER_SUPPORT_HASH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/xxhash.h"

namespace mlir::transformer {

/// XXH3-64 with seed 0.
inline uint64_t hashBytes(llvm::ArrayRef<char> bytes) {
  return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
}

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_HASH_H
