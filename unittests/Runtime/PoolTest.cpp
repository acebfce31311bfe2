//===- PoolTest.cpp - threads, forks and callers at once ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RuntimeFixture.h"

#include <atomic>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {
class PoolTest : public RuntimeTest {};

/// Waits a moment for it: an ended thread stays in the list for a while.
bool threadsOfProcessBecome(int expected) {
  for (int tries = 0; tries < 200; ++tries, usleep(1000)) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (dirent *entry = readdir(tasks))
      count += entry->d_name[0] != '.';
    closedir(tasks);
    if (count == expected)
      return true;
  }
  return false;
}

std::vector<int32_t> someLengths(int count) {
  std::vector<int32_t> lengths;
  for (int i = 0; i < count; ++i)
    lengths.push_back((i * 37 + count) % (FAKE_MAX_LENGTH + 1));
  return lengths;
}

TEST_F(PoolTest, AnyNumberOfThreadsGivesTheSame) {
  for (int32_t threads : {1, 2, 3, 7, 16}) {
    SCOPED_TRACE(threads);
    tm_model *model = load(threads);
    for (int i = 1; i < 30; ++i) {
      FakeBatch batch(someLengths(i));
      ASSERT_EQ(batch.run(model), TM_OK);
      ASSERT_EQ(batch.wrong(), 0);
    }
    EXPECT_EQ(fake_take_record().bad_alignment, 0);
    tm_free(model);
  }
}

TEST_F(PoolTest, PinnedWorkers) {
  tm_options options = {TM_ABI_VERSION, 3, 1, 0};
  tm_model *model = nullptr;
  ASSERT_EQ(tm_load(directory.c_str(), &options, &model, nullptr), TM_OK);
  cpu_set_t before, after;
  sched_getaffinity(0, sizeof(before), &before);
  FakeBatch batch(someLengths(20));
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  sched_getaffinity(0, sizeof(after), &after);
  EXPECT_TRUE(CPU_EQUAL(&before, &after)) << "the caller is never pinned";
  tm_free(model);
}

TEST_F(PoolTest, ThreadsStartAtTheFirstRegionAndEndWithTheModel) {
  int before = underThreadSanitizer ? 2 : 1; // it has a thread of its own
  ASSERT_TRUE(threadsOfProcessBecome(before));
  FakeBatch batch(someLengths(20));
  tm_model *one = load(1);
  ASSERT_EQ(batch.run(one), TM_OK);
  EXPECT_TRUE(threadsOfProcessBecome(before));
  tm_free(one);
  tm_model *model = load(4);
  EXPECT_TRUE(threadsOfProcessBecome(before));
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_TRUE(threadsOfProcessBecome(before + 3));
  tm_free(model);
  EXPECT_TRUE(threadsOfProcessBecome(before));
}

TEST_F(PoolTest, ManyCallersAtOnce) {
  tm_model *model = load(2);
  std::vector<std::thread> callers;
  std::vector<int> wrong(8, -1);
  for (int c = 0; c < 8; ++c)
    callers.emplace_back([&, c] {
      int bad = 0;
      for (int i = 0; i < 100; ++i) {
        FakeBatch batch(someLengths((c * 13 + i) % 40));
        bad += batch.run(model) != TM_OK || batch.wrong() != 0;
      }
      wrong[c] = bad;
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
  tm_free(model);
}

TEST_F(PoolTest, SeveralModelsInOneProcess) {
  std::vector<tm_model *> models;
  for (int i = 0; i < 4; ++i)
    models.push_back(load(2));
  for (int i = 0; i < 50; ++i) {
    FakeBatch batch(someLengths(20));
    ASSERT_EQ(batch.run(models[i % 4]), TM_OK);
    ASSERT_EQ(batch.wrong(), 0);
  }
  for (tm_model *model : models)
    tm_free(model);
}

/// What a child of fork finds.
int runInChild(tm_model *model) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20); // a hang is a failure
    FakeBatch batch(someLengths(30));
    int bad = batch.run(model) != TM_OK || batch.wrong() != 0;
    bad += 2 * (batch.run(model) != TM_OK || batch.wrong() != 0);
    tm_free(model);
    _exit(bad);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(PoolTest, ForkAfterRunning) {
  if (underThreadSanitizer)
    GTEST_SKIP() << "it forbids threads in children";
  for (int32_t threads : {1, 3}) {
    tm_model *model = load(threads);
    EXPECT_EQ(runInChild(model), 0) << "before the first call";
    FakeBatch batch(someLengths(30));
    ASSERT_EQ(batch.run(model), TM_OK);
    EXPECT_EQ(runInChild(model), 0) << "after a call";
    ASSERT_EQ(batch.run(model), TM_OK);
    EXPECT_EQ(batch.wrong(), 0);
    tm_free(model);
  }
}

TEST_F(PoolTest, ForkOnAnOldKernel) {
  if (underThreadSanitizer)
    GTEST_SKIP() << "it forbids threads in children";
  tm_model *model = load(3);
  fake_old_kernel(model);
  FakeBatch batch(someLengths(30));
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(runInChild(model), 0);
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(batch.wrong(), 0);
  tm_free(model);
}

TEST_F(PoolTest, ForkDuringACallOfAnotherThread) {
  if (underThreadSanitizer)
    GTEST_SKIP() << "it forbids threads in children";
  tm_model *model = load(3);
  std::atomic<bool> stop{false};
  std::thread caller([&] {
    FakeBatch batch(someLengths(40));
    while (!stop)
      EXPECT_EQ(batch.run(model), TM_OK);
  });
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(runInChild(model), 0);
  stop = true;
  caller.join();
  tm_free(model);
}

double cpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

TEST_F(PoolTest, IdleWorkersSleep) {
  tm_model *model = load(4);
  FakeBatch batch(someLengths(30));
  ASSERT_EQ(batch.run(model), TM_OK);
  usleep(2000);
  double before = cpuSeconds();
  usleep(200000);
  EXPECT_LT(cpuSeconds() - before, 0.02);
  tm_free(model);
}

TEST_F(PoolTest, LongIndicesLetTheCallerSleep) {
  tm_model *model = load(2);
  fake_set_delay(1000000);
  FakeBatch batch({9, 8, 3});
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(batch.run(model), TM_OK);
    ASSERT_EQ(batch.wrong(), 0);
  }
  tm_free(model);
}

#if defined(__x86_64__)
TEST_F(PoolTest, TheCallersFloatModeIsKept) {
  tm_model *model = load(2);
  unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040); // denormals are zero
  FakeBatch batch({9, 8, 3});
  ASSERT_EQ(batch.run(model), TM_OK);
  EXPECT_EQ(_mm_getcsr() & 0x8040, 0x8040u);
  _mm_setcsr(saved);
  tm_free(model);
}
#endif
} // namespace
