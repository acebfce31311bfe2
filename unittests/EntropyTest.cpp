//===- EntropyTest.cpp - streams there and back, and hostile ones ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Entropy.h"
#include "Runtime/entropy.h"

#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <random>

using namespace mlir::transformer;

namespace {
using Bytes = std::vector<char>;

/// As a loader does it; every buffer ends where its bytes end, so that a
/// sanitizer sees each step beyond.
std::optional<Bytes> decode(llvm::ArrayRef<char> coded, uint64_t bytes) {
  std::unique_ptr<char[]> copy(new char[coded.size()]);
  std::copy(coded.begin(), coded.end(), copy.get());
  tm_stream stream;
  if (!tm_open_stream(copy.get(), coded.size(), bytes, &stream))
    return std::nullopt;
  uint32_t classes = tm_stream_classes(&stream);
  std::vector<uint32_t> slots(size_t(classes) << TM_PRECISION);
  std::vector<unsigned char> positions(stream.period + TM_CODERS);
  tm_tables tables = {slots.data(), positions.data(), classes,
                      positions.size()};
  if (!tm_fill_tables(&stream, &tables))
    return std::nullopt;
  Bytes decoded(bytes);
  for (uint64_t i = stream.block_count; i-- > 0;)
    if (!tm_decode_block(&stream, &tables, i,
                         reinterpret_cast<unsigned char *>(decoded.data())))
      return std::nullopt;
  return decoded;
}

/// The size of the stream, which must hold `bytes`.
uint64_t roundTrip(const Bytes &bytes, ByteLayout layout,
                   unsigned *classes = nullptr) {
  Bytes coded = encodeEntropy(bytes, layout, classes);
  std::optional<Bytes> decoded = decode(coded, bytes.size());
  EXPECT_TRUE(decoded.has_value());
  EXPECT_TRUE(decoded == bytes);
  EXPECT_NEAR(double(entropyCodedBytes(bytes, layout)), double(coded.size()),
              64 + 0.001 * double(coded.size()));
  return coded.size();
}

/// Bytes that the counts of each class of columns allow, without a table.
double leastBytes(const Bytes &bytes, uint64_t columns, uint64_t classes) {
  std::vector<std::vector<double>> counts(classes, std::vector<double>(256));
  for (size_t p = 0; p < bytes.size(); ++p)
    ++counts[p % columns * classes / columns][uint8_t(bytes[p])];
  double bits = 0;
  for (const std::vector<double> &of : counts) {
    double sum = 0;
    for (double count : of)
      sum += count;
    for (double count : of)
      if (count > 0)
        bits += count * std::log2(sum / count);
  }
  return bits / 8;
}

/// Rounded normal numbers; the columns of a class have one spread.
Bytes normal(size_t rows, size_t columns, size_t classes, double spread,
             unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> distribution;
  Bytes bytes(rows * columns);
  for (size_t p = 0; p < bytes.size(); ++p) {
    double factor = std::pow(2.0, double(p % columns * classes / columns));
    double value = std::round(distribution(random) * spread * factor);
    bytes[p] = char(std::max(-127.0, std::min(127.0, value)));
  }
  return bytes;
}

TEST(Entropy, SmallInputs) {
  for (size_t size : {0, 1, 2, 7, 8, 9, 63, 100})
    for (int fill : {0, 127, -128}) {
      SCOPED_TRACE(size);
      roundTrip(Bytes(size, char(fill)), ByteLayout());
      roundTrip(Bytes(size, char(fill)), ByteLayout::rows(3));
    }
}

TEST(Entropy, Constant) {
  EXPECT_LT(roundTrip(Bytes(1000000, 7), ByteLayout::rows(1000)), 500u);
}

TEST(Entropy, AllSymbolsEquallyOften) {
  Bytes bytes(256 * 1000);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = char(i * 7);
  EXPECT_LT(roundTrip(bytes, ByteLayout()), bytes.size() + 250);
}

TEST(Entropy, RandomBytesOfAnySize) {
  std::mt19937 random(2);
  for (size_t size : {1000u, 131071u, 131072u, 131073u, 1000003u}) {
    SCOPED_TRACE(size);
    Bytes bytes(size);
    for (char &byte : bytes)
      byte = char(random());
    uint64_t coded = roundTrip(bytes, ByteLayout());
    EXPECT_LT(double(coded), size * 1.001 + 250);
  }
}

/// A symbol that is there takes at least 1/4096 of its class.
TEST(Entropy, RareSymbolsAmongMany) {
  Bytes bytes(300000, 0);
  for (int i = 1; i < 256; ++i)
    bytes[size_t(i) * 1000] = char(i);
  double room = bytes.size() * std::log2(4096.0 / (4096 - 255)) / 8;
  EXPECT_LT(double(roundTrip(bytes, ByteLayout())),
            leastBytes(bytes, bytes.size(), 1) + room + 250);
}

TEST(Entropy, SizesAreNearTheEntropy) {
  for (double spread : {0.4, 1.0, 3.0, 12.0, 40.0}) {
    SCOPED_TRACE(spread);
    Bytes bytes = normal(600, 512, 1, spread);
    EXPECT_LT(double(roundTrip(bytes, ByteLayout())),
              1.003 * leastBytes(bytes, 512, 1) + 250);
    EXPECT_LT(double(roundTrip(bytes, ByteLayout::rows(512))),
              1.01 * leastBytes(bytes, 512, 1) + 250);
  }
}

TEST(Entropy, ColumnsOfOneSpreadAreFound) {
  Bytes bytes = normal(600, 512, 4, 1.0);
  unsigned classes = 0;
  double coded = double(roundTrip(bytes, ByteLayout::rows(512), &classes));
  EXPECT_GE(classes, 4u);
  // A map of the columns costs two or three bits for each.
  EXPECT_LT(coded, 1.005 * leastBytes(bytes, 512, 4) + 500);
  EXPECT_GT(double(roundTrip(bytes, ByteLayout())), 1.1 * coded);
}

TEST(Entropy, EveryLayoutOfAMatrixTakesTheSame) {
  constexpr size_t rows = 320, columns = 256;
  Bytes bytes = normal(rows, columns, 8, 0.5), panels(bytes.size());
  for (size_t n = 0; n < rows; ++n)
    for (size_t k = 0; k < columns; ++k)
      panels[(n / 16 * (columns / 4) + k / 4) * 64 + n % 16 * 4 + k % 4] =
          bytes[n * columns + k];
  uint64_t byRows = roundTrip(bytes, ByteLayout::rows(columns));
  uint64_t byPanels = roundTrip(panels, {64, columns / 4, 4});
  EXPECT_NEAR(double(byRows), double(byPanels), 64);
  std::vector<int8_t> values(bytes.begin(), bytes.end());
  EXPECT_NEAR(double(entropyCodedBytes(values, columns)), double(byRows), 64);
}

TEST(Entropy, LayoutsThatAreNone) {
  Bytes bytes = normal(64, 64, 1, 2.0);
  for (ByteLayout layout :
       {ByteLayout{0, 1, 1}, ByteLayout{1, 0, 1}, ByteLayout{1, 1, 0},
        ByteLayout{6, 1, 4}, ByteLayout{1, 1u << 30, 1u << 30},
        ByteLayout::rows(1u << 20), ByteLayout{1u << 20, 1u << 16, 1}})
    roundTrip(bytes, layout);
}

/// Blocks end in a known state, so most changes are noticed here; in a file the
/// checksum notices all.
TEST(Entropy, ChangedStreamsAreReadWithinBounds) {
  std::mt19937 random(3);
  Bytes large = normal(700, 256, 4, 2.0), small = normal(20, 64, 4, 1.0);
  int refused = 0, rounds = 0;
  for (const Bytes *bytes : {&small, &large}) {
    ByteLayout layout =
        bytes == &small ? ByteLayout::rows(64) : ByteLayout{64, 64, 4};
    Bytes coded = encodeEntropy(*bytes, layout);
    for (int i = 0; i < (bytes == &small ? 4000 : 150); ++i) {
      Bytes changed = coded;
      // Half of the changes are in the header and the tables.
      size_t range =
          i % 2 ? changed.size() : std::min<size_t>(200, coded.size());
      for (unsigned flips = 1 + random() % 3; flips > 0; --flips)
        changed[random() % range] ^= char(1u << random() % 8);
      if (i % 5 == 0)
        changed.resize(random() % changed.size());
      if (i % 7 == 0)
        changed.resize(changed.size() + random() % 100);
      std::optional<Bytes> decoded = decode(changed, bytes->size());
      refused += !decoded;
      ++rounds;
    }
  }
  EXPECT_GT(refused, rounds * 9 / 10);
}

TEST(Entropy, EveryCutIsRefused) {
  Bytes bytes = normal(20, 64, 2, 1.0);
  Bytes coded = encodeEntropy(bytes, ByteLayout::rows(64));
  for (size_t size = 0; size < coded.size(); ++size)
    EXPECT_FALSE(
        decode(llvm::ArrayRef<char>(coded).take_front(size), bytes.size()));
  EXPECT_FALSE(decode(coded, bytes.size() - 1));
  coded.push_back(0);
  EXPECT_FALSE(decode(coded, bytes.size()));
}

TEST(Entropy, RoomThatIsTooSmallIsRefused) {
  Bytes bytes = normal(200, 64, 4, 1.0);
  Bytes coded = encodeEntropy(bytes, ByteLayout::rows(64));
  tm_stream stream;
  ASSERT_TRUE(
      tm_open_stream(coded.data(), coded.size(), bytes.size(), &stream));
  uint32_t classes = tm_stream_classes(&stream);
  ASSERT_GT(classes, 1u);
  std::vector<uint32_t> slots(size_t(classes) << TM_PRECISION);
  std::vector<unsigned char> positions(stream.period + TM_CODERS);
  tm_tables tables = {slots.data(), positions.data(), classes - 1,
                      positions.size()};
  EXPECT_FALSE(tm_fill_tables(&stream, &tables));
  tables.most_classes = classes;
  tables.most_positions = positions.size() - 1;
  EXPECT_FALSE(tm_fill_tables(&stream, &tables));
  tables.most_positions = positions.size();
  EXPECT_TRUE(tm_fill_tables(&stream, &tables));
  unsigned char nothing;
  EXPECT_FALSE(tm_decode_block(&stream, &tables, stream.block_count, &nothing));
}
} // namespace
