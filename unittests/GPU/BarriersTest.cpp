//===- BarriersTest.cpp - barriers by name, and who they order ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

/// 128 lanes with `body`; what was reported, and what they stored. The body has
/// %t, the lane, %w, its warp, %p, the lane's place in shared memory, %out, and
/// its place there, %o.
struct Block {
  std::vector<float> stored = std::vector<float>(128, -1);
  std::string reports;
  Mutable counts;

  explicit Block(const std::string &body, bool isDescending = false,
                 Mutation mutation = {}) {
    std::string text = R"(
@tm_shared = external addrspace(3) global [0 x i8], align 1024
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.barrier.cta.sync.aligned.count(i32, i32)
declare void @llvm.nvvm.barrier.cta.arrive.aligned.count(i32, i32)
define void @k(ptr addrspace(1) %out) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %w = lshr i32 %t, 5
  %p = getelementptr float, ptr addrspace(3) @tm_shared, i32 %t
  %o = getelementptr float, ptr addrspace(1) %out, i32 %t
)" + body + "}\n";
    auto emulator = emulatorOf(text, mutation, &counts);
    if (!emulator)
      return;
    emulator->isDescending = isDescending;
    emulator->addMemory(stored.data(), 4 * stored.size(), true);
    void *out = stored.data();
    emulator->launch("k", {&out}, 1, 1, 128, 4096);
    for (const auto &[what, times] : emulator->reports)
      reports += what + ".";
  }
};

/// The only reports are `what`, in whichever order lanes run.
void expectReports(const std::string &body, const char *what, int line,
                   Mutation mutation = {}) {
  for (bool isDescending : {false, true}) {
    Block block(body, isDescending, mutation);
    EXPECT_EQ(block.reports, what) << line;
  }
}
#define EXPECT_REPORTS(...) expectReports(__VA_ARGS__)

std::string sync(int name, int count) {
  return llvm::formatv("  call void @llvm.nvvm.barrier.cta.sync.aligned.count("
                       "i32 {0}, i32 {1})\n",
                       name, count)
      .str();
}
std::string arrive(int name, int count) {
  return llvm::formatv("  call void @llvm.nvvm.barrier.cta.arrive.aligned."
                       "count(i32 {0}, i32 {1})\n",
                       name, count)
      .str();
}

/// Lanes store their numbers, and read those of the warp whose number differs
/// in the bits of `other`.
std::string exchanged(const std::string &between, int other) {
  return llvm::formatv(R"(
  %v = sitofp i32 %t to float
  store float %v, ptr addrspace(3) %p, align 4
{0}  %u = xor i32 %t, {1}
  %q = getelementptr float, ptr addrspace(3) @tm_shared, i32 %u
  %x = load volatile float, ptr addrspace(3) %q, align 4
  store float %x, ptr addrspace(1) %o, align 4
  ret void
)",
                       between, 32 * other)
      .str();
}

/// Of the lanes with a bit of the warp's number, those that have it do `set`,
/// the others `clear`.
std::string branch(int bit, const std::string &set, const std::string &clear) {
  return llvm::formatv(R"(
  %bit = and i32 %w, {0}
  %is = icmp ne i32 %bit, 0
  br i1 %is, label %set, label %clear
set:
{1}  br label %both
clear:
{2}  br label %both
both:
)",
                       bit, set, clear)
      .str();
}

TEST(GpuBarriers, OrderThoseWhoWait) {
  // Pairs of warps, each with a barrier of its own; within it and beyond.
  std::string pairs = branch(2, sync(1, 64), sync(2, 64));
  EXPECT_REPORTS(exchanged(pairs, 1), "", __LINE__);
  EXPECT_REPORTS(exchanged(pairs, 2), "race.", __LINE__);
  EXPECT_REPORTS(exchanged(pairs, 1), "race.", __LINE__, {0});
  EXPECT_EQ(Block(exchanged(pairs, 1)).stored[3], 35);
  // All, by the name and by their number, wherever the instruction is.
  EXPECT_REPORTS(exchanged(sync(15, 128), 3), "", __LINE__);
  EXPECT_REPORTS(exchanged(branch(1, sync(3, 128), sync(3, 128)), 2), "",
                 __LINE__);
  // What pairs know goes on to other pairs.
  EXPECT_REPORTS(exchanged(pairs + R"(
  %bit2 = and i32 %w, 1
  %is2 = icmp ne i32 %bit2, 0
  br i1 %is2, label %set2, label %clear2
set2:
)" + sync(3, 64) + "  br label %both2\nclear2:\n" +
                               sync(4, 64) + "  br label %both2\nboth2:\n",
                           3),
                 "", __LINE__);
}

