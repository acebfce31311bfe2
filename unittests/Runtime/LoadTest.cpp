//===- LoadTest.cpp - what a model refuses to load ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RuntimeFixture.h"

#include <sys/resource.h>
#include <sys/stat.h>

namespace {
class LoadTest : public RuntimeTest {};

bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}
#define EXPECT_CONTAINS(text, part) EXPECT_TRUE(contains(text, part)) << (text)

TEST_F(LoadTest, Information) {
  tm_model *model = load(3);
  EXPECT_EQ(tm_abi_version(), TM_ABI_VERSION);
  EXPECT_STREQ(tm_build_id(), "fake");
  EXPECT_STREQ(tm_target(), "fake-level");
  EXPECT_STREQ(tm_level(model), "fake-level");
  EXPECT_EQ(tm_threads(model), 3);
  EXPECT_EQ(tm_max_length(model), FAKE_MAX_LENGTH);
  EXPECT_EQ(tm_input_count(model), 2);
  EXPECT_EQ(tm_output_count(model), 2);
  tm_tensor_info info;
  EXPECT_EQ(tm_input_info(model, 0, &info), TM_OK);
  EXPECT_STREQ(info.name, "input_ids");
  EXPECT_EQ(info.limit, FAKE_LIMIT);
  EXPECT_EQ(tm_output_info(model, 1, &info), TM_OK);
  EXPECT_EQ(info.rows, TM_SEQUENCES);
  EXPECT_EQ(info.width, FAKE_SUM);
  EXPECT_NE(tm_output_info(model, 2, &info), TM_OK);
  EXPECT_NE(tm_input_info(model, -1, &info), TM_OK);
  tm_free(model);
}

TEST_F(LoadTest, DefaultsNeedNoOptions) {
  tm_model *model = nullptr;
  ASSERT_EQ(tm_load(directory.c_str(), nullptr, &model, nullptr), TM_OK);
  EXPECT_GE(tm_threads(model), 1);
  tm_free(model);
  tm_free(nullptr);
}

TEST_F(LoadTest, MissingFile) {
  unlink(weightsPath().c_str());
  std::string message = loadError(TM_FILE_ERROR);
  EXPECT_CONTAINS(message, "weights.safetensors: No such file");
}

TEST_F(LoadTest, DirectoryInsteadOfFile) {
  unlink(weightsPath().c_str());
  mkdir(weightsPath().c_str(), 0700);
  EXPECT_CONTAINS(loadError(TM_FILE_ERROR), "not a regular file");
  rmdir(weightsPath().c_str());
}

TEST_F(LoadTest, FlippedByte) {
  std::vector<float> values(64, 1.5f);
  std::string data(reinterpret_cast<char *>(values.data()), 256);
  data[200] ^= 1;
  writeWeights(data);
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "do not match model.so");
}

TEST_F(LoadTest, FlippedByteOfTheHeader) {
  std::vector<float> values(64, 1.5f);
  std::string data(reinterpret_cast<char *>(values.data()), 256);
  writeWeights(data);
  FILE *file = fopen(weightsPath().c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  fseek(file, 40, SEEK_SET);
  fputc('\t', file);
  fclose(file);
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "do not match model.so");
}

TEST_F(LoadTest, CutShortAnywhere) {
  for (off_t size : {0, 1, 7, 8, 9, 10, 63, 64, 65, 319}) {
    SCOPED_TRACE(size);
    std::string data(256, '\0');
    writeWeights(data);
    ASSERT_EQ(truncate(weightsPath().c_str(), size), 0);
    EXPECT_FALSE(loadError(TM_MISMATCH).empty());
  }
}

TEST_F(LoadTest, HostileHeaderSize) {
  std::string bytes(320, '\xff');
  writeFile(bytes);
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "not a whole safetensors file");
}

TEST_F(LoadTest, UnalignedData) {
  std::string bytes(8, '\0');
  bytes[0] = 2;
  writeFile(bytes + "{}" + std::string(256, '\0'));
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "not a multiple of 64");
}

TEST_F(LoadTest, MissingFeatureIsNamed) {
  tm_descriptor d = fake_descriptor();
  d.features = "+imaginary-unit";
  fake_set_descriptor(&d);
  std::string message = loadError(TM_UNSUPPORTED_CPU);
  EXPECT_CONTAINS(message, "this CPU lacks imaginary-unit");
  EXPECT_CONTAINS(message, "fake-level");
#if defined(__x86_64__)
  d.features = "+sse3,+cx16,avx512bf17";
  fake_set_descriptor(&d);
  EXPECT_CONTAINS(loadError(TM_UNSUPPORTED_CPU), "lacks avx512bf17");
  d.features = "+sse3,+cx16";
  fake_set_descriptor(&d);
  tm_free(load(1));
#endif
}

