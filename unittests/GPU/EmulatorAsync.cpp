//===- EmulatorAsync.cpp - copies and products of sm_90a ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Machine.h"

#include <algorithm>
#include <cstring>

using namespace mlir::transformer::test;

void AsyncUnit::report(const char *what) { machine.report(what); }
bool AsyncUnit::check(const char *at, int bytes, int align, bool isWrite,
                      int lane) {
  return machine.access(at, bytes, align, isWrite, lane);
}

void AsyncUnit::begin(char *memory, int64_t bytes, int numLanes,
                      const Emulator &emulator) {
  shared = memory, sharedBytes = bytes;
  isDescending = emulator.isDescending, alteration = emulator.alteration;
  hasPhaseEnded = false;
  int numWarps = (numLanes + 31) / 32;
  granules.assign((bytes + 15) / 16, Granule());
  // Most kernels never need what prepare() makes.
  readAt.clear(), clocks.clear(), barriers.clear(), barrierAt.clear();
  fences.assign(numLanes, 0);
  hasFailed.assign(numLanes, false);
  warps.assign(numWarps, Warp());
  copies.clear(), products.clear();
}

void AsyncUnit::finish() {
  if (!copies.empty())
    report("copy that was never waited for");
  for (const Product &product : products)
    for (bool isDone : product.isDone)
      if (!isDone)
        return report("product that was never waited for");
}

/// Whether what was done to a granule comes before what `lane` does now.
void AsyncUnit::checkOrder(int index, int lane, bool isWrite,
                           bool isAsynchronous, const char *who) {
  Granule &granule = granules[index];
  auto problem = [&](const char *what) {
    report((std::string(who) + what).c_str());
  };
  size_t numWarps = warps.size();
  if (granule.isComing)
    problem(" bytes whose copy was not waited for");
  else if (granule.barrier >= 0 &&
           clocks[lane][numWarps + granule.barrier] < granule.phase)
    problem(" bytes whose copy this thread has not waited for");
  if (isAsynchronous && granule.writer >= 0 &&
      fences[granule.writer] == granule.writerFences)
    problem(" bytes that were written without a fence");
  if (!isWrite)
    return;
  if (granule.reads > 0)
    problem(" bytes that a product still reads");
  if (readAt.empty())
    return;
  for (size_t warp = 0; warp < numWarps; ++warp)
    if (int(warp) != lane / 32 &&
        readAt[index * numWarps + warp] > clocks[lane][warp])
      return problem(" bytes that a product may not have read");
}

void AsyncUnit::access(const char *at, int bytes, bool isWrite, int lane) {
  for (int64_t i = (at - shared) / 16; i <= (at - shared + bytes - 1) / 16;
       ++i) {
    checkOrder(i, lane, isWrite, false, "access to");
    if (isWrite) {
      granules[i].writer = lane, granules[i].writerFences = fences[lane];
      granules[i].barrier = -1;
    }
  }
}

AsyncUnit::Clock AsyncUnit::release(int warp) {
  if (clocks.empty())
    return {};
  Clock all = clocks[warp * 32];
  for (int lane = warp * 32; lane < warp * 32 + 32; ++lane)
    BlockOrder::join(all, clocks[lane]);
  all[warp] = warps[warp].now++;
  return all;
}

void AsyncUnit::acquire(int warp, const Clock &clock) {
  if (clocks.empty())
    return;
  for (int lane = warp * 32; lane < warp * 32 + 32; ++lane)
    BlockOrder::join(clocks[lane], clock);
}

void AsyncUnit::run(DeviceOp op, int lane, const void *arguments) {
  switch (op) {
  case DeviceOp::InitBarrier:
    return initBarrier(lane, arguments);
  case DeviceOp::CopyBox:
    return startCopy(lane, arguments);
  case DeviceOp::FenceAsynchronous:
    ++fences[lane];
    return;
  default:
    return arrive(lane, arguments, op == DeviceOp::ArriveExpecting);
  }
}

