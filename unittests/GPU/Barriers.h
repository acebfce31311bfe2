//===- Barriers.h - barriers of a block by name ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sixteen barriers that a block has (PTX: barrier.cta): warps that wait at
// one, or only arrive there, until as many lanes as it expects have come. What
// is ordered by them follows from vector clocks of the warps: those who have
// waited know what all who came had done before.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_GPU_BARRIERS_H
#define TRANSFORMER_UNITTESTS_GPU_BARRIERS_H

#include "GlobalMemory.h"

#include <vector>

namespace mlir::transformer::test {

/// Which accesses of a block come before which: of each warp, up to when it
/// knows what the others have done. Times go on from block to block, so that
/// what was noted in one says nothing in the next.
class BlockOrder {
public:
  using Clock = std::vector<uint32_t>; // of warps

  void begin(int numWarps);
  /// Of an access that happens now.
  uint32_t now() const { return time; }
  /// Whether all that lanes of the warp `other` did until `when` comes before
  /// what the warp does now.
  bool knows(int warp, int other, uint32_t when) const {
    return when < clocks[warp][other];
  }
  const Clock &of(int warp) const { return clocks[warp]; }
  /// What a warp tells to those who wait for it.
  Clock release(int warp);
  void acquire(int warp, const Clock &clock) { join(clocks[warp], clock); }
  /// `to` knows of both; it may have been empty.
  static void join(Clock &to, const Clock &from);

private:
  uint32_t time = 0;
  std::vector<Clock> clocks;
};

class Barriers {
public:
  static constexpr int kCount = 16;
  /// `threads`: lanes of the block.
  void begin(int64_t threads);
  /// Lets the warps that are at a barrier in, and those go on that may.
  bool run();
  /// A warp, by its first lane, arrives at barrier `name`, and goes on unless
  /// it `waits`. `expected`: of lanes; of whom all get together, if negative.
  void arrive(int first, int name, int expected, bool waits);

private:
  struct Barrier {
    int expected = 0, arrived = 0;
    int instruction = 0; // of a barrier for all
    std::vector<int> waiting;
    BlockOrder::Clock order, phases;
    GlobalMemory::Known known = 0;
  };
  void open(Barrier &barrier);

  int64_t threads = 0;
  std::vector<Barrier> barriers;
};

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_BARRIERS_H
