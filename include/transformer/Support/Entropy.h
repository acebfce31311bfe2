//===- Entropy.h - bytes in as few bits as their counts allow -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers of weights are far from equally likely. They are coded by rANS
// (Duda, "Asymmetric numeral systems", 2013) with counts that are fixed per
// class of columns: an input channel that is rounded coarsely has small numbers
// in all rows. docs/weights-file.md describes the streams;
// lib/Runtime/entropy.c reads them.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_ENTROPY_H
#define TRANSFORMER_SUPPORT_ENTROPY_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace mlir::transformer {

/// Which column of a matrix a byte belongs to: the one at position p to column
/// (p / stride % groups) * group + p % group, where group divides stride.
struct ByteLayout {
  uint32_t stride = 1, groups = 1, group = 1;
  /// A matrix row by row.
  static ByteLayout rows(uint32_t bytesOfRow) {
    return {bytesOfRow, 1, bytesOfRow};
  }
  uint64_t columns() const { return uint64_t(groups) * group; }
  /// Positions after which the columns repeat.
  uint64_t period() const { return uint64_t(groups) * stride; }
};

/// Most classes of columns that a stream tells apart.
constexpr unsigned kMaxEntropyClasses = 32;

/// The stream of `bytes`, which are classed by what makes the stream shortest.
/// Sets *classes, if given, to their number. A layout that a stream cannot name
/// (more than 65536 columns) is taken for one column.
std::vector<char> encodeEntropy(llvm::ArrayRef<char> bytes, ByteLayout layout,
                                unsigned *classes = nullptr);

/// The size of that stream, to a few bytes, at a part of the cost.
uint64_t entropyCodedBytes(llvm::ArrayRef<char> bytes, ByteLayout layout);

/// The same for the integers of a weight [rows, columns]; every layout of the
/// kernels has the same columns.
inline uint64_t entropyCodedBytes(llvm::ArrayRef<int8_t> values,
                                  int64_t columns) {
  return entropyCodedBytes(
      llvm::ArrayRef<char>(reinterpret_cast<const char *>(values.data()),
                           values.size()),
      ByteLayout::rows(uint32_t(columns)));
}

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_ENTROPY_H
