//===- Machine.h - the block that the emulator runs -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_GPU_MACHINE_H
#define TRANSFORMER_UNITTESTS_GPU_MACHINE_H

#include "Barriers.h"
#include "EmulatorAsync.h"

#include <ucontext.h>

namespace mlir::transformer::test {

constexpr size_t kShared = 256 << 10;

struct Copy {
  char *to;
  const char *from;
  int count;
};

struct Lane {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  enum State {
    Ready,
    AtWarpOp,
    AtBarrier,
    InBarrier,
    AtPhase,
    Done
  } state = Ready;
  DeviceOp op;
  int id = 0;
  void *result = nullptr;
  const void *arguments = nullptr;
  std::vector<std::vector<Copy>> groups; // committed, oldest first
  std::vector<Copy> open;
};

/// Who touched a byte of shared memory last, and when: a lane, or several of a
/// warp (-2).
struct Touch {
  int lane = -1;
  uint32_t when = 0;
};

/// Of a byte of shared memory: who wrote it.
struct Shadow {
  Touch write;
  bool isInFlight = false;
};

/// The block that runs.
struct Machine {
  Emulator *emulator = nullptr;
  std::vector<Lane> lanes;
  std::vector<Shadow> shadow = std::vector<Shadow>(kShared);
  std::vector<Touch> reads; // per byte of shared memory, and warp
  ucontext_t scheduler;
  int current = 0;
  int64_t blockX = 0, blockY = 0, gridX = 0, sharedBytes = 0;
  AsyncUnit async;
  BlockOrder order;
  Barriers barriers;
  void (*kernel)(void **) = nullptr;
  void **arguments = nullptr;

  void report(const char *what) { ++emulator->reports[what]; }
  void wait(Lane::State state) {
    lanes[current].state = state;
    swapcontext(&lanes[current].context, &scheduler);
  }
  bool isShared(const char *at) const;
  /// False if there is no such memory.
  bool accessGlobal(const char *at, int bytes, bool isWrite, int lane,
                    GlobalMemory::Known known);
  bool access(const char *at, int bytes, int align, bool isWrite, int lane);
  void note(const char *at, int bytes, bool isWrite, int lane);
  void land(const Copy &copy, int lane);
  void waitCopies(int pending);
  bool runBlock(int64_t threads);
  bool runReady();
  bool runWarp(int first);
  bool runWarpgroup(int first);
  bool runPhases();
};
extern Machine machine;

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_MACHINE_H
