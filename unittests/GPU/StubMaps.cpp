//===- StubMaps.cpp - maps of arrays, by the driver of the tests ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "EmulatorAsync.h"
#include "Stub.h"

#include <cstring>

using namespace mlir::transformer::test;

/// Refuses what the driver refuses, of what the runtime may ask for.
extern "C" __attribute__((visibility("default"))) int
cuTensorMapEncodeTiled(void *map, int type, unsigned rank, uint64_t array,
                       const uint64_t *sizes, const uint64_t *strides,
                       const unsigned *box, const unsigned *steps,
                       int interleave, int swizzle, int, int fill) {
  constexpr int swizzle128 = 3;
  if (int failed = enterStub(__func__))
    return failed;
  int size = type == 0 ? 1 : type == 6 || type == 9 ? 2 : 0;
  constexpr uint64_t most = uint64_t(1) << 32;
  if (rank != 2 || !size || interleave || swizzle != swizzle128 || fill ||
      reinterpret_cast<uintptr_t>(map) % 64 || array % 16 || strides[0] % 16 ||
      !sizes[0] || !sizes[1] || sizes[0] > most || sizes[1] > most ||
      strides[0] < sizes[0] * size || !box[0] || !box[1] || box[1] > 256 ||
      box[0] * size > 128 || steps[0] != 1 || steps[1] != 1)
    return InvalidValue;
  BoxMap made{};
  made.mark = BoxMap::kMark;
  made.base = stubMemory(array, strides[0] * (sizes[1] - 1) + sizes[0] * size);
  if (!made.base)
    return InvalidValue;
  made.rows = sizes[1], made.columns = sizes[0], made.pitch = strides[0];
  made.size = size, made.boxRows = box[1], made.boxColumns = box[0];
  made.swizzle = 128;
  memset(map, 0, 128);
  memcpy(map, &made, sizeof(made));
  return Success;
}
