//===- GlobalMemory.cpp - races in the emulator's global memory -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Machine.h"

using namespace mlir::transformer::test;

void GlobalMemory::beginLaunch(bool overlaps) {
  followsUnknown = overlaps && launch == 1;
  doneBefore = done;
  // Without waiting, a launch knows what the one before it knew when it let go.
  start = overlaps ? triggered : launch + 1;
  ++launch;
  follows = overlaps;
  done = start, triggered = 0, block = -1;
}

void GlobalMemory::endLaunch() {
  // One that never lets go does so when it is done.
  if (!triggered)
    triggered = done;
}

void GlobalMemory::beginBlock(int numLanes) {
  ++block;
  lanes.assign(numLanes, start);
}

void GlobalMemory::waitForLaunches(int lane) {
  // What the one before has not waited for may still run.
  if (follows)
    lanes[lane] =
        std::max(lanes[lane], doneBefore >= launch - 1 ? launch : doneBefore);
  done = std::max(done, lanes[lane]);
}

void GlobalMemory::letNextStart(int lane) {
  triggered = std::max(triggered, lanes[lane]);
}

const char *GlobalMemory::problemOf(const Touch &before, int lane,
                                    Known known) const {
  if (before.launch < launch)
    return before.launch < known
               ? nullptr
               : "access before the kernel before was waited for";
  if (before.block != block)
    return "race between blocks";
  return isOrdered(before, lane) ? nullptr : "race in global memory";
}

/// Within a block. Of several lanes, any warp may have been among them.
bool GlobalMemory::isOrdered(const Touch &before, int lane) const {
  const BlockOrder &order = machine.order;
  if (before.lane == lane)
    return true;
  if (before.lane != kSeveral)
    return order.knows(lane / 32, before.lane / 32, before.when);
  for (size_t other = 0; other < lanes.size() / 32; ++other)
    if (!order.knows(lane / 32, other, before.when))
      return false;
  return true;
}

GlobalMemory::Page &GlobalMemory::pageOf(uintptr_t number) {
  if (!lastPage || number != lastNumber) {
    lastPage = &pages[number]; // stays where it is
    lastPage->resize(kPage);
    lastNumber = number;
  }
  return *lastPage;
}

void GlobalMemory::access(const char *at, int bytes, bool isWrite, int lane,
                          Known known, const Report &report) {
  if (followsUnknown && known < launch)
    report("access before the kernel before was waited for");
  const BlockOrder &order = machine.order;
  for (int i = 0; i < bytes; ++i) {
    auto address = reinterpret_cast<uintptr_t>(at) + i;
    Byte &byte = pageOf(address / kPage)[address % kPage];
    if (byte.write.launch)
      if (const char *problem = problemOf(byte.write, lane, known))
        report(problem);
    if (isWrite) {
      if (byte.read.launch)
        if (const char *problem = problemOf(byte.read, lane, known))
          report(problem);
      byte.write = {launch, block, lane, order.now()};
      continue;
    }
    Touch &read = byte.read;
    bool isSame = read.launch == launch;
    if (isSame && read.block != block)
      read.block = kSeveral;
    else if (isSame && !isOrdered(read, lane))
      read.lane = kSeveral, read.when = order.now();
    else
      read = {launch, block, lane, order.now()};
  }
}
