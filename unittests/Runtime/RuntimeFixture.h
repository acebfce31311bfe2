//===- RuntimeFixture.h - a fake model with its weights -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_RUNTIME_RUNTIMEFIXTURE_H
#define TRANSFORMER_UNITTESTS_RUNTIME_RUNTIMEFIXTURE_H

#include "FakeModel.h"
#include "transformer/Runtime/model.h"

#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#ifndef __has_feature
#define __has_feature(name) 0
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr bool underAddressSanitizer = true;
#else
constexpr bool underAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
constexpr bool underThreadSanitizer = true;
#else
constexpr bool underThreadSanitizer = false;
#endif

/// A ragged batch with ids and types made from the positions.
struct FakeBatch {
  explicit FakeBatch(std::vector<int32_t> lengths) {
    offsets.push_back(0);
    for (int32_t length : lengths) {
      for (int32_t i = 0; i < length; ++i) {
        ids.push_back(int32_t(ids.size() * 7 % FAKE_LIMIT));
        types.push_back(int32_t(ids.size() % 2));
      }
      offsets.push_back(int32_t(ids.size()));
    }
    rows.resize(ids.size() * FAKE_ROW);
    sums.resize(lengths.size() * FAKE_SUM);
  }
  int64_t sequences() const { return int64_t(offsets.size()) - 1; }
  int run(tm_model *model, tm_error *error = nullptr) {
    tm_batch batch = {sequences(), offsets.data(), ids.data(), types.data(),
                      nullptr};
    tm_output outputs[] = {{"rows", rows.data(), rows.size()},
                           {"sums", sums.data(), sums.size()}};
    return tm_run(model, &batch, outputs, 2, error);
  }
  /// The number of wrong values.
  int wrong(float weight = 1.5f) const {
    int count = 0;
    for (int64_t s = 0; s < sequences(); ++s) {
      float sum = 0;
      for (int32_t t = offsets[s]; t < offsets[s + 1]; ++t) {
        const float *row = &rows[t * FAKE_ROW];
        sum += float(ids[t]);
        count += row[0] != float(ids[t]) || row[1] != float(types[t]) ||
                 row[2] != weight || row[3] != float(t - offsets[s]);
      }
      count += sums[s * FAKE_SUM] != sum ||
               sums[s * FAKE_SUM + 1] != float(offsets[s + 1] - offsets[s]);
    }
    return count;
  }

  std::vector<int32_t> offsets, ids, types;
  std::vector<float> rows, sums;
};

class RuntimeTest : public testing::Test {
protected:
  void SetUp() override {
    saved = fake_descriptor();
    char name[] = "/tmp/runtime-test-XXXXXX";
    directory = mkdtemp(name);
    setWeights(64);
    fake_take_record();
  }
  void TearDown() override {
    fake_set_delay(0);
    fake_set_descriptor(&saved);
    unlink(weightsPath().c_str());
    rmdir(directory.c_str());
  }
  void setWeights(size_t count) {
    std::vector<float> values(count, 1.5f);
    std::string data(reinterpret_cast<char *>(values.data()), 4 * count);
    writeWeights(data);
    tm_descriptor d = saved;
    d.weights_bytes = data.size();
    d.weights_xxh3 = checksum;
    fake_set_descriptor(&d);
  }
  std::string weightsPath() { return directory + "/weights.safetensors"; }
  void writeWeights(const std::string &data) {
    std::string header = "{}";
    header.resize(56, ' ');
    std::string size(8, '\0');
    size[0] = char(header.size());
    std::string bytes = size + header + data;
    checksum = XXH3_64bits(bytes.data(), bytes.size());
    writeFile(bytes);
  }
  void writeFile(const std::string &bytes) {
    FILE *file = fopen(weightsPath().c_str(), "wb");
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    fclose(file);
  }
  tm_model *load(int32_t threads) {
    tm_options options = {TM_ABI_VERSION, threads, 0, 0};
    tm_model *model = nullptr;
    tm_error error;
    EXPECT_EQ(tm_load(directory.c_str(), &options, &model, &error), TM_OK)
        << error.message;
    return model;
  }
  /// The message of a load that must fail with `status`.
  std::string loadError(int status, tm_options options = {}) {
    tm_model *model = nullptr;
    tm_error error = {};
    EXPECT_EQ(tm_load(directory.c_str(), &options, &model, &error), status);
    EXPECT_EQ(error.status, status);
    EXPECT_EQ(model, nullptr);
    tm_free(model);
    return error.message;
  }

  tm_descriptor saved;
  std::string directory;
  uint64_t checksum = 0; // of what writeWeights wrote
};

#endif // TRANSFORMER_UNITTESTS_RUNTIME_RUNTIMEFIXTURE_H
