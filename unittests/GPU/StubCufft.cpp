//===- StubCufft.cpp - cuFFT without a GPU --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests: a shared library that TM_LIBCUFFT can name, beside StubCuda.cpp,
// in whose memory and streams it works. It does what a plan says, by the
// definition, and refuses what cuFFT would. TM_STUB_FAIL=FUNCTION: that one
// fails, with TM_STUB_STATUS (5).
//===----------------------------------------------------------------------===//
#include "RealTransform.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <string>

using namespace mlir::transformer::test;

namespace {
enum : int { Success = 0, InvalidPlan = 1, InvalidValue = 4 };

struct Plan {
  bool allocates = true;
  int length = 0, width = 0;
  size_t bytes = 0;
  void *memory = nullptr, *stream = nullptr;
};
struct State {
  std::mutex mutex;
  std::map<std::string, int> calls;
  std::map<int, Plan> plans;
  int next = 1;
};
State &state() {
  static State *theState = new State;
  return *theState;
}

int enter(const char *function) {
  ++state().calls[function];
  const char *failing = getenv("TM_STUB_FAIL");
  if (!failing || strcmp(failing, function) != 0)
    return Success;
  const char *status = getenv("TM_STUB_STATUS");
  return status ? atoi(status) : 5;
}

/// A function of the driver's stub, which is open already.
template <typename T> T *driver(const char *name) {
  void *library = dlopen(getenv("TM_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD);
  return library ? reinterpret_cast<T *>(dlsym(library, name)) : nullptr;
}
/// Where an array on the device lies; null if it is not all there.
void *memoryAt(void *address, size_t bytes) {
  auto *find = driver<void *(uint64_t, size_t)>("tm_stub_memory");
  return find ? find(reinterpret_cast<uintptr_t>(address), bytes) : nullptr;
}

struct Work {
  void *rows;
  int length, width;
  static int run(void *work) {
    auto *own = static_cast<Work *>(work);
    transformInPlace(static_cast<float *>(own->rows), own->length, own->width);
    return Success;
  }
};
} // namespace

#define STUB extern "C" __attribute__((visibility("default")))
#define ENTER                                                                  \
  std::lock_guard<std::mutex> lock(state().mutex);                             \
  if (int failed = enter(__func__))                                            \
  return failed
#define FIND                                                                   \
  ENTER;                                                                       \
  auto found = state().plans.find(handle);                                     \
  if (found == state().plans.end())                                            \
    return InvalidPlan;                                                        \
  Plan &plan = found->second

STUB int tm_stub_fft_calls(const char *function) {
  std::lock_guard<std::mutex> lock(state().mutex);
  return state().calls[function];
}
STUB int tm_stub_fft_alive() {
  std::lock_guard<std::mutex> lock(state().mutex);
  return int(state().plans.size());
}

STUB int cufftCreate(int *handle) {
  ENTER;
  *handle = state().next++;
  state().plans[*handle];
  return Success;
}
STUB int cufftDestroy(int handle) {
  FIND;
  (void)plan;
  state().plans.erase(found);
  return Success;
}
STUB int cufftSetAutoAllocation(int handle, int allocates) {
  FIND;
  plan.allocates = allocates;
  return Success;
}
STUB int cufftMakePlanMany(int handle, int rank, int *sizes, int *real,
                           int realStride, int realDistance, int *complex,
                           int complexStride, int complexDistance, int type,
                           int batch, size_t *bytes) {
  FIND;
  int columns = sizes[1] / 2 + 1;
  if (rank != 2 || plan.length || sizes[0] < 1 || sizes[1] < 1 ||
      real[1] != 2 * columns || complex[1] != columns || realStride != 1 ||
      complexStride != 1 || realDistance != sizes[0] * real[1] ||
      complexDistance != sizes[0] * columns || type != 0x2a || batch != 1)
    return InvalidValue;
  plan.length = sizes[0], plan.width = sizes[1];
  plan.bytes = *bytes = size_t(sizes[0]) * columns * 8;
  return Success;
}
STUB int cufftSetWorkArea(int handle, void *memory) {
  FIND;
  if (plan.allocates || !memoryAt(memory, plan.bytes))
    return InvalidValue;
  plan.memory = memory;
  return Success;
}
STUB int cufftSetStream(int handle, void *stream) {
  FIND;
  plan.stream = stream;
  return Success;
}
STUB int cufftExecR2C(int handle, void *from, void *to) {
  FIND;
  size_t bytes = size_t(plan.length) * (plan.width / 2 + 1) * 8;
  void *rows = memoryAt(from, bytes);
  // The memory has to be there when the work is done, too.
  if (!plan.length || from != to || !rows || !memoryAt(plan.memory, plan.bytes))
    return InvalidValue;
  auto *add =
      driver<int(void *, int (*)(void *), void *, size_t)>("tm_stub_enqueue");
  Work work{rows, plan.length, plan.width};
  return add ? add(plan.stream, Work::run, &work, sizeof(work)) : InvalidPlan;
}
