//===- EmulatorAsync.cpp - copies and products of sm_90a ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Halves.h"
#include "Machine.h"

#include <algorithm>
#include <cmath>
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

void AsyncUnit::join(Clock &to, const Clock &from) {
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = std::max(to[i], from[i]);
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

void AsyncUnit::meet() {
  if (clocks.empty())
    return;
  for (size_t lane = 0; lane < clocks.size(); ++lane)
    clocks[lane][lane / 32] = warps[lane / 32].now;
  Clock all = clocks[0];
  for (const Clock &clock : clocks)
    join(all, clock);
  clocks.assign(clocks.size(), all);
  for (Warp &warp : warps)
    ++warp.now;
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
  join(barrier.open, clocks[lane]);
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
  join(clocks[lane], barriers[index].over);
  return true;
}

static int swizzled(int offset, int bytes) {
  int chunks = bytes / 16; // that are exchanged: 2, 4 or 8
  return chunks < 2 ? offset : offset ^ ((offset >> 7 & (chunks - 1)) << 4);
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
  copies.push_back({x.to, *x.map, x.column, x.row, index, lane});
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
      if (check(from, count * map.size, 1, false, copy.lane))
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
    warp.isFenced = true;
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

/// Where a number of a factor lies: along k as the rows of copies, or, if
/// transposed, 64 rows beside each other for each k.
int AsyncUnit::offsetOf(const Operand &operand, int row, int k) const {
  uint64_t d = operand.descriptor;
  int start = (d & 0x3fff) << 4, leading = (d >> 16 & 0x3fff) << 4,
      stride = (d >> 32 & 0x3fff) << 4, mode = d >> 62;
  int bytes = mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 0;
  int offset;
  if (operand.isTransposed)
    offset = start + row / 64 * leading + k / 8 * stride + k % 8 * 128 +
             row % 64 * operand.size;
  else if (bytes)
    offset = start + row / 8 * stride + row % 8 * bytes + k * operand.size;
  else
    offset = start + row / 8 * stride + k * operand.size / 16 * leading +
             row % 8 * 16 + k * operand.size % 16;
  return swizzled(offset, bytes);
}

static float toFloat(const char *at, int kind) {
  if (kind == 2)
    return *reinterpret_cast<const int8_t *>(at);
  uint16_t half;
  memcpy(&half, at, 2);
  return kind == 0 ? fromF16(half) : fromBf16(half);
}

/// `first`: the first lane of those that read; each of four warps reads a
/// quarter of 64 rows of the left factor, and all of the right one.
void AsyncUnit::read(const Operand &operand, int rows, int columns, int first,
                     Product &product, std::vector<float> &values, int kind) {
  bool isLeft = &operand == &product.left;
  values.resize(rows * columns);
  for (int row = 0; row < rows; ++row) {
    int last = -1;
    for (int k = 0; k < columns; ++k) {
      int offset = offsetOf(operand, row, k);
      if (offset + operand.size > sharedBytes) {
        report("product of bytes outside of shared memory");
        values[row * columns + k] = NAN;
        continue;
      }
      values[row * columns + k] = toFloat(shared + offset, kind);
      if (offset / 16 == last)
        continue;
      last = offset / 16;
      for (int warp = 0; warp < 4; ++warp) {
        if (isLeft && row / 16 != warp)
          continue;
        // If one lane of a warp has waited alone, it is the first.
        int lane = first + 32 * warp + 31;
        if (granules[last].writer >= 0) // is there a barrier between?
          check(shared + 16 * last, 16, 16, false, lane);
        checkOrder(last, lane, false, true, "product of");
        product.granules[warp].push_back(last);
        ++granules[last].reads;
      }
    }
  }
}

void AsyncUnit::multiply(int first, const void *const *arguments,
                         void *const *results) {
  struct Arguments {
    int32_t columns, kind; // 0: f16, 1: bf16, 2: i8; 4, 8: transposed
    uint64_t left, right;
    uint32_t sums[];
  };
  auto at = [&](int lane) -> const Arguments & {
    return *static_cast<const Arguments *>(arguments[lane]);
  };
  const Arguments &x = at(0);
  int kind = x.kind & 3, size = kind == 2 ? 1 : 2, depth = 32 / size;
  int columns = x.columns, count = columns / 2;
  Product product;
  product.first = first, product.count = count;
  product.left = {x.left, (x.kind & 4) != 0, size};
  product.right = {x.right, (x.kind & 8) != 0, size};
  using A = Alteration;
  Operand &altered = int(alteration) % 2 ? product.left : product.right;
  switch (alteration) {
  case A::LeftSwizzle:
  case A::RightSwizzle:
    altered.descriptor ^= uint64_t(3) << 62; // 64 instead of 128 bytes
    break;
  case A::LeftTransposed:
  case A::RightTransposed:
    altered.isTransposed = !altered.isTransposed;
    break;
  case A::LeftStride:
  case A::RightStride:
    altered.descriptor ^= uint64_t(64 ^ 32) << 32;
    break;
  case A::LeftStart:
  case A::RightStart:
    altered.descriptor ^= 1;
    break;
  case A::None:
    break;
  }
  // Registers of sums: what was written there before, by lane and number.
  std::vector<uint32_t> sums(128 * count);
  bool isWritten = false;
  for (int lane = 0; lane < 128; ++lane) {
    if (at(lane).left != x.left || at(lane).right != x.right)
      return report("product whose lanes describe different bytes");
    for (int i = 0; i < count; ++i) {
      uint32_t bits = at(lane).sums[i];
      const Product *before = promised(bits);
      isWritten |= !before;
      sums[lane * count + i] = before && before->count == count
                                   ? before->sums[lane * count + i]
                                   : bits;
    }
  }
  for (int warp = 0; warp < 4; ++warp) {
    Warp &state = warps[first / 32 + warp];
    if (isWritten && !state.isFenced)
      report("product of sums that were written without a fence");
    state.isFenced = false;
    product.group[warp] = state.commits;
  }
  std::vector<float> left, right;
  prepare();
  read(product.left, 64, depth, first, product, left, kind);
  read(product.right, columns, depth, first, product, right, kind);
  for (int lane = 0; lane < 128; ++lane)
    for (int i = 0; i < count; ++i) {
      const float *a =
          &left[(lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8) * depth];
      const float *b = &right[(i / 4 * 8 + lane % 4 * 2 + i % 2) * depth];
      uint32_t &sum = sums[lane * count + i];
      if (kind == 2) {
        for (int k = 0; k < depth; ++k)
          sum += int32_t(a[k]) * int32_t(b[k]);
        continue;
      }
      float value;
      memcpy(&value, &sum, 4);
      for (int k = 0; k < depth; ++k)
        value += a[k] * b[k];
      memcpy(&sum, &value, 4);
    }
  // Until it was waited for, registers hold a promise.
  uint32_t promise = kPromise << 20 | uint32_t(products.size());
  for (int lane = 0; lane < 128; ++lane)
    std::fill_n(static_cast<uint32_t *>(results[lane]), count, promise);
  product.sums = std::move(sums);
  products.push_back(std::move(product));
}

/// The bits of a sum that a product has left, before they are used.
extern "C" void transformerSum(uint32_t bits) {
  if (AsyncUnit::isPromise(bits))
    machine.report("sum that is read before its product was waited for");
}
