//===- StubDevice.cpp - the GPU that the driver of the tests describes ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Stub.h"

#include <cstdio>
#include <cstdlib>

using namespace mlir::transformer::test;

#define STUB extern "C" __attribute__((visibility("default")))
#define ENTER                                                                  \
  if (int failed = enterStub(__func__, /*needsContext=*/false))                \
  return failed

long mlir::transformer::test::stubNumber(const char *name, long otherwise) {
  const char *value = getenv(name);
  return value && *value ? atol(value) : otherwise;
}

STUB int cuInit(unsigned) {
  ENTER;
  return stubNumber("TM_STUB_DEVICES", 1) > 0 ? Success : NoDevice;
}
STUB int cuDeviceGetCount(int *count) {
  ENTER;
  *count = stubNumber("TM_STUB_DEVICES", 1);
  return Success;
}
STUB int cuDeviceGet(int *device, int ordinal) {
  ENTER;
  *device = ordinal;
  return Success;
}
STUB int cuDeviceGetName(char *name, int bytes, int) {
  ENTER;
  snprintf(name, bytes, "Stub");
  return Success;
}
STUB int cuDeviceGetAttribute(int *value, int attribute, int) {
  ENTER;
  int capability = stubNumber("TM_STUB_CAPABILITY", 80);
  *value = attribute == 75   ? capability / 10
           : attribute == 76 ? capability % 10
           : attribute == 16 ? 3 // multiprocessors
           : attribute == 97 ? (capability >= 90 ? 227 << 10 : 163 << 10)
                             : 0;
  return Success;
}
STUB int cuGetErrorName(int status, const char **name) {
  *name = status == OutOfMemory    ? "CUDA_ERROR_OUT_OF_MEMORY"
          : status == InvalidPtx   ? "CUDA_ERROR_INVALID_PTX"
          : status == LaunchFailed ? "CUDA_ERROR_LAUNCH_FAILED"
                                   : "CUDA_ERROR_OF_THE_STUB";
  return Success;
}
STUB int cuGetErrorString(int, const char **text) {
  *text = "what the stub was told";
  return Success;
}
