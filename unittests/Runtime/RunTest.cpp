//===- RunTest.cpp - chunks, outputs and refused calls --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RuntimeFixture.h"

#include <sys/resource.h>

namespace {
class RunTest : public RuntimeTest {
protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    model = load(1);
  }
  void TearDown() override {
    tm_free(model);
    RuntimeTest::TearDown();
  }
  /// The message of a call that must be refused.
  std::string refused(const tm_batch &batch,
                      std::vector<tm_output> outputs = {}) {
    tm_error error = {};
    EXPECT_EQ(
        tm_run(model, &batch, outputs.data(), int64_t(outputs.size()), &error),
        TM_INVALID_ARGUMENT);
    EXPECT_EQ(error.status, TM_INVALID_ARGUMENT);
    EXPECT_EQ(fake_take_record().chunks, 0);
    return error.message;
  }
  tm_model *model = nullptr;
};

TEST_F(RunTest, Ragged) {
  FakeBatch batch({3, 0, 7, 1, 64, 0});
  tm_error error;
  ASSERT_EQ(batch.run(model, &error), TM_OK) << error.message;
  EXPECT_EQ(error.status, TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  EXPECT_EQ(fake_take_record().bad_alignment, 0);
}

TEST_F(RunTest, EmptyBatches) {
  FakeBatch none({}), empty({0, 0, 0});
  EXPECT_EQ(none.run(model), TM_OK);
  EXPECT_EQ(fake_take_record().chunks, 0);
  EXPECT_EQ(empty.run(model), TM_OK);
  EXPECT_EQ(empty.wrong(), 0);
  tm_batch null = {0, nullptr, nullptr, nullptr, nullptr};
  tm_output output = {"sums", nullptr, 0};
  EXPECT_EQ(tm_run(model, &null, &output, 1, nullptr), TM_OK);
}

TEST_F(RunTest, LargeCallsAreCut) {
  std::vector<int32_t> lengths;
  for (int i = 0; i < 500; ++i)
    lengths.push_back(i * 31 % (FAKE_MAX_LENGTH + 1));
  FakeBatch batch(lengths);
  auto expectChunks = [&](tm_model *model, int64_t most) {
    ASSERT_EQ(batch.run(model), TM_OK);
    EXPECT_EQ(batch.wrong(), 0);
    fake_record record = fake_take_record();
    EXPECT_LE(record.most_tokens, most);
    int64_t least = (int64_t(batch.ids.size()) + most - 1) / most;
    EXPECT_GE(record.chunks, least);
    EXPECT_LE(record.chunks, least + least / 8 + 2);
  };
  // Small weights: as many threads as share a chunk.
  expectChunks(model, 256);
  for (auto [threads, most] : {std::pair(3, 768), {16, 1024}}) {
    tm_model *shared = load(threads);
    expectChunks(shared, most);
    tm_free(shared);
  }
  setWeights(9 << 20);
  tm_model *large = load(1);
  expectChunks(large, 1024);
  tm_free(large);
}

TEST_F(RunTest, ManyEmptySequencesAreCutToo) {
  FakeBatch batch(std::vector<int32_t>(5000, 0));
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_LE(fake_take_record().most_sequences, 1024);
}

TEST_F(RunTest, LongSequencesGoAlone) {
  tm_descriptor d = fake_descriptor();
  d.max_length = 5000;
  fake_set_descriptor(&d);
  FakeBatch batch({10, 3000, 20, 1024, 5000});
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  EXPECT_EQ(fake_take_record().most_tokens, 5000);
}

TEST_F(RunTest, OutputsAreSelected) {
  FakeBatch batch({5, 6});
  tm_batch b = {2, batch.offsets.data(), batch.ids.data(), nullptr, nullptr};
  float sums[4], rows[44];
  tm_output output = {"sums", sums, 4};
  ASSERT_EQ(tm_run(model, &b, &output, 1, nullptr), TM_OK);
  EXPECT_EQ(fake_take_record().last_wanted, 2u);
  EXPECT_EQ(sums[3], 6.0f);
  output = {"rows", rows, 44};
  ASSERT_EQ(tm_run(model, &b, &output, 1, nullptr), TM_OK);
  EXPECT_EQ(fake_take_record().last_wanted, 1u);
  for (int t = 0; t < 11; ++t)
    EXPECT_EQ(rows[t * 4 + 1], 0.0f) << "types that are not given are zero";
  EXPECT_EQ(tm_run(model, &b, nullptr, 0, nullptr), TM_OK);
}

TEST_F(RunTest, IdsOutOfRange) {
  FakeBatch batch({5, 6});
  batch.ids[8] = FAKE_LIMIT;
  tm_batch b = {2, batch.offsets.data(), batch.ids.data(), nullptr, nullptr};
  EXPECT_EQ(refused(b), "input_ids: sequence 1, position 3 is 100; values must "
                        "be at least 0 and below 100");
  batch.ids[8] = -1;
  EXPECT_EQ(refused(b), "input_ids: sequence 1, position 3 is -1; values must "
                        "be at least 0 and below 100");
  batch.ids[8] = 1;
  batch.types[0] = 2;
  b.token_type_ids = batch.types.data();
  EXPECT_EQ(refused(b), "token_type_ids: sequence 0, position 0 is 2; values "
                        "must be at least 0 and below 2");
}

TEST_F(RunTest, BadOffsets) {
  std::vector<int32_t> ids(200);
  auto message = [&](std::vector<int32_t> offsets) {
    return refused({int64_t(offsets.size()) - 1, offsets.data(), ids.data(),
                    nullptr, nullptr});
  };
  EXPECT_EQ(message({1, 2}), "offsets[0] is 1; it must be 0");
  EXPECT_EQ(message({0, 5, 3}), "offsets[2] is 3, less than 5 before it; "
                                "offsets must not decrease");
  EXPECT_EQ(message({0, 3, 68}), "sequence 1 has 65 tokens; this model takes "
                                 "at most 64");
  EXPECT_EQ(message({0, INT32_MAX, INT32_MIN}),
            "sequence 0 has 2147483647 tokens; this model takes at most 64");
  EXPECT_EQ(refused({1, nullptr, ids.data(), nullptr, nullptr}),
            "the batch has no offsets");
  EXPECT_EQ(refused({-1, nullptr, nullptr, nullptr, nullptr}),
            "the batch has -1 sequences; it must be between 0 and 2147483647");
}

TEST_F(RunTest, BadInputs) {
  FakeBatch batch({5});
  float pixels[4];
  tm_batch b = {1, batch.offsets.data(), nullptr, nullptr, nullptr};
  EXPECT_EQ(refused(b), "the batch has no input_ids, which this model needs");
  b.input_ids = batch.ids.data();
  b.pixel_values = pixels;
  EXPECT_EQ(refused(b),
            "the batch has pixel_values, which this model does not take");
}

TEST_F(RunTest, BadOutputs) {
  FakeBatch batch({5});
  tm_batch b = {1, batch.offsets.data(), batch.ids.data(), nullptr, nullptr};
  float data[100];
  EXPECT_EQ(refused(b, {{"logits", data, 100}}),
            "this model has no output 'logits'; it has rows, sums");
  EXPECT_EQ(refused(b, {{"rows", data, 19}}),
            "output 'rows' needs room for 5 rows of 4 values; there is room "
            "for 19 values in all");
  EXPECT_EQ(refused(b, {{"rows", nullptr, 20}}),
            "output 'rows' has no place to go: its data is null");
  EXPECT_EQ(refused(b, {{"sums", data, 20}, {"sums", data, 20}}),
            "output 'sums' is asked for twice");
  EXPECT_EQ(refused(b, {{nullptr, data, 20}}), "an output has no name");
  EXPECT_EQ(tm_run(nullptr, &b, nullptr, 0, nullptr), TM_INVALID_ARGUMENT);
  EXPECT_EQ(tm_run(model, nullptr, nullptr, 0, nullptr), TM_INVALID_ARGUMENT);
  EXPECT_EQ(tm_run(model, &b, nullptr, 1, nullptr), TM_INVALID_ARGUMENT);
}

TEST_F(RunTest, SizesThatOverflowAreOutOfMemory) {
  FakeBatch batch({64});
  for (int64_t bytes : {INT64_MAX, INT64_MAX / 64, int64_t(1) << 55}) {
    tm_descriptor d = fake_descriptor();
    d.workspace_per_token = bytes;
    fake_set_descriptor(&d);
    tm_error error = {};
    EXPECT_EQ(batch.run(model, &error), TM_OUT_OF_MEMORY);
    EXPECT_EQ(std::string(error.message).rfind("out of memory", 0), 0u);
  }
}

TEST_F(RunTest, LongNamesInMessagesAreCut) {
  FakeBatch batch({5});
  tm_batch b = {1, batch.offsets.data(), batch.ids.data(), nullptr, nullptr};
  std::string name(5000, 'x');
  EXPECT_LT(refused(b, {{name.c_str(), nullptr, 0}}).size(), 200u);
}

long mostResidentKilobytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(RunTest, MemoryDoesNotGrowWithTheCall) {
  if (underAddressSanitizer || underThreadSanitizer)
    GTEST_SKIP() << "it needs memory of its own";
  tm_descriptor d = fake_descriptor();
  d.workspace_per_token = 16384; // 16 MB for a chunk
  fake_set_descriptor(&d);
  FakeBatch batch(std::vector<int32_t>(20000, 50));
  tm_batch b = {batch.sequences(), batch.offsets.data(), batch.ids.data(),
                batch.types.data(), nullptr};
  tm_output output = {"sums", batch.sums.data(), batch.sums.size()};
  long before = mostResidentKilobytes();
  ASSERT_EQ(tm_run(model, &b, &output, 1, nullptr), TM_OK);
  EXPECT_LT(mostResidentKilobytes() - before, 30000);
}
} // namespace
