//===- ProfileTest.cpp - where the time of calls goes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RuntimeFixture.h"

#include <algorithm>
#include <thread>

namespace {
class ProfileTest : public RuntimeTest {
protected:
  std::vector<tm_profile_span> spans(tm_model *model) {
    std::vector<tm_profile_span> result(tm_profile_spans(model, nullptr, 0));
    EXPECT_EQ(tm_profile_spans(model, result.data(), int64_t(result.size())),
              int64_t(result.size()));
    return result;
  }
  std::vector<tm_profile_event> events(tm_model *model) {
    std::vector<tm_profile_event> result(tm_profile_events(model, nullptr, 0));
    tm_profile_events(model, result.data(), int64_t(result.size()));
    return result;
  }
};

TEST_F(ProfileTest, CountsRunsAndTime) {
  for (int32_t threads : {1, 3}) {
    SCOPED_TRACE(threads);
    tm_model *model = load(threads);
    fake_set_delay(100000);
    FakeBatch batch({20, 0, 4});
    // Nothing is measured before it starts, and starting again forgets.
    EXPECT_EQ(tm_profile_spans(model, nullptr, 0), 0);
    for (int times = 0; times < 2; ++times) {
      ASSERT_EQ(tm_profile_start(model, 100, nullptr), TM_OK);
      ASSERT_EQ(batch.run(model), TM_OK);
      ASSERT_EQ(batch.run(model), TM_OK);
      EXPECT_EQ(batch.wrong(), 0);
      auto found = spans(model);
      ASSERT_EQ(found.size(), 3u);
      EXPECT_STREQ(found[0].op, "ids");
      EXPECT_STREQ(found[1].path, "second.sums");
      EXPECT_STREQ(found[2].op, "wait");
      // Three blocks of rows and three sequences per call, 0.1 ms each.
      EXPECT_EQ(found[0].runs, 6);
      EXPECT_EQ(found[1].runs, 6);
      EXPECT_GE(found[0].nanoseconds, 6 * 100000);
      EXPECT_GE(found[1].nanoseconds, 6 * 100000);
      EXPECT_EQ(found[2].runs, threads == 1 ? 0 : 4);
    }
    tm_profile_stop(model);
    EXPECT_EQ(tm_profile_spans(model, nullptr, 0), 0);
    ASSERT_EQ(batch.run(model), TM_OK);
    tm_free(model);
  }
}

TEST_F(ProfileTest, EventsAreInOrderAndBounded) {
  tm_model *model = load(2);
  FakeBatch batch({30, 30});
  ASSERT_EQ(tm_profile_start(model, 5, nullptr), TM_OK);
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(batch.run(model), TM_OK);
  auto found = events(model);
  // At most five per thread; the caller's track is full.
  EXPECT_GE(found.size(), 5u);
  EXPECT_LE(found.size(), 10u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LE(found[i].begin, found[i].end);
    EXPECT_TRUE(found[i].span >= 0 && found[i].span < 3);
    EXPECT_TRUE(found[i].thread == 0 || found[i].thread == 1);
    if (i && found[i].thread == found[i - 1].thread)
      EXPECT_LE(found[i - 1].end, found[i].begin);
  }
  // Times are counted beyond the events. A smaller array takes what fits.
  EXPECT_EQ(spans(model)[0].runs, 80);
  tm_profile_event one[2] = {{}, {-7, 0, 0, 0, 0}};
  EXPECT_EQ(tm_profile_events(model, one, 1), int64_t(found.size()));
  EXPECT_EQ(one[1].span, -7);
  tm_free(model);
}

TEST_F(ProfileTest, ManyCallersAtOnce) {
  tm_model *model = load(2);
  ASSERT_EQ(tm_profile_start(model, 0, nullptr), TM_OK);
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      FakeBatch batch({16});
      for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(batch.run(model), TM_OK);
        EXPECT_EQ(batch.wrong(), 0);
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(spans(model)[0].runs, 4 * 50 * 2);
  EXPECT_EQ(spans(model)[1].runs, 4 * 50);
  EXPECT_EQ(tm_profile_events(model, nullptr, 0), 0);
  tm_free(model);
}

TEST_F(ProfileTest, SaysWhatItCannotDo) {
  tm_model *model = load(1);
  tm_error error;
  EXPECT_EQ(tm_profile_start(nullptr, 0, &error), TM_INVALID_ARGUMENT);
  EXPECT_EQ(tm_profile_start(model, -1, &error), TM_INVALID_ARGUMENT);
  tm_profile_stop(nullptr);
  tm_profile_stop(model);
  tm_free(model);
  tm_descriptor d = fake_descriptor();
  d.span_count = 0;
  fake_set_descriptor(&d);
  model = load(1);
  EXPECT_EQ(tm_profile_start(model, 0, &error), TM_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("without probes"),
            std::string::npos);
  tm_free(model);
}
} // namespace
