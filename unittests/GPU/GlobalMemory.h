//===- GlobalMemory.h - races in the emulator's global memory -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who wrote and who read each byte last: which launch, block and lane, and when
// in the order of the block's barriers. Blocks of a launch are never ordered.
// Launches are, but for one that may start before those before it are done: its
// lanes have to wait for them (griddepcontrol.wait).
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_GPU_GLOBALMEMORY_H
#define TRANSFORMER_UNITTESTS_GPU_GLOBALMEMORY_H

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace mlir::transformer::test {

/// In the place of a lane or a block: several.
constexpr int kSeveral = -2;

class GlobalMemory {
public:
  using Report = std::function<void(const char *)>;

  /// `overlaps`: launches before it may still run. The first one of all is then
  /// preceded by an unknown one that has written everywhere.
  void beginLaunch(bool overlaps);
  void endLaunch();
  void beginBlock(int lanes);

  /// A lane waits for the launches before, or lets the next one start.
  void waitForLaunches(int lane);
  void letNextStart(int lane);

  /// Launches with smaller numbers are known to be done.
  using Known = uint32_t;
  Known known(int lane) const { return lanes[lane]; }
  void learn(int lane, Known other) {
    lanes[lane] = std::max(lanes[lane], other);
  }
  /// A lane reads or writes; `known` as it was when it asked for that.
  void access(const char *at, int bytes, bool isWrite, int lane, Known known,
              const Report &report);

private:
  struct Touch {
    uint32_t launch = 0; // 0: nobody
    int32_t block = 0, lane = 0;
    uint32_t when = 0;
  };
  struct Byte {
    Touch write, read;
  };
  static constexpr int kPage = 4096;
  using Page = std::vector<Byte>;

  const char *problemOf(const Touch &before, int lane, Known known) const;
  bool isOrdered(const Touch &before, int lane) const;
  Page &pageOf(uintptr_t number);

  std::unordered_map<uintptr_t, Page> pages;
  uintptr_t lastNumber = 0;
  Page *lastPage = nullptr;
  uint32_t launch = 1; // 1: what may precede the first
  uint32_t start = 1, done = 1, triggered = 0, doneBefore = 1;
  bool follows = false, followsUnknown = false;
  int32_t block = 0;
  std::vector<Known> lanes;
};

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_GLOBALMEMORY_H
