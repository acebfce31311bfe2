//===- StubLaunch.cpp - newer ways to launch, by the driver of the tests --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Stub.h"

#include <cstdlib>

using namespace mlir::transformer::test;

#define STUB extern "C" __attribute__((visibility("default")))

STUB int cuDriverGetVersion(int *version) {
  if (int failed = enterStub(__func__, /*needsContext=*/false))
    return failed;
  const char *wanted = getenv("TM_STUB_DRIVER");
  *version = wanted ? atoi(wanted) : 13000;
  return Success;
}

namespace {
struct Attribute { // CUlaunchAttribute
  int id, unused, value[16];
};
struct Config { // CUlaunchConfig
  unsigned grid[3], block[3], shared;
  void *stream;
  const Attribute *attributes;
  unsigned attributeCount;
};
} // namespace

STUB int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z,
                        unsigned threads, unsigned threadsY, unsigned threadsZ,
                        unsigned shared, void *stream, void **arguments,
                        void **extra);

/// Kernels run one after the other; what one that overlaps does too early is
/// reported.
STUB int cuLaunchKernelEx(const Config *config, void *function,
                          void **arguments, void **extra) {
  constexpr int overlap = 6;
  if (int failed = enterStub(__func__))
    return failed;
  if (config->attributeCount != 1 || config->attributes[0].id != overlap ||
      config->attributes[0].value[0] != 1)
    return InvalidValue;
  const unsigned *grid = config->grid, *block = config->block;
  startsEarly = true;
  int status = cuLaunchKernel(function, grid[0], grid[1], grid[2], block[0],
                              block[1], block[2], config->shared,
                              config->stream, arguments, extra);
  startsEarly = false;
  return status;
}
