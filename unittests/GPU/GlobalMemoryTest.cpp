//===- GlobalMemoryTest.cpp - races that the emulator finds in arrays -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"
#include "Emulator.h"

#include "gtest/gtest.h"

using namespace mlir::transformer::test;

namespace {

/// Kernels of 32 lanes in two blocks, in a row; what was reported of them. A
/// kernel's `body` has %t and %b, the numbers of lane and block, and %i, the
/// number among all lanes; @at gives the place of a number.
class Kernels {
public:
  explicit Kernels(std::vector<std::string> bodies, Mutation mutation = {}) {
    std::string text = R"(
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
declare void @llvm.nvvm.griddepcontrol.wait()
declare void @llvm.nvvm.griddepcontrol.launch.dependents()
)";
    for (size_t i = 0; i < bodies.size(); ++i)
      text += "define void @k" + std::to_string(i) + R"((ptr addrspace(1) %p) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %o = mul i32 %b, 32
  %i = add i32 %o, %t
)" + bodies[i] +
              "  ret void\n}\n";
    emulator = emulatorOf(text, mutation, nullptr, &problemOfCode);
    if (!emulator)
      return;
    emulator->addMemory(numbers.data(), 4 * numbers.size(), true);
    count = bodies.size();
  }

  /// Of launches that all overlap, or none, or those that are said to.
  std::string reports(std::vector<bool> overlaps, bool isDescending = false) {
    emulator->isDescending = isDescending;
    void *at = numbers.data();
    for (int i = 0; i < count; ++i)
      emulator->launch("k" + std::to_string(i), {&at}, 2, 1, 32, 0,
                       overlaps[i]);
    std::string all;
    for (const auto &[what, times] : emulator->reports)
      all += what + ".";
    return all;
  }
  std::string problemOfCode;

private:
  std::vector<float> numbers = std::vector<float>(256);
  std::unique_ptr<Emulator> emulator;
  int count = 0;
};

/// A store or a load of the number with this index, which may be an op of %t,
/// %b and %i before.
std::string access(bool isStore, const std::string &index) {
  static int name = 0;
  std::string at = "%at" + std::to_string(++name);
  std::string where =
      "  " + at + " = getelementptr float, ptr addrspace(1) %p, i32 " + index;
  return where + (isStore ? "\n  store float 1.0, ptr addrspace(1) " + at +
                                ", align 4\n"
                          : "\n  %v" + std::to_string(name) +
                                " = load volatile float, ptr addrspace(1) " +
                                at + ", align 4\n");
}
std::string store(const std::string &index) { return access(true, index); }
std::string load(const std::string &index) { return access(false, index); }

const char *const kMeet =
    "  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)\n";
const char *const kWait = "  call void @llvm.nvvm.griddepcontrol.wait()\n";
const char *const kLetGo =
    "  call void @llvm.nvvm.griddepcontrol.launch.dependents()\n";
const char *const kMirror = "  %m = xor i32 %i, 1\n";
const char *const kAcross = "  %a = xor i32 %i, 32\n";

void expectReports(std::vector<std::string> bodies, const char *what, int line,
                   std::vector<bool> overlaps = {}) {
  overlaps.resize(bodies.size());
  for (bool isDescending : {false, true}) {
    Kernels kernels(bodies);
    ASSERT_EQ(kernels.problemOfCode, "");
    EXPECT_EQ(kernels.reports(overlaps, isDescending), what) << line;
  }
}
#define EXPECT_REPORTS(...) expectReports(__VA_ARGS__)

TEST(GpuGlobalMemory, BlocksAreNotOrdered) {
  const char *race = "race between blocks.";
  EXPECT_REPORTS({store("%i")}, "", __LINE__);
  EXPECT_REPORTS({load("%t")}, "", __LINE__); // both read the same
  EXPECT_REPORTS({store("%t")}, race, __LINE__);
  EXPECT_REPORTS({kAcross + store("%i") + load("%a")}, race, __LINE__);
  EXPECT_REPORTS({kAcross + load("%a") + store("%i")}, race, __LINE__);
  // No barrier changes that.
  EXPECT_REPORTS({kAcross + store("%i") + kMeet + load("%a")}, race, __LINE__);
  // A kernel of its own does.
  EXPECT_REPORTS({store("%i"), kAcross + load("%a")}, "", __LINE__);
}