/// Two levels, of which the features and the names are given.
class LevelTest : public LoadTest {
protected:
  void SetUp() override {
    LoadTest::SetUp();
    unsetenv("TM_CPU_LEVEL");
    second = fake_descriptor();
    second.target = second.levels = "low";
  }
  void TearDown() override {
    unsetenv("TM_CPU_LEVEL");
    LoadTest::TearDown();
  }
  void setFeatures(const char *high, const char *low) {
    second.features = low;
    tm_descriptor first = second;
    first.target = "high", first.levels = "high,low", first.features = high;
    first.next = &second;
    fake_set_descriptor(&first);
  }
  std::string levelOfModel() {
    tm_model *model = load(1);
    std::string level = model ? tm_level(model) : "";
    tm_free(model);
    return level;
  }
  tm_descriptor second;
};

TEST_F(LevelTest, TheBestThatTheCpuHas) {
  setFeatures("", "");
  EXPECT_STREQ(tm_target(), "high,low");
  EXPECT_EQ(levelOfModel(), "high");
  EXPECT_STREQ(tm_level(nullptr), "high");
  setFeatures("imaginary-unit", "");
  EXPECT_EQ(levelOfModel(), "low");
  EXPECT_STREQ(tm_level(nullptr), "low");
}

TEST_F(LevelTest, NoneThatTheCpuHas) {
  setFeatures("imaginary-unit", "flux");
  EXPECT_EQ(tm_level(nullptr), nullptr);
  std::string message = loadError(TM_UNSUPPORTED_CPU);
  EXPECT_CONTAINS(message, "compiled for high,low and this CPU lacks flux, "
                           "which low needs too; compile");
}

TEST_F(LevelTest, Forced) {
  setFeatures("", "");
  setenv("TM_CPU_LEVEL", "", 1);
  EXPECT_EQ(levelOfModel(), "high");
  setenv("TM_CPU_LEVEL", "low", 1);
  EXPECT_EQ(levelOfModel(), "low");
  EXPECT_STREQ(tm_level(nullptr), "low");
  // A model stays what it was loaded as.
  tm_model *model = load(1);
  setenv("TM_CPU_LEVEL", "high", 1);
  EXPECT_STREQ(tm_level(model), "low");
  FakeBatch batch({3, 4});
  EXPECT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  tm_free(model);
}

TEST_F(LevelTest, ForcedInVain) {
  setFeatures("imaginary-unit", "");
  setenv("TM_CPU_LEVEL", "middle", 1);
  EXPECT_EQ(loadError(TM_INVALID_ARGUMENT),
            "the environment variable TM_CPU_LEVEL is 'middle', and model.so "
            "has code for high,low");
  setenv("TM_CPU_LEVEL", "high", 1);
  EXPECT_EQ(loadError(TM_UNSUPPORTED_CPU),
            "the environment variable TM_CPU_LEVEL is high, and this CPU lacks "
            "imaginary-unit; unset it to use the best level that this CPU has");
  EXPECT_EQ(tm_level(nullptr), nullptr);
}

TEST_F(LevelTest, EachHasItsVersion) {
  setFeatures("", "");
  second.size -= 8;
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "different versions");
}

TEST_F(LoadTest, OtherVersions) {
  tm_options options = {TM_ABI_VERSION + 1, 1, 0, 0};
  EXPECT_CONTAINS(loadError(TM_MISMATCH, options), "model.h");
  tm_descriptor d = fake_descriptor();
  d.abi_version = TM_ABI_VERSION + 1;
  fake_set_descriptor(&d);
  EXPECT_CONTAINS(loadError(TM_MISMATCH), "different versions");
}

TEST_F(LoadTest, ThreadCounts) {
  for (int32_t threads : {-1, 1025}) {
    tm_options options = {TM_ABI_VERSION, threads, 0, 0};
    EXPECT_CONTAINS(loadError(TM_INVALID_ARGUMENT, options), "threads is");
  }
}

TEST_F(LoadTest, NullArguments) {
  EXPECT_EQ(tm_load(nullptr, nullptr, nullptr, nullptr), TM_INVALID_ARGUMENT);
  tm_model *model;
  EXPECT_EQ(tm_load(nullptr, nullptr, &model, nullptr), TM_INVALID_ARGUMENT);
  EXPECT_EQ(model, nullptr);
}

TEST_F(LoadTest, LoadingAndFreeingLeaksNothing) {
  if (underAddressSanitizer)
    GTEST_SKIP() << "it keeps freed memory for a while, and finds leaks itself";
  struct rusage before, after;
  FakeBatch batch({5, 9});
  for (int i = 0; i < 200; ++i) {
    if (i == 50)
      getrusage(RUSAGE_SELF, &before);
    tm_model *model = load(2);
    EXPECT_EQ(batch.run(model), TM_OK);
    tm_free(model);
  }
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 2000);
}
} // namespace
