//===- EmulatorAsync.h - copies and products of sm_90a --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of the emulator that works beside the lanes of a block: boxes that
// come to shared memory when no lane can go on, barriers that count their
// bytes, and products whose sums are there when they were waited for. Who may
// touch which bytes follows from vector clocks: barriers carry what their
// arrivals knew to those who wait.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_GPU_EMULATORASYNC_H
#define TRANSFORMER_UNITTESTS_GPU_EMULATORASYNC_H

#include "Emulator.h"

#include <deque>
#include <utility>
#include <vector>

namespace mlir::transformer::test {

/// What is in the place of a CUtensorMap: rows of `columns` numbers of `size`
/// bytes, `pitch` bytes from one to the next, and boxes of them.
struct BoxMap {
  uint64_t mark = kMark;
  char *base;
  int64_t rows, columns, pitch;
  int32_t size, boxRows, boxColumns, swizzle; // in bytes: 0, 32, 64 or 128
  static constexpr uint64_t kMark = 0x70616d20786f6221;
};
static_assert(sizeof(BoxMap) <= 128);

class AsyncUnit {
public:
  void begin(char *shared, int64_t sharedBytes, int numLanes,
             const Emulator &emulator);
  /// When all lanes have left: reports what nobody has waited for.
  void finish();

  /// A lane reads or writes shared memory.
  void access(const char *at, int bytes, bool isWrite, int lane);
  /// What a warp tells to those who wait for it at a barrier of the block, and
  /// what one of them learns; none, or not all, before there were phases.
  using Clock = std::vector<uint32_t>; // of warps, then of barriers' phases
  Clock release(int warp);
  void acquire(int warp, const Clock &clock);

  /// An instruction of one lane.
  void run(DeviceOp op, int lane, const void *arguments);
  /// Whether the phase that a lane waits for is over, and what it is told.
  bool isOver(const void *arguments) const;
  bool tryWait(int lane, const void *arguments);
  /// One more copy arrives; false if there is none.
  bool deliver();
  /// Whether a phase has ended since this was asked last.
  bool takePhaseEnds() { return std::exchange(hasPhaseEnded, false); }

  /// One of the instructions around products, by one lane after the other of a
  /// warp.
  void runProducts(DeviceOp op, int lane, const void *arguments, void *result);
  /// By the 128 lanes from `first` on; the left factor may be in registers.
  void multiply(int first, bool hasRegisters, const void *const *arguments,
                void *const *results);
  /// A value that takes the place of a sum which is not there yet.
  static bool isPromise(uint32_t bits) { return bits >> 20 == kPromise; }

private:
  static constexpr uint32_t kPromise = 0x7fd; // a NaN; its low bits: a product
  static constexpr int kMostBarriers = 32;

  struct Barrier {
    int64_t expected = 0, pending = 0, bytes = 0;
    uint32_t phases = 0; // that are over
    Clock open, over;
  };
  struct Copy {
    char *to;
    BoxMap map;
    int column, row, barrier, lane;
    GlobalMemory::Known known; // to the lane when it began
  };
  /// 16 bytes of shared memory.
  struct Granule {
    bool isComing = false;
    int reads = 0; // of products that nobody has waited for
    int barrier = -1;
    uint32_t phase = 0; // after which the bytes of a copy are there
    int writer = -1;    // a lane, and how many fences it had made
    int64_t writerFences = 0;
  };
  struct Operand {
    uint64_t descriptor;
    bool isTransposed;
    int size;
  };
  struct Product {
    int first = 0; // of its lanes
    int count = 0; // of sums per lane
    Operand left, right;
    std::vector<uint32_t> sums;
    int64_t group[4];
    bool isDone[4] = {};
    std::vector<int> granules[4];
  };
  struct Warp {
    bool isFenced = false;
    bool hasFence = false; // since products were waited for
    int64_t commits = 0;
    uint32_t now = 1;
  };

  /// The block's part of the work: who was wrong, and whether a lane may
  /// access memory; false if there is none.
  void report(const char *what);
  bool check(const char *at, int bytes, int align, bool isWrite, int lane);

  void prepare();
  void initBarrier(int lane, const void *arguments);
  void arrive(int lane, const void *arguments, bool expects);
  void startCopy(int lane, const void *arguments);
  void waitProducts(int lane, int pending);
  /// Where what belongs to `offset` is, if chunks are exchanged in so many
  /// bytes.
  static int swizzled(int offset, int bytes);
  int offsetOf(const Operand &operand, int row, int column) const;
  int barrierOf(const char *at, int lane);
  void settle(int barrier);
  void checkOrder(int granule, int lane, bool isWrite, bool isAsynchronous,
                  const char *who);
  void read(const Operand &operand, int rows, int columns, int first,
            Product &product, std::vector<float> &values, int kind);
  const Product *promised(uint32_t bits) const;

  char *shared = nullptr;
  int64_t sharedBytes = 0;
  bool isDescending = false, hasPhaseEnded = false;
  Alteration alteration = Alteration::None;
  std::vector<Granule> granules;
  std::vector<uint32_t> readAt; // per granule and warp
  std::vector<Barrier> barriers;
  std::map<const char *, int> barrierAt;
  std::vector<Clock> clocks; // of lanes
  std::vector<int64_t> fences;
  std::vector<bool> hasFailed; // a wait of this lane came back early
  std::vector<Warp> warps;
  std::deque<Copy> copies;
  std::deque<Product> products;
};

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_EMULATORASYNC_H
