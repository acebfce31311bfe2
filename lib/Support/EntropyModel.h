//===- EntropyModel.h - classes of columns and their counts ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_SUPPORT_ENTROPYMODEL_H
#define TRANSFORMER_LIB_SUPPORT_ENTROPYMODEL_H

#include "transformer/Support/Entropy.h"

#include <array>

namespace mlir::transformer::entropy {

/// A symbol is a byte with its top bit inverted: i8 values in ascending order.
constexpr unsigned kSymbols = 256;
/// Frequencies of a class add up to 1 << kPrecision.
constexpr unsigned kPrecision = 12;
constexpr uint32_t kTotal = 1u << kPrecision;

inline uint8_t symbolOf(char byte) { return uint8_t(byte) ^ 0x80; }

using Counts = std::array<uint32_t, kSymbols>;
/// A frequency is stored as one of 64 levels, four per octave.
using Levels = std::array<uint8_t, kSymbols>;
using Frequencies = std::array<uint32_t, kSymbols>;

/// The levels that suit `counts`, not all of which are zero.
Levels levelsOf(const Counts &counts);
/// What decoders make of them: at least 1 where the level is not 0.
Frequencies frequenciesOf(const Levels &levels);

/// Bits, the lowest of a byte first.
class BitWriter {
public:
  void add(uint32_t value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i, ++count) {
      if (count % 8 == 0)
        bytes.push_back(0);
      bytes.back() |= char((value >> i & 1) << (count % 8));
    }
  }
  std::vector<char> bytes;

private:
  unsigned count = 0;
};

void writeLevels(const Levels &levels, BitWriter &to);

/// The classes of the columns of a matrix.
struct Model {
  std::vector<uint8_t> classOf;  // column to class
  std::vector<Levels> levels;    // of the classes
  std::vector<char> description; // of both, for decoders
  double bits = 0;               // that all symbols take, nearly
};

/// Bits that name one of `classes`.
inline unsigned bitsOfClass(size_t classes) {
  unsigned bits = 0;
  while ((size_t(1) << bits) < classes)
    ++bits;
  return bits;
}

Model modelOf(llvm::ArrayRef<char> bytes, const ByteLayout &layout);

} // namespace mlir::transformer::entropy

#endif // TRANSFORMER_LIB_SUPPORT_ENTROPYMODEL_H
