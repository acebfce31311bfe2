//===- StubCuda.cpp - a driver without a GPU ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests: a shared library that TM_LIBCUDA can name. It has the functions of
// libcuda.so.1 that the runtime calls, hands out memory of the heap, and runs
// kernels on the emulator. Work in streams is done when somebody waits for it,
// as late as it may. Addresses on the device are tagged, so that code of the
// host that follows one dies. The environment says what goes wrong:
//
//   TM_STUB_KERNELS=FILE     LLVM IR of the kernels (--emit=llvm); without it
//                            kernels do nothing
//   TM_STUB_DEVICES=N        how many GPUs there are (1)
//   TM_STUB_CAPABILITY=N     what they can do (80)
//   TM_STUB_MEMORY=BYTES     how much memory they have
//   TM_STUB_FAIL_MODULE=LOG  modules do not load, and the JIT says this
//   TM_STUB_FAIL=FUNCTION    this function fails
//===----------------------------------------------------------------------===//
#include "Stub.h"

#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <set>

using namespace mlir::transformer::test;

namespace {
using Address = uint64_t;

struct Module {
  std::unique_ptr<Emulator> emulator; // null: kernels do nothing
  struct Kernel {
    Module *module;
    std::string name;
    std::vector<int> sizes; // of its arguments
    std::vector<bool> isPointer;
    int sharedLimit = 48 << 10;
  };
  std::map<std::string, Kernel> kernels;
};
struct Launch {
  Module::Kernel *kernel;
  unsigned gridX, gridY, threads, shared;
  bool overlaps;
  std::vector<std::vector<char>> arguments;
};
using Work = std::function<int()>;
struct Graph {
  std::vector<Work> work;
};
struct Stream {
  std::vector<Work> work;
  Graph *capture = nullptr;
  void add(Work one) { (capture ? capture->work : work).push_back(one); }
};

/// Everything that lives, behind one lock.
struct State {
  std::recursive_mutex mutex;
  std::map<std::string, int> calls;
  std::map<char *, size_t> memory, hostMemory;
  size_t memoryUsed = 0;
  std::set<Module *> modules;
  std::set<Stream *> streams;
  std::set<Graph *> graphs;
  int contexts = 0;
  /// Of the last work, if that was a kernel.
  Emulator *lastKernel = nullptr;
};
State &state() {
  static State *theState = new State; // outlives the library's users
  return *theState;
}
thread_local int current = 0; // contexts of this thread
constexpr Address kTag = Address(1) << 62;
char *untag(Address address) {
  return reinterpret_cast<char *>(address & ~kTag);
}
/// Counts a call; what it returns if it is to fail.
int enter(const char *function, bool needsContext = true) {
  ++state().calls[function];
  const char *failing = getenv("TM_STUB_FAIL");
  if (failing && strcmp(failing, function) == 0)
    return Unknown;
  return needsContext && !current ? InvalidContext : Success;
}

bool isDevice(Address at, size_t bytes) {
  if (!(at & kTag))
    return false;
  auto next = state().memory.upper_bound(untag(at));
  if (next == state().memory.begin())
    return false;
  --next;
  return untag(at) + bytes <= next->first + next->second;
}

template <typename T> int destroy(std::set<T *> &all, void *one) {
  if (!all.erase(static_cast<T *>(one)))
    return InvalidValue;
  delete static_cast<T *>(one);
  return Success;
}

int copyNow(Address to, Address from, size_t bytes) {
  state().lastKernel = nullptr;
  for (Address at : {to, from})
    if ((at & kTag) && !isDevice(at, bytes))
      return InvalidValue;
  memmove(untag(to), untag(from), bytes);
  return Success;
}

int runAll(std::vector<Work> &work) {
  int status = Success;
  for (size_t i = 0; i < work.size() && status == Success; ++i)
    status = work[i]();
  return status;
}
int finish(Stream *stream) {
  int status = runAll(stream->work);
  stream->work.clear();
  return status;
}

int runLaunch(Launch launch) {
  Module::Kernel &kernel = *launch.kernel;
  Emulator *emulator = kernel.module->emulator.get();
  if (!emulator)
    return Success;
  emulator->memory.clear();
  for (auto [data, bytes] : state().memory)
    emulator->addMemory(data, bytes, /*isWritable=*/true);
  std::vector<void *> arguments;
  for (size_t i = 0; i < launch.arguments.size(); ++i) {
    char *value = launch.arguments[i].data();
    if (kernel.isPointer[i]) {
      Address address;
      memcpy(&address, value, sizeof(address));
      if (!isDevice(address, 1)) {
        fprintf(stderr, "stub: argument %zu of %s is not on the device\n", i,
                kernel.name.c_str());
        return LaunchFailed;
      }
      address &= ~kTag;
      memcpy(value, &address, sizeof(address));
    }
    arguments.push_back(value);
  }
  emulator->launch(kernel.name, arguments, launch.gridX, launch.gridY,
                   launch.threads, launch.shared,
                   launch.overlaps && state().lastKernel == emulator);
  state().lastKernel = emulator;
  for (const auto &[what, count] : emulator->reports)
    fprintf(stderr, "stub: %s: %s, %d times\n", kernel.name.c_str(),
            what.c_str(), count);
  return emulator->reports.empty() ? Success : LaunchFailed;
}

llvm::Expected<std::unique_ptr<Module>> readKernels(const char *path) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic problem;
  std::unique_ptr<llvm::Module> code =
      llvm::parseIRFile(path, problem, *context);
  if (!code)
    return llvm::createStringError(problem.getMessage());
  auto module = std::make_unique<Module>();
  for (llvm::Function &function : *code) {
    if (function.isDeclaration())
      continue;
    Module::Kernel &kernel = module->kernels[function.getName().str()];
    kernel.module = module.get();
    kernel.name = function.getName().str();
    for (llvm::Argument &argument : function.args()) {
      bool isMap = argument.hasByValAttr();
      bool isPointer = argument.getType()->isPointerTy() && !isMap;
      kernel.isPointer.push_back(isPointer);
      kernel.sizes.push_back(isMap ? 128 : isPointer ? 8 : 4);
    }
  }
  auto emulator = Emulator::create(std::move(code), std::move(context));
  if (!emulator)
    return emulator.takeError();
  module->emulator = std::move(*emulator);
  return std::move(module);
}
} // namespace

