//===- EntropyTables.cpp - frequencies in few bits ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix of 150 KB may have 16 classes, so their tables have to be small. A
// frequency that is wrong by 10 % costs 0.007 bits per symbol, and neighbours
// are alike: levels on a logarithmic scale, coded by their differences.
//===----------------------------------------------------------------------===//
#include "EntropyModel.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::entropy;

/// Level 0 stands for no symbol, 1 for the least frequency, and from 2 on a
/// level adds a weight: 4, 5, 6, 7, 8, 10, 12, 14, 16, ...
static uint32_t weightOf(unsigned level) {
  return level < 2 ? 0 : (4 + (level - 2) % 4) << ((level - 2) / 4);
}

Levels entropy::levelsOf(const Counts &counts) {
  uint64_t total = 0;
  for (uint32_t count : counts)
    total += count;
  Levels levels = {};
  for (unsigned s = 0; s < kSymbols; ++s) {
    if (!counts[s])
      continue;
    // One of the frequency is there without a weight.
    double weight = 4 * (double(kTotal) * counts[s] / total - 1);
    unsigned level = 1;
    if (weight > 2) {
      int exponent = std::max(0, std::ilogb(weight) - 2);
      double rounded = std::round(std::ldexp(weight, -exponent));
      level = 2 + 4 * exponent + unsigned(std::max(rounded, 4.0) - 4);
    }
    levels[s] = uint8_t(level);
  }
  return levels;
}

Frequencies entropy::frequenciesOf(const Levels &levels) {
  uint64_t present = 0, weights = 0, sum = 0;
  for (uint8_t level : levels) {
    present += level != 0;
    weights += weightOf(level);
  }
  uint64_t rest = kTotal - present;
  Frequencies frequencies = {};
  for (unsigned s = 0; s < kSymbols; ++s) {
    uint64_t before = sum * rest / weights;
    sum += weightOf(levels[s]);
    if (levels[s])
      frequencies[s] = uint32_t(1 + sum * rest / weights - before);
  }
  return frequencies;
}

/// Zeros that count the bits of value + 1 but the first, and these bits.
static void writeNumber(uint32_t value, BitWriter &to) {
  unsigned bits = 0;
  while ((value + 1) >> (bits + 1))
    ++bits;
  to.add(0, bits);
  to.add(1, 1);
  to.add((value + 1) & ((1u << bits) - 1), bits);
}

void entropy::writeLevels(const Levels &levels, BitWriter &to) {
  unsigned first = 0, last = kSymbols - 1;
  while (!levels[first])
    ++first;
  while (!levels[last])
    --last;
  to.add(first, 8);
  to.add(last, 8);
  to.add(levels[first], 6);
  for (unsigned s = first + 1; s <= last; ++s) {
    int difference = int(levels[s]) - int(levels[s - 1]);
    writeNumber(difference < 0 ? uint32_t(-2 * difference - 1)
                               : uint32_t(2 * difference),
                to);
  }
}