TEST(GpuGlobalMemory, LanesMeetBetween) {
  const char *race = "race in global memory.";
  EXPECT_REPORTS({kMirror + store("%i") + load("%m")}, race, __LINE__);
  EXPECT_REPORTS({kMirror + load("%m") + store("%i")}, race, __LINE__);
  EXPECT_REPORTS({kMirror + store("%i") + kMeet + load("%m")}, "", __LINE__);
  EXPECT_REPORTS({kMirror + load("%m") + kMeet + store("%i")}, "", __LINE__);
  // Neighbours in one word are no race.
  EXPECT_REPORTS({"  %c = getelementptr i8, ptr addrspace(1) %p, i32 %i\n"
                  "  store i8 1, ptr addrspace(1) %c, align 1\n"},
                 "", __LINE__);
  EXPECT_REPORTS({"  %c = getelementptr i8, ptr addrspace(1) %p, i32 %i\n"
                  "  store i16 1, ptr addrspace(1) %c, align 1\n"},
                 "race between blocks.race in global memory.", __LINE__);
}

TEST(GpuGlobalMemory, LaunchesThatOverlap) {
  const char *early = "access before the kernel before was waited for.";
  std::string first = std::string(kWait) + kLetGo + store("%i");
  EXPECT_REPORTS({first, kWait + load("%t")}, "", __LINE__, {false, true});
  EXPECT_REPORTS({first, load("%t") + kWait}, early, __LINE__, {false, true});
  EXPECT_REPORTS({first, load("%t")}, early, __LINE__, {false, true});
  EXPECT_REPORTS({first, load("%t")}, "", __LINE__, {false, false});
  // What is written while the one before still reads it.
  std::string reads = std::string(kWait) + kLetGo + load("%i");
  EXPECT_REPORTS({reads, store("%i")}, early, __LINE__, {false, true});
  EXPECT_REPORTS({reads, load("%i")}, "", __LINE__, {false, true});
  // One that never lets go has to be waited for as well, to see what it wrote.
  EXPECT_REPORTS({kWait + store("%i"), load("%i")}, early, __LINE__,
                 {false, true});
  // Lanes learn it from each other.
  EXPECT_REPORTS({first, std::string("  %z = icmp eq i32 %t, 0\n"
                                     "  br i1 %z, label %w, label %m\n"
                                     "w:\n") +
                             kWait + "  br label %m\nm:\n" + kMeet +
                             load("%t")},
                 "", __LINE__, {false, true});
}

// A kernel knows of those before the one before only by that.
TEST(GpuGlobalMemory, ThreeLaunchesThatOverlap) {
  const char *early = "access before the kernel before was waited for.";
  std::string first = std::string(kWait) + kLetGo + store("%i"),
              last = kWait + load("%i");
  std::vector<bool> overlaps{false, true, true};
  EXPECT_REPORTS({first, std::string(kWait) + kLetGo, last}, "", __LINE__,
                 overlaps);
  EXPECT_REPORTS({first, std::string(kLetGo) + kWait, last}, "", __LINE__,
                 overlaps);
  EXPECT_REPORTS({first, kLetGo, last}, early, __LINE__, overlaps);
  // It lets go before it has waited: the last may run beside the first.
  EXPECT_REPORTS({first, std::string(kLetGo) + kWait, load("%i")}, early,
                 __LINE__, overlaps);
  EXPECT_REPORTS({first, std::string(kWait) + kLetGo, load("%i")}, "", __LINE__,
                 overlaps);
}

// What has made the inputs may be a kernel too.
TEST(GpuGlobalMemory, FirstLaunchThatOverlaps) {
  EXPECT_REPORTS({kWait + load("%i")}, "", __LINE__, {true});
  EXPECT_REPORTS({load("%i")},
                 "access before the kernel before was waited for.", __LINE__,
                 {true});
  Kernels kernels({kWait + load("%i")}, {/*drop=*/0});
  EXPECT_NE(kernels.reports({true}), "");
}

TEST(GpuGlobalMemory, WhatIsNotKnownIsRefused) {
  Kernels atomic(
      {"  %x = atomicrmw add ptr addrspace(1) %p, i32 1 monotonic\n"});
  EXPECT_NE(atomic.problemOfCode.find("does not know atomicrmw"),
            std::string::npos);
}

} // namespace