#define STUB extern "C" __attribute__((visibility("default")))
#define ENTER(...)                                                             \
  std::lock_guard<std::recursive_mutex> lock(state().mutex);                   \
  if (int failed = enter(__func__, ##__VA_ARGS__))                             \
  return failed

/// For tests: calls of a function so far, and what nobody has freed.
STUB int tm_stub_calls(const char *function) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  return state().calls[function];
}
STUB int tm_stub_alive() {
  State &s = state();
  std::lock_guard<std::recursive_mutex> lock(s.mutex);
  return int(s.memory.size() + s.hostMemory.size() + s.modules.size() +
             s.streams.size() + s.graphs.size()) +
         s.contexts;
}

STUB int cuDevicePrimaryCtxRetain(void **context, int) {
  ENTER(false);
  ++state().contexts;
  *context = &state();
  return Success;
}
STUB int cuDevicePrimaryCtxRelease_v2(int) {
  ENTER(false);
  --state().contexts;
  return Success;
}
STUB int cuCtxPushCurrent_v2(void *context) {
  ENTER(false);
  if (context != &state())
    return InvalidContext;
  ++current;
  return Success;
}
STUB int cuCtxPopCurrent_v2(void **context) {
  ENTER();
  --current;
  *context = &state();
  return Success;
}

STUB int cuModuleLoadDataEx(void **module, const void *image, unsigned count,
                            int *options, void **values) {
  ENTER();
  auto logged = [&](const char *text) {
    char *log = nullptr;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == 5)
        log = static_cast<char *>(values[i]);
      if (options[i] == 6)
        bytes = reinterpret_cast<uintptr_t>(values[i]);
    }
    if (log)
      snprintf(log, bytes, "%s\nmore of it", text);
    return InvalidPtx;
  };
  if (const char *text = getenv("TM_STUB_FAIL_MODULE"))
    return logged(text);
  auto *bytes = static_cast<const char *>(image);
  if (memcmp(bytes, "\x50\xed\x55\xba", 4) != 0 && !strstr(bytes, ".target"))
    return InvalidImage;
  std::unique_ptr<Module> made;
  if (const char *path = getenv("TM_STUB_KERNELS")) {
    auto read = readKernels(path);
    if (!read)
      return logged(llvm::toString(read.takeError()).c_str());
    made = std::move(*read);
  } else {
    made = std::make_unique<Module>();
  }
  state().modules.insert(made.get());
  *module = made.release();
  return Success;
}
STUB int cuModuleUnload(void *module) {
  ENTER();
  return destroy(state().modules, module);
}
STUB int cuModuleGetFunction(void **function, void *module, const char *name) {
  ENTER();
  auto *from = static_cast<Module *>(module);
  if (from->emulator && !from->kernels.count(name))
    return NotFound;
  Module::Kernel &kernel = from->kernels[name];
  kernel.module = from;
  kernel.name = name;
  *function = &kernel;
  return Success;
}
STUB int cuFuncSetAttribute(void *function, int attribute, int value) {
  ENTER();
  if (attribute != 8)
    return InvalidValue;
  static_cast<Module::Kernel *>(function)->sharedLimit = value;
  return Success;
}

