//===- Entropy.cpp - the streams of rANS ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// States have 32 bits and are refilled by 16, so that a decoder reads at most
// one word per symbol; eight states take turns, so that it need not wait for
// one symbol to start the next.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Entropy.h"
#include "EntropyModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::entropy;

constexpr char kMagic[] = {'T', 'M', 'E', '1'};
constexpr uint64_t kHeaderBytes = 32;
constexpr unsigned kLanes = 8;
constexpr uint32_t kLeastState = 1u << 16;
/// Cores share the work block by block.
constexpr uint64_t kBlockBytes = 1u << 17;
constexpr uint64_t kMaxColumns = 1u << 16;
constexpr uint64_t kMaxPeriod = 1u << 24;

static ByteLayout supported(ByteLayout layout) {
  if (!layout.group || !layout.groups || !layout.stride ||
      layout.stride % layout.group || layout.columns() > kMaxColumns ||
      layout.period() > kMaxPeriod)
    return ByteLayout();
  return layout;
}

static void addNumber(std::vector<char> &to, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    to.push_back(char(value >> (8 * i)));
}

namespace {
struct Share {
  uint32_t start = 0, frequency = 0;
};

class Encoder {
public:
  Encoder(const Model &model, const ByteLayout &layout)
      : classes(layout.period()), shares(model.levels.size()) {
    for (uint64_t p = 0; p < classes.size(); ++p)
      classes[p] =
          model.classOf[p / layout.stride * layout.group + p % layout.group];
    for (auto [levels, share] : llvm::zip_equal(model.levels, shares)) {
      uint32_t start = 0;
      for (auto [symbol, frequency] : llvm::enumerate(frequenciesOf(levels))) {
        share[symbol] = {start, frequency};
        start += frequency;
      }
    }
  }

  /// Appends the bytes from `begin` on. What decoders read first is made last.
  void encode(llvm::ArrayRef<char> bytes, uint64_t begin,
              std::vector<char> &to) {
    uint32_t states[kLanes];
    std::fill_n(states, kLanes, kLeastState);
    words.clear();
    for (size_t i = bytes.size(); i-- > 0;) {
      uint32_t &state = states[i % kLanes];
      Share share =
          shares[classes[(begin + i) % classes.size()]][symbolOf(bytes[i])];
      if (state >= uint64_t(share.frequency) << (32 - kPrecision)) {
        words.push_back(uint16_t(state));
        state >>= 16;
      }
      state = (state / share.frequency << kPrecision) +
              state % share.frequency + share.start;
    }
    for (uint32_t state : states)
      addNumber(to, state, 4);
    for (uint16_t word : llvm::reverse(words))
      addNumber(to, word, 2);
  }

private:
  std::vector<uint8_t> classes; // by position in the period
  std::vector<std::array<Share, kSymbols>> shares;
  std::vector<uint16_t> words;
};
} // namespace

std::vector<char> transformer::encodeEntropy(llvm::ArrayRef<char> bytes,
                                             ByteLayout layout,
                                             unsigned *classes) {
  layout = supported(layout);
  Model model = modelOf(bytes, layout);
  if (classes)
    *classes = unsigned(model.levels.size());
  std::vector<char> stream(std::begin(kMagic), std::end(kMagic));
  addNumber(stream, layout.stride, 4);
  addNumber(stream, layout.groups, 4);
  addNumber(stream, layout.group, 4);
  addNumber(stream, bytes.size(), 8);
  addNumber(stream, kBlockBytes, 4);
  addNumber(stream, model.description.size(), 4);
  llvm::append_range(stream, model.description);
  Encoder encoder(model, layout);
  std::vector<char> blocks;
  for (uint64_t begin = 0; begin < bytes.size(); begin += kBlockBytes) {
    encoder.encode(
        bytes.slice(begin, std::min(kBlockBytes, bytes.size() - begin)), begin,
        blocks);
    addNumber(stream, blocks.size(), 8); // where the block ends
  }
  llvm::append_range(stream, blocks);
  return stream;
}

uint64_t transformer::entropyCodedBytes(llvm::ArrayRef<char> bytes,
                                        ByteLayout layout) {
  Model model = modelOf(bytes, supported(layout));
  uint64_t blocks = llvm::divideCeil(bytes.size(), kBlockBytes);
  return kHeaderBytes + model.description.size() +
         uint64_t(std::ceil(model.bits / 8)) + blocks * (8 + 4 * kLanes);
}
