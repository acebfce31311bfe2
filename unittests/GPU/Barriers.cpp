//===- Barriers.cpp - barriers of a block by name -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Machine.h"

#include <algorithm>

using namespace mlir::transformer::test;

void BlockOrder::begin(int numWarps) {
  ++time; // before, everything was ordered
  clocks.assign(numWarps, Clock(numWarps, time));
}

BlockOrder::Clock BlockOrder::release(int warp) {
  Clock clock = clocks[warp];
  clock[warp] = ++time;
  return clock;
}

void BlockOrder::join(Clock &to, const Clock &from) {
  to.resize(std::max(to.size(), from.size()));
  for (size_t i = 0; i < from.size(); ++i)
    to[i] = std::max(to[i], from[i]);
}

void Barriers::begin(int64_t numLanes) {
  threads = numLanes;
  barriers.assign(kCount, Barrier());
}

void Barriers::arrive(int first, int name, int expected, bool waits) {
  if (name < 0 || name >= kCount)
    return machine.report("barrier of a name that no block has");
  bool isForAll = expected < 0;
  if (isForAll)
    expected = threads;
  if (expected == 0 || expected % 32)
    return machine.report("barrier for a part of a warp");
  if (expected > threads)
    return machine.report("barrier for more than the block");
  Barrier &barrier = barriers[name];
  int instruction = isForAll ? machine.lanes[first].id : 0;
  if (barrier.arrived &&
      (barrier.expected != expected || barrier.instruction != instruction))
    machine.report(isForAll && barrier.expected == expected
                       ? "divergence"
                       : "barrier for two numbers of lanes");
  barrier.expected = expected, barrier.instruction = instruction;
  barrier.arrived += 32;
  BlockOrder::join(barrier.order, machine.order.release(first / 32));
  BlockOrder::join(barrier.phases, machine.async.release(first / 32));
  for (int lane = first; lane < first + 32; ++lane) {
    barrier.known =
        std::max(barrier.known, machine.emulator->global.known(lane));
    machine.lanes[lane].state = waits ? Lane::InBarrier : Lane::Ready;
  }
  if (waits)
    barrier.waiting.push_back(first);
  if (barrier.arrived >= barrier.expected)
    open(barrier);
}

void Barriers::open(Barrier &barrier) {
  for (int first : barrier.waiting) {
    machine.order.acquire(first / 32, barrier.order);
    machine.async.acquire(first / 32, barrier.phases);
    for (int lane = first; lane < first + 32; ++lane) {
      machine.emulator->global.learn(lane, barrier.known);
      machine.lanes[lane].state = Lane::Ready;
    }
  }
  barrier = Barrier();
}

bool Barriers::run() {
  struct Arguments {
    int name, expected;
  };
  bool any = false;
  for (int first = 0; first < threads; first += 32) {
    llvm::ArrayRef<Lane> warp(&machine.lanes[first], 32);
    if (llvm::any_of(warp, [](const Lane &lane) {
          return lane.state != Lane::AtBarrier;
        }))
      continue;
    for (const Lane &lane : warp)
      if (lane.id != warp[0].id)
        machine.report("divergence");
    auto &x = *static_cast<const Arguments *>(warp[0].arguments);
    bool isForAll = warp[0].op == DeviceOp::Barrier;
    arrive(first, x.name, isForAll ? -1 : x.expected,
           warp[0].op != DeviceOp::ArriveAtBarrier);
    any |= warp[0].state != Lane::AtBarrier;
  }
  return any;
}