STUB int cuMemAlloc_v2(Address *address, size_t bytes) {
  ENTER();
  State &s = state();
  if (!bytes)
    return InvalidValue;
  if (s.memoryUsed + bytes > size_t(stubNumber("TM_STUB_MEMORY", 1L << 40)))
    return OutOfMemory;
  auto *data = static_cast<char *>(aligned_alloc(256, (bytes + 255) & ~255L));
  memset(data, 0xff, bytes);
  s.memory[data] = bytes;
  s.memoryUsed += bytes;
  *address = reinterpret_cast<Address>(data) | kTag;
  return Success;
}
STUB int cuMemFree_v2(Address address) {
  ENTER();
  State &s = state();
  auto found = s.memory.find(untag(address));
  if (!(address & kTag) || found == s.memory.end())
    return InvalidValue;
  for (Stream *stream : s.streams)
    if (int status = finish(stream))
      return status;
  s.memoryUsed -= found->second;
  free(found->first);
  s.memory.erase(found);
  return Success;
}
STUB int cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER();
  *memory = aligned_alloc(256, (bytes + 255) & ~255L);
  state().hostMemory[static_cast<char *>(*memory)] = bytes;
  return Success;
}
STUB int cuMemFreeHost(void *memory) {
  ENTER();
  if (!state().hostMemory.erase(static_cast<char *>(memory)))
    return InvalidValue;
  free(memory);
  return Success;
}
STUB int cuPointerGetAttribute(void *value, int attribute, Address address) {
  ENTER();
  if (attribute != 2 || !isDevice(address, 1))
    return InvalidValue;
  *static_cast<unsigned *>(value) = 2;
  return Success;
}
STUB int cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) {
  ENTER();
  return isDevice(to, bytes)
             ? copyNow(to, reinterpret_cast<Address>(from), bytes)
             : InvalidValue;
}
STUB int cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) {
  ENTER();
  return isDevice(from, bytes)
             ? copyNow(reinterpret_cast<Address>(to), from, bytes)
             : InvalidValue;
}

int mlir::transformer::test::enterStub(const char *function,
                                       bool needsContext) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  return enter(function, needsContext);
}
char *mlir::transformer::test::stubMemory(uint64_t address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  return isDevice(address, bytes) ? untag(address) : nullptr;
}

static Stream *streamOf(void *handle) {
  static Stream *standard = new Stream;
  return handle ? static_cast<Stream *>(handle) : standard;
}
STUB int cuMemcpyAsync(Address to, Address from, size_t bytes, void *stream) {
  ENTER();
  if (streamOf(stream)->capture)
    return CaptureUnsupported;
  streamOf(stream)->work.push_back([=] { return copyNow(to, from, bytes); });
  return Success;
}
STUB int cuStreamCreate(void **stream, unsigned) {
  ENTER();
  auto *made = new Stream;
  state().streams.insert(made);
  *stream = made;
  return Success;
}
STUB int cuStreamDestroy_v2(void *stream) {
  ENTER();
  return destroy(state().streams, stream);
}
STUB int cuStreamSynchronize(void *stream) {
  ENTER();
  if (streamOf(stream)->capture)
    return CaptureUnsupported;
  return finish(streamOf(stream));
}

thread_local bool mlir::transformer::test::startsEarly = false;

STUB int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z,
                        unsigned threads, unsigned threadsY, unsigned threadsZ,
                        unsigned shared, void *stream, void **arguments,
                        void **) {
  ENTER();
  auto *kernel = static_cast<Module::Kernel *>(function);
  if (!x || !y || z != 1 || y > 65535 || !threads || threads > 1024 ||
      threadsY != 1 || threadsZ != 1 || int(shared) > kernel->sharedLimit)
    return InvalidValue;
  Launch launch{kernel, x, y, threads, shared, startsEarly, {}};
  for (size_t i = 0; i < kernel->sizes.size(); ++i) {
    auto *value = static_cast<const char *>(arguments[i]);
    launch.arguments.emplace_back(value, value + kernel->sizes[i]);
  }
  streamOf(stream)->add([=] { return runLaunch(launch); });
  return Success;
}
/// For other libraries: work in a stream, and where an array lies.
STUB int tm_stub_enqueue(void *stream, int (*run)(void *), void *data,
                         size_t bytes) {
  ENTER();
  std::string copy(static_cast<char *>(data), bytes);
  streamOf(stream)->add([=]() mutable {
    state().lastKernel = nullptr;
    return run(copy.data());
  });
  return Success;
}
STUB void *tm_stub_memory(Address address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  return isDevice(address, bytes) ? untag(address) : nullptr;
}

STUB int cuStreamBeginCapture_v2(void *stream, int) {
  ENTER();
  if (!stream || streamOf(stream)->capture)
    return CaptureUnsupported;
  state().graphs.insert(streamOf(stream)->capture = new Graph);
  return Success;
}
STUB int cuStreamEndCapture(void *stream, void **graph) {
  ENTER();
  *graph = streamOf(stream)->capture;
  streamOf(stream)->capture = nullptr;
  return *graph ? Success : CaptureUnsupported;
}
STUB int cuGraphInstantiateWithFlags(void **executable, void *graph,
                                     unsigned long long) {
  ENTER();
  auto *made = new Graph(*static_cast<Graph *>(graph));
  state().graphs.insert(made);
  *executable = made;
  return Success;
}
STUB int cuGraphLaunch(void *executable, void *stream) {
  ENTER();
  auto *graph = static_cast<Graph *>(executable);
  streamOf(stream)->work.push_back([=] {
    state().lastKernel = nullptr;
    return runAll(graph->work);
  });
  return Success;
}
STUB int cuGraphDestroy(void *graph) {
  ENTER();
  return destroy(state().graphs, graph);
}
STUB int cuGraphExecDestroy(void *graph) {
  ENTER();
  return destroy(state().graphs, graph);
}