void AsyncUnit::prepare() {
  if (!clocks.empty())
    return;
  clocks.assign(fences.size(), Clock(warps.size() + kMostBarriers));
  readAt.assign(granules.size() * warps.size(), 0);
}

void AsyncUnit::initBarrier(int lane, const void *arguments) {
  struct Arguments {
    char *at;
    int expected;
  };
  auto &x = *static_cast<const Arguments *>(arguments);
  if (!check(x.at, 8, 8, true, lane))
    return;
  prepare();
  Clock none(warps.size() + kMostBarriers);
  if (barriers.size() == kMostBarriers)
    return report("more barriers than the emulator has");
  if (!barrierAt.emplace(x.at, barriers.size()).second)
    report("barrier that is made twice");
  barriers.push_back({x.expected, x.expected, 0, 0, none, none});
}

int AsyncUnit::barrierOf(const char *at, int lane) {
  auto found = barrierAt.find(at);
  if (found == barrierAt.end()) {
    report("barrier that was not made");
    return -1;
  }
  check(at, 8, 8, false, lane);
  return found->second;
}

void AsyncUnit::settle(int index) {
  Barrier &barrier = barriers[index];
  if (barrier.pending < 0)
    report("more arrivals than a barrier expects");
  if (barrier.pending > 0 || barrier.bytes != 0)
    return;
  barrier.pending = barrier.expected;
  barrier.open[warps.size() + index] = ++barrier.phases;
  barrier.over = barrier.open;
  hasPhaseEnded = true;
}

void AsyncUnit::arrive(int lane, const void *arguments, bool expects) {
  struct Arguments {
    const char *at;
    int number; // of arrivals, or of bytes
  };
  auto &x = *static_cast<const Arguments *>(arguments);
  int index = barrierOf(x.at, lane);
  if (index < 0)
    return;
  Barrier &barrier = barriers[index];
  clocks[lane][lane / 32] = warps[lane / 32].now++;
  BlockOrder::join(barrier.open, clocks[lane]);
  if (expects)
    barrier.bytes += x.number;
  barrier.pending -= expects ? 1 : x.number;
  settle(index);
}

namespace {
struct Wait {
  const char *at;
  uint32_t parity;
};
} // namespace

bool AsyncUnit::isOver(const void *arguments) const {
  auto &x = *static_cast<const Wait *>(arguments);
  auto found = barrierAt.find(x.at);
  return found == barrierAt.end() ||
         (barriers[found->second].phases & 1) != x.parity;
}

bool AsyncUnit::tryWait(int lane, const void *arguments) {
  int index = barrierOf(static_cast<const Wait *>(arguments)->at, lane);
  if (index < 0)
    return true;
  if (!isOver(arguments))
    return false;
  // It may come back early without a reason, so it does.
  hasFailed[lane] = !hasFailed[lane];
  if (hasFailed[lane])
    return false;
  BlockOrder::join(clocks[lane], barriers[index].over);
  return true;
}

void AsyncUnit::startCopy(int lane, const void *arguments) {
  struct Arguments {
    char *to;
    const char *barrier;
    const BoxMap *map;
    int column, row;
  };
  auto &x = *static_cast<const Arguments *>(arguments);
  if (x.map->mark != BoxMap::kMark)
    return report("copy by something that is no map");
  int bytes = x.map->boxRows * x.map->boxColumns * x.map->size;
  if (x.to < shared || x.to + bytes > shared + sharedBytes)
    return report("copy to outside of shared memory");
  if ((x.to - shared) % 128)
    return report("copy to a misaligned place");
  int index = barrierOf(x.barrier, lane);
  if (index < 0)
    return;
  // Its bytes are counted there behind the lanes' back.
  checkOrder((x.barrier - shared) / 16, lane, false, true, "copy that counts");
  for (int64_t i = (x.to - shared) / 16; i < (x.to - shared + bytes) / 16;
       ++i) {
    checkOrder(i, lane, true, true, "copy to");
    Granule &granule = granules[i];
    granule.isComing = true;
    granule.writer = -1;
    std::fill_n(readAt.begin() + i * warps.size(), warps.size(), 0);
  }
  memset(x.to, 0xff, bytes);
  copies.push_back({x.to, *x.map, x.column, x.row, index, lane,
                    machine.emulator->global.known(lane)});
}

