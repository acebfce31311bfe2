//===- Stub.h - parts of the driver of the tests --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_GPU_STUB_H
#define TRANSFORMER_UNITTESTS_GPU_STUB_H

#include "Emulator.h"

namespace mlir::transformer::test {

/// What the driver returns.
enum : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NoDevice = 100,
  InvalidImage = 200,
  InvalidContext = 201,
  InvalidPtx = 218,
  NotFound = 500,
  LaunchFailed = 719,
  CaptureUnsupported = 900,
  Unknown = 999
};

/// Counts a call of the driver's; a status other than 0 if it is to fail.
int enterStub(const char *function, bool needsContext = true);
/// A number of the environment.
long stubNumber(const char *name, long otherwise);
/// Whether the kernel that this thread launches may start before the one before
/// it is done.
extern thread_local bool startsEarly;
/// Memory of the device as the host can follow it; null if it is none.
char *stubMemory(uint64_t address, size_t bytes);

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_STUB_H