/// The last warps read the numbers that the first ones have stored `times`
/// times: barrier 1 says that they are there, 2 that they have been read.
std::string handed(int times, const std::string &full,
                   const std::string &read) {
  return llvm::formatv(R"(
  %isReader = icmp uge i32 %w, 2
  br label %loop
loop:
  %i = phi i32 [ 0, %0 ], [ %next, %go ]
  br i1 %isReader, label %read, label %write
write:
  %v = sitofp i32 %i to float
  store float %v, ptr addrspace(3) %p, align 4
  {1}
  {2}
  br label %go
read:
  {3}
  %from = sub i32 %t, 64
  %q = getelementptr float, ptr addrspace(3) @tm_shared, i32 %from
  %x = load volatile float, ptr addrspace(3) %q, align 4
  store float %x, ptr addrspace(1) %o, align 4
  {4}
  br label %go
go:
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, {0}
  br i1 %more, label %loop, label %end
end:
  ret void
)",
                       times, full, sync(2, 128), sync(1, 128), read)
      .str();
}

TEST(GpuBarriers, ProducersOnlyArrive) {
  std::string ring = handed(3, arrive(1, 128), arrive(2, 128));
  EXPECT_REPORTS(ring, "", __LINE__);
  EXPECT_EQ(Block(ring).stored[127], 2);
  EXPECT_EQ(Block(ring).counts.synchronizations, 4);
  EXPECT_REPORTS(ring, "deadlock.", __LINE__, {0}); // nothing is full
  EXPECT_REPORTS(ring, "deadlock.", __LINE__, {3}); // nothing was read
  // Readers who don't wait, and writers who don't.
  for (int drop : {1, 2}) {
    Block block(ring, false, {drop});
    EXPECT_NE(block.reports.find("race."), std::string::npos) << block.reports;
  }
  // Those who only arrive have not waited for anybody.
  EXPECT_REPORTS(exchanged(branch(2, arrive(1, 128), sync(1, 128)), 2), "race.",
                 __LINE__);
}

TEST(GpuBarriers, WhatMakesNoSense) {
  EXPECT_REPORTS(exchanged(sync(1, 96), 1), "deadlock.race.", __LINE__);
  auto has = [](const std::string &body, const char *what) {
    return Block(exchanged(body, 0)).reports.find(what) != std::string::npos;
  };
  EXPECT_TRUE(has(sync(16, 128), "barrier of a name that no block has"));
  EXPECT_TRUE(has(sync(1, 48), "barrier for a part of a warp"));
  EXPECT_TRUE(has(sync(1, 0), "barrier for a part of a warp"));
  EXPECT_TRUE(has(sync(1, 160), "barrier for more than the block"));
  EXPECT_TRUE(has(branch(1, sync(1, 128), sync(1, 64)),
                  "barrier for two numbers of lanes"));
  // Lanes of a warp that come to different barriers.
  EXPECT_TRUE(has(R"(
  %odd = trunc i32 %t to i1
  br i1 %odd, label %set, label %clear
set:
)" + sync(1, 128) + "  br label %both\nclear:\n" +
                      sync(1, 128) + "  br label %both\nboth:\n",
                  "divergence"));
}

TEST(GpuBarriers, OrderGlobalMemoryToo) {
  auto text = [](const std::string &between, int other) {
    return "  store float 1.0, ptr addrspace(1) %o, align 4\n" + between +
           llvm::formatv(R"(
  %u = xor i32 %t, {0}
  %q = getelementptr float, ptr addrspace(1) %out, i32 %u
  %x = load volatile float, ptr addrspace(1) %q, align 4
  ret void
)",
                         32 * other)
               .str();
  };
  std::string pairs = branch(2, sync(1, 64), sync(2, 64));
  EXPECT_REPORTS(text(pairs, 1), "", __LINE__);
  EXPECT_REPORTS(text(pairs, 2), "race in global memory.", __LINE__);
}

} // namespace