bool AsyncUnit::deliver() {
  if (copies.empty())
    return false;
  // Copies come in any order: the oldest or the newest first.
  Copy copy = isDescending ? copies.back() : copies.front();
  isDescending ? copies.pop_back() : copies.pop_front();
  const BoxMap &map = copy.map;
  int rowBytes = map.boxColumns * map.size, start = copy.to - shared;
  Barrier &barrier = barriers[copy.barrier];
  for (int i = 0; i < map.boxRows; ++i) {
    int64_t row = copy.row + i;
    std::vector<char> bytes(rowBytes, 0);
    int64_t count =
        std::clamp<int64_t>(map.columns - copy.column, 0, map.boxColumns);
    if (copy.row < 0 || copy.column < 0)
      report("copy from before the start");
    else if (row < map.rows && count > 0) {
      const char *from = map.base + row * map.pitch + copy.column * map.size;
      if (machine.accessGlobal(from, count * map.size, false, copy.lane,
                               copy.known))
        memcpy(bytes.data(), from, count * map.size);
    }
    for (int j = 0; j < rowBytes; j += 16) {
      int at = swizzled(start + i * rowBytes + j, map.swizzle);
      memcpy(shared + at, bytes.data() + j, 16);
      Granule &granule = granules[at / 16];
      granule.isComing = false;
      granule.barrier = copy.barrier, granule.phase = barrier.phases + 1;
    }
  }
  barrier.bytes -= rowBytes * map.boxRows;
  settle(copy.barrier);
  return true;
}

void AsyncUnit::waitProducts(int lane, int pending) {
  Warp &warp = warps[lane / 32];
  warp.hasFence = false;
  int group = lane / 128, in = lane / 32 % 4;
  for (size_t i = 0; i < products.size(); ++i) {
    Product &product = products[i];
    if (product.first / 128 != group || product.isDone[in] ||
        product.group[in] >= warp.commits - pending)
      continue;
    product.isDone[in] = true;
    for (int granule : product.granules[in]) {
      --granules[granule].reads;
      readAt[granule * warps.size() + lane / 32] = warp.now;
    }
  }
}

const AsyncUnit::Product *AsyncUnit::promised(uint32_t bits) const {
  size_t index = bits & 0xfffff;
  return isPromise(bits) && index < products.size() ? &products[index]
                                                    : nullptr;
}

void AsyncUnit::runProducts(DeviceOp op, int lane, const void *arguments,
                            void *result) {
  struct Sums {
    int32_t count, pending;
    uint32_t values[];
  };
  // What a warp does, its first lane does for all.
  Warp &warp = warps[lane / 32];
  bool isFirst = lane % 32 == 0;
  auto *sums = static_cast<const Sums *>(arguments);
  if (isFirst && op == DeviceOp::FenceProducts)
    warp.isFenced = warp.hasFence = true;
  if (isFirst && op == DeviceOp::CommitProducts)
    ++warp.commits;
  if (isFirst && op == DeviceOp::WaitProducts)
    waitProducts(lane, *static_cast<const int64_t *>(arguments));
  if (isFirst && op == DeviceOp::WaitSums)
    waitProducts(lane, sums->pending);
  if (op != DeviceOp::FenceProducts && op != DeviceOp::WaitSums)
    return;
  auto *results = static_cast<uint32_t *>(result);
  for (int i = 0; i < sums->count; ++i) {
    const Product *product = promised(sums->values[i]);
    results[i] = product && product->isDone[lane / 32 % 4]
                     ? product->sums[(lane % 128) * product->count + i]
                     : sums->values[i];
  }
}
