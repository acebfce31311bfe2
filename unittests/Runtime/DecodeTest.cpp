//===- DecodeTest.cpp - weights that are decoded at load ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams that a coder makes are tested in EntropyTest.cpp. Here they are
// written by hand: one symbol that is certain takes no bits.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"

#include <cstring>

namespace {
class DecodeTest : public RuntimeTest {
protected:
  static void add(std::string &to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      to += char(value >> (8 * i));
  }

  /// `count` times the byte 0, in blocks of `block`.
  static std::string streamOfZeros(uint64_t count, uint32_t block) {
    std::string stream = "TME1";
    for (uint32_t value : {1, 1, 1})
      add(stream, value, 4);
    add(stream, count, 8);
    add(stream, block, 4);
    add(stream, 4, 4);
    // One class; of the symbols 128 to 128, at level 2.
    add(stream, 0u | 128u << 5 | 128u << 13 | 2u << 21, 4);
    uint64_t blocks = (count + block - 1) / block;
    for (uint64_t i = 1; i <= blocks; ++i)
      add(stream, 32 * i, 8);
    for (uint64_t i = 0; i < 8 * blocks; ++i)
      add(stream, 1 << 16, 4);
    return stream;
  }

  /// The floats of the fake model, zeros, and the floats again.
  void writeParts(const std::string &stream, uint64_t zeros) {
    std::vector<float> values(64, 1.5f);
    std::string raw(reinterpret_cast<char *>(values.data()), 256);
    std::string data = raw + stream + raw;
    writeWeights(data);
    std::string decoded(zeros < 1u << 30 ? zeros : 0, '\0');
    parts[0] = parts[2] = {256, 256, 0};
    parts[1] = {stream.size(), zeros,
                XXH3_64bits(decoded.data(), decoded.size())};
    tm_descriptor d = fake_descriptor();
    d.weights_bytes = data.size();
    d.weights_xxh3 = checksum;
    d.weights_memory = 512 + zeros;
    d.part_count = 3;
    d.parts = parts;
    fake_set_descriptor(&d);
  }
  void setParts() {
    tm_descriptor d = fake_descriptor();
    d.parts = parts;
    fake_set_descriptor(&d);
  }

  tm_weights_part parts[3];
};

TEST_F(DecodeTest, IsReadWithAnyNumberOfThreads) {
  for (uint64_t zeros : {5000, 1000000}) {
    writeParts(streamOfZeros(zeros, 4096), zeros);
    for (int32_t threads : {1, 2, 7, 300}) {
      tm_model *model = load(threads);
      ASSERT_NE(model, nullptr);
      FakeBatch batch({3, 4});
      EXPECT_EQ(batch.run(model), TM_OK);
      EXPECT_EQ(batch.wrong(), 0);
      tm_free(model);
    }
  }
  EXPECT_EQ(fake_take_record().bad_alignment, 0);
}

TEST_F(DecodeTest, TheFileIsNotKept) {
  writeParts(streamOfZeros(1000000, 1 << 17), 1000000);
  tm_model *model = load(2);
  ASSERT_EQ(truncate(weightsPath().c_str(), 0), 0);
  FakeBatch batch({3, 4});
  EXPECT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  tm_free(model);
}

TEST_F(DecodeTest, ChangedFile) {
  std::string stream = streamOfZeros(5000, 4096);
  writeParts(stream, 5000);
  std::string data(512 + stream.size(), '\0');
  writeWeights(data);
  EXPECT_NE(loadError(TM_MISMATCH).find("do not match model.so"),
            std::string::npos);
}

/// Such files only come from a compiler that is wrong: their checksum is right.
TEST_F(DecodeTest, StreamsThatAreNone) {
  const std::string good = streamOfZeros(5000, 4096);
  auto isRefused = [&](const std::string &stream) {
    writeParts(stream, 5000);
    std::string message = loadError(TM_MISMATCH);
    EXPECT_NE(message.find("cannot be decoded"), std::string::npos) << message;
  };
  for (size_t i : {0u, 12u, 16u, 28u, 31u, 36u, 44u, 52u, 60u, 100u}) {
    SCOPED_TRACE(i);
    std::string bad = good;
    bad[i] = char(bad[i] ^ 0x55);
    isRefused(bad);
  }
  for (size_t size : {0u, 1u, 31u, 32u, 40u, 99u, 115u})
    isRefused(good.substr(0, size));
}

TEST_F(DecodeTest, OtherBytesThanWereCoded) {
  writeParts(streamOfZeros(5000, 4096), 5000);
  parts[1].memory_xxh3 ^= 1;
  setParts();
  EXPECT_NE(loadError(TM_MISMATCH).find("cannot be decoded"),
            std::string::npos);
}

TEST_F(DecodeTest, PartsThatDoNotFit) {
  for (int i = 0; i < 4; ++i) {
    SCOPED_TRACE(i);
    writeParts(streamOfZeros(5000, 4096), 5000);
    uint64_t &size = i < 2 ? parts[i].file_bytes : parts[i - 1].memory_bytes;
    for (uint64_t other : {size + 1, size - 1, ~uint64_t(0)}) {
      size = other;
      setParts();
      EXPECT_FALSE(loadError(TM_MISMATCH).empty());
    }
  }
}

TEST_F(DecodeTest, MoreThanThereIsMemory) {
  uint64_t huge = uint64_t(1) << 60;
  writeParts(streamOfZeros(5000, 4096), huge);
  EXPECT_NE(loadError(TM_OUT_OF_MEMORY).find("bytes when they are decoded"),
            std::string::npos);
}
} // namespace
