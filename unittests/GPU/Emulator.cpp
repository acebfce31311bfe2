//===- Emulator.cpp - device kernels on this machine's CPU ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Halves.h"
#include "Machine.h"

#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/TargetSelect.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir::transformer::test;

namespace {
constexpr size_t kStack = 256 << 10;
// Descriptors of products have the low 18 bits of addresses.
char *const sharedMemory =
    static_cast<char *>(std::aligned_alloc(kShared, kShared));

} // namespace

Machine mlir::transformer::test::machine;

bool Machine::isShared(const char *at) const {
  return at >= sharedMemory && at < sharedMemory + kShared;
}

bool Machine::accessGlobal(const char *at, int bytes, bool isWrite, int lane,
                           GlobalMemory::Known known) {
  for (const Emulator::Memory &memory : emulator->memory)
    if (at >= memory.data && at + bytes <= memory.data + memory.bytes) {
      if (isWrite && !memory.isWritable)
        report("write to read-only memory");
      emulator->global.access(at, bytes, isWrite, lane, known,
                              [&](const char *what) { report(what); });
      return true;
    }
  report("access out of bounds");
  return false;
}

/// Looks for races of a lane's access to bytes of shared memory.
void Machine::note(const char *at, int bytes, bool isWrite, int lane) {
  int numWarps = lanes.size() / 32, warp = lane / 32;
  const BlockOrder::Clock &known = order.of(warp);
  const Touch now = {lane, order.now()};
  Shadow *s = &shadow[at - sharedMemory];
  Touch *readers = &reads[(at - sharedMemory) * numWarps];
  auto isRace = [&](const Touch &touch, int other) {
    return touch.lane != lane && touch.when >= known[other];
  };
  for (int i = 0; i < bytes; ++i, ++s, readers += numWarps) {
    if (s->isInFlight)
      report("access to bytes whose copy was not waited for");
    if (s->write.lane >= 0 && isRace(s->write, s->write.lane / 32))
      report("race");
    if (isWrite) {
      for (int other = 0; other < numWarps; ++other)
        if (isRace(readers[other], other))
          report("race");
      s->write = now;
      continue;
    }
    bool isAlone = !isRace(readers[warp], warp);
    readers[warp] = {isAlone ? lane : kSeveral, now.when};
  }
}

bool Machine::access(const char *at, int bytes, int align, bool isWrite,
                     int lane) {
  if (reinterpret_cast<uintptr_t>(at) % align)
    report("misaligned access");
  if (!isShared(at))
    return accessGlobal(at, bytes, isWrite, lane, emulator->global.known(lane));
  if (at + bytes > sharedMemory + sharedBytes) {
    report("access out of shared memory");
    return false;
  }
  note(at, bytes, isWrite, lane);
  async.access(at, bytes, isWrite, lane);
  return true;
}

void Machine::land(const Copy &copy, int lane) {
  // Until now the bytes could have been any that were written there.
  if (copy.count)
    accessGlobal(copy.from, copy.count, false, lane,
                 emulator->global.known(lane));
  for (int i = 0; i < 16; ++i) {
    copy.to[i] = i < copy.count ? copy.from[i] : 0;
    Shadow &s = shadow[copy.to + i - sharedMemory];
    s.isInFlight = false;
    s.write = {lane, order.now()};
  }
}

void Machine::waitCopies(int pending) {
  Lane &lane = lanes[current];
  while (int(lane.groups.size()) > pending) {
    for (const Copy &copy : lane.groups.front())
      land(copy, current);
    lane.groups.erase(lane.groups.begin());
  }
}

/// Fragments as the PTX manual lays them out, in registers of 32 bits.
template <typename Number, typename Sum, int PerRegister, typename Convert>
static void multiply(llvm::MutableArrayRef<Lane> lanes, Convert convert) {
  constexpr int K = 8 * PerRegister;
  struct Arguments {
    Number a[4][PerRegister], b[2][PerRegister];
    Sum c[4];
  };
  static Sum a[16][K], b[K][8], c[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    auto &x = *static_cast<const Arguments *>(lanes[lane].arguments);
    int group = lane / 4, in = lane % 4;
    for (int r = 0; r < 4; ++r)
      for (int e = 0; e < PerRegister; ++e)
        a[group + 8 * (r % 2)][PerRegister * (in + 4 * (r / 2)) + e] =
            convert(x.a[r][e]);
    for (int r = 0; r < 2; ++r)
      for (int e = 0; e < PerRegister; ++e)
        b[PerRegister * (in + 4 * r) + e][group] = convert(x.b[r][e]);
    for (int r = 0; r < 4; ++r)
      c[group + 8 * (r / 2)][2 * in + r % 2] = x.c[r];
  }
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < K; ++k)
      for (int j = 0; j < 8; ++j)
        c[i][j] += a[i][k] * b[k][j];
  for (int lane = 0; lane < 32; ++lane)
    for (int r = 0; r < 4; ++r)
      static_cast<Sum *>(lanes[lane].result)[r] =
          c[lane / 4 + 8 * (r / 2)][2 * (lane % 4) + r % 2];
}

static void loadMatrices(llvm::MutableArrayRef<Lane> lanes, bool transposed,
                         int first) {
  uint16_t rows[4][8][8];
  for (int i = 0; i < 32; ++i) {
    auto *at = *static_cast<const char *const *>(lanes[i].arguments);
    if (!machine.isShared(at)) {
      machine.report("ldmatrix outside of shared memory");
      memset(rows[i / 8][i % 8], 0xff, 16);
      continue;
    }
    machine.access(at, 16, 16, false, first + i);
    memcpy(rows[i / 8][i % 8], at, 16);
  }
  for (int i = 0; i < 32; ++i)
    for (int m = 0; m < 4; ++m)
      for (int e = 0; e < 2; ++e) {
        int g = i / 4, q = 2 * (i % 4) + e;
        static_cast<uint16_t *>(lanes[i].result)[2 * m + e] =
            transposed ? rows[m][q][g] : rows[m][g][q];
      }
}

static void shuffle(llvm::MutableArrayRef<Lane> lanes) {
  struct Arguments {
    int mask;
    uint32_t value;
    int distance, clamp;
  };
  auto at = [&](int i) {
    return static_cast<const Arguments *>(lanes[i].arguments);
  };
  uint32_t values[32];
  for (int i = 0; i < 32; ++i) {
    if (at(i)->mask != -1 || at(i)->clamp != 31)
      machine.report("shuffle of a part of the warp");
    values[i] = at(i ^ at(i)->distance)->value;
  }
  for (int i = 0; i < 32; ++i)
    *static_cast<uint32_t *>(lanes[i].result) = values[i];
}

/// A bit of each lane, in all of them.
static void ballot(llvm::MutableArrayRef<Lane> lanes) {
  struct Arguments {
    int mask;
    bool condition;
  };
  uint32_t bits = 0;
  for (int i = 0; i < 32; ++i) {
    auto *at = static_cast<const Arguments *>(lanes[i].arguments);
    if (at->mask != -1)
      machine.report("vote of a part of the warp");
    bits |= uint32_t(at->condition) << i;
  }
  for (Lane &lane : lanes)
    *static_cast<uint32_t *>(lane.result) = bits;
}

/// Products: all lanes of four warps.
bool Machine::runWarpgroup(int first) {
  const void *arguments[128];
  void *results[128];
  for (int i = 0; i < 128; ++i) {
    if (first % 128 || first + i >= int(lanes.size()))
      return false;
    Lane &lane = lanes[first + i];
    if (lane.state != Lane::AtWarpOp || lane.id != lanes[first].id)
      return false;
    arguments[i] = lane.arguments, results[i] = lane.result;
  }
  async.multiply(first, lanes[first].op == DeviceOp::MultiplyRegisters,
                 arguments, results);
  for (int i = 0; i < 128; ++i)
    lanes[first + i].state = Lane::Ready;
  return true;
}

/// If all lanes of a warp have come to an instruction that they do together.
bool Machine::runWarp(int first) {
  llvm::MutableArrayRef<Lane> warp(&lanes[first], 32);
  for (Lane &lane : warp)
    if (lane.state != Lane::AtWarpOp)
      return false;
  for (Lane &lane : warp)
    if (lane.id != warp[0].id) {
      report("divergence");
      return false;
    }
  auto same = [](auto x) { return x; };
  switch (warp[0].op) {
  case DeviceOp::MultiplyRows:
  case DeviceOp::MultiplyRegisters:
    return runWarpgroup(first);
  case DeviceOp::FenceProducts:
  case DeviceOp::CommitProducts:
  case DeviceOp::WaitProducts:
  case DeviceOp::WaitSums:
    for (int i = 0; i < 32; ++i)
      async.runProducts(warp[0].op, first + i, warp[i].arguments,
                        warp[i].result);
    break;
  case DeviceOp::Shuffle:
    shuffle(warp);
    break;
  case DeviceOp::Ballot:
    ballot(warp);
    break;
  case DeviceOp::LoadMatrices:
  case DeviceOp::LoadMatricesTransposed:
    loadMatrices(warp, warp[0].op == DeviceOp::LoadMatricesTransposed, first);
    break;
  case DeviceOp::MultiplyF16:
    multiply<uint16_t, float, 2>(warp, fromF16);
    break;
  case DeviceOp::MultiplyBf16:
    multiply<uint16_t, float, 2>(warp, fromBf16);
    break;
  default:
    multiply<int8_t, int32_t, 4>(warp, same);
  }
  for (Lane &lane : warp)
    lane.state = Lane::Ready;
  return true;
}

bool Machine::runPhases() {
  bool isOver = async.takePhaseEnds();
  for (Lane &lane : lanes)
    if (isOver && lane.state == Lane::AtPhase)
      lane.state = Lane::Ready;
  return isOver;
}

bool Machine::runReady() {
  bool any = false;
  int count = lanes.size();
  for (int i = 0; i < count; ++i) {
    current = emulator->isDescending ? count - 1 - i : i;
    if (lanes[current].state != Lane::Ready)
      continue;
    any = true;
    swapcontext(&scheduler, &lanes[current].context);
  }
  return any;
}

static void runLane() {
  Machine &m = machine;
  m.kernel(m.arguments);
  m.lanes[m.current].state = Lane::Done;
  swapcontext(&m.lanes[m.current].context, &m.scheduler);
}

bool Machine::runBlock(int64_t threads) {
  lanes.resize(threads);
  order.begin(threads / 32);
  barriers.begin(threads);
  std::fill_n(shadow.begin(), sharedBytes, Shadow());
  // Those of another block say nothing, wherever they are: they are older.
  reads.resize(std::max<size_t>(reads.size(), sharedBytes * (threads / 32)));
  memset(sharedMemory, 0xff, sharedBytes);
  emulator->global.beginBlock(threads);
  async.begin(sharedMemory, sharedBytes, threads, *emulator);
  for (Lane &lane : lanes) {
    if (!lane.stack)
      lane.stack.reset(new char[kStack]);
    lane.state = Lane::Ready;
    lane.groups.clear(), lane.open.clear();
    getcontext(&lane.context);
    lane.context.uc_stack.ss_sp = lane.stack.get();
    lane.context.uc_stack.ss_size = kStack;
    lane.context.uc_link = &scheduler;
    makecontext(&lane.context, runLane, 0);
  }
  for (;;) {
    bool any = runReady();
    for (int64_t first = 0; first < threads; first += 32)
      any |= runWarp(first);
    any |= barriers.run();
    any |= runPhases();
    // A copy comes when nothing else happens.
    if (any || async.deliver())
      continue;
    for (Lane &lane : lanes)
      if (lane.state != Lane::Done) {
        report("deadlock");
        return false;
      }
    for (Lane &lane : lanes) {
      bool isOpen = !lane.open.empty();
      for (auto &group : lane.groups)
        isOpen |= !group.empty();
      if (isOpen)
        report("copy that was never waited for");
    }
    async.finish();
    return true;
  }
}

extern "C" void transformerSum(uint32_t bits);
extern "C" void transformerAccess(char *at, int bytes, int align, int isWrite) {
  machine.access(at, bytes, align, isWrite, machine.current);
}

static void copyAsync(Lane &lane, const void *arguments) {
  struct Arguments {
    char *to;
    const char *from;
    int count;
  };
  auto &x = *static_cast<const Arguments *>(arguments);
  if (x.count)
    machine.access(x.from, x.count, 16, false, machine.current);
  if (!machine.isShared(x.to))
    return machine.report("copy to outside of shared memory");
  machine.access(x.to, 16, 16, true, machine.current);
  if (x.to + 16 > sharedMemory + machine.sharedBytes)
    return;
  memset(x.to, 0xff, 16);
  for (int i = 0; i < 16; ++i)
    machine.shadow[x.to + i - sharedMemory].isInFlight = true;
  lane.open.push_back({x.to, x.from, x.count});
}

extern "C" void transformerEmulate(int op, void *result, const void *arguments,
                                   int id) {
  Lane &lane = machine.lanes[machine.current];
  lane.op = DeviceOp(op), lane.id = id;
  lane.result = result, lane.arguments = arguments;
  switch (lane.op) {
  case DeviceOp::ThreadIndex:
    *static_cast<int *>(result) = machine.current;
    break;
  case DeviceOp::BlockX:
    *static_cast<int *>(result) = machine.blockX;
    break;
  case DeviceOp::BlockY:
    *static_cast<int *>(result) = machine.blockY;
    break;
  case DeviceOp::GridX:
    *static_cast<int *>(result) = machine.gridX;
    break;
  case DeviceOp::LetNextStart:
    machine.emulator->global.letNextStart(machine.current);
    break;
  case DeviceOp::WaitForLaunches:
    machine.emulator->global.waitForLaunches(machine.current);
    break;
  case DeviceOp::Exp2:
    *static_cast<float *>(result) =
        std::exp2(*static_cast<const float *>(arguments));
    break;
  case DeviceOp::Reciprocal:
    *static_cast<float *>(result) = 1 / *static_cast<const float *>(arguments);
    break;
  case DeviceOp::CopyAsync:
    copyAsync(lane, arguments);
    break;
  case DeviceOp::Commit:
    lane.groups.push_back(std::move(lane.open));
    lane.open.clear();
    break;
  case DeviceOp::Wait:
    machine.waitCopies(*static_cast<const int *>(arguments));
    break;
  case DeviceOp::Barrier:
  case DeviceOp::BarrierOfSome:
  case DeviceOp::ArriveAtBarrier:
    machine.wait(Lane::AtBarrier);
    break;
  case DeviceOp::CopyBox:
  case DeviceOp::InitBarrier:
  case DeviceOp::Arrive:
  case DeviceOp::ArriveExpecting:
  case DeviceOp::FenceAsynchronous:
    machine.async.run(lane.op, machine.current, arguments);
    break;
  case DeviceOp::TryWait:
    if (!machine.async.isOver(arguments))
      machine.wait(Lane::AtPhase);
    *static_cast<bool *>(result) =
        machine.async.tryWait(machine.current, arguments);
    break;
  default:
    machine.wait(Lane::AtWarpOp);
  }
}

llvm::Expected<std::unique_ptr<Emulator>>
Emulator::create(std::unique_ptr<llvm::Module> code,
                 std::unique_ptr<llvm::LLVMContext> context, Mutation mutation,
                 Mutable *counts) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Less);
  builder->getOptions().AllowFPOpFusion = llvm::FPOpFusion::Strict;
  auto jit =
      llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(*builder).create();
  if (!jit)
    return jit.takeError();
  code->setTargetTriple((*jit)->getTargetTriple());
  code->setDataLayout((*jit)->getDataLayout());
  Mutable count;
  if (llvm::Error error = retarget(*code, mutation, count)) {
    code.reset(); // before its context
    return std::move(error);
  }
  if (counts)
    *counts = count;
  llvm::orc::SymbolMap symbols;
  auto define = [&](const char *name, void *address) {
    symbols[(*jit)->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(address),
        llvm::JITSymbolFlags::Exported};
  };
  define("tm_shared", sharedMemory);
  define("transformerAccess", reinterpret_cast<void *>(transformerAccess));
  define("transformerEmulate", reinterpret_cast<void *>(transformerEmulate));
  define("transformerSum", reinterpret_cast<void *>(transformerSum));
  // x86 code rounds to bf16 by a function of compiler-rt, by this name.
  define("__truncsfbf2", reinterpret_cast<void *>(toBf16));
  if (llvm::Error error =
          (*jit)->getMainJITDylib().define(llvm::orc::absoluteSymbols(symbols)))
    return std::move(error);
  if (llvm::Error error = (*jit)->addIRModule(
          llvm::orc::ThreadSafeModule(std::move(code), std::move(context))))
    return std::move(error);
  auto result = std::make_unique<Emulator>();
  result->alteration = mutation.alteration;
  result->jit = std::move(*jit);
  return result;
}

void Emulator::launch(const std::string &kernel, std::vector<void *> arguments,
                      int64_t gridX, int64_t gridY, int64_t threads,
                      int64_t sharedBytes, bool overlaps) {
  auto symbol = jit->lookup("run." + kernel);
  if (!symbol) {
    ++reports[llvm::toString(symbol.takeError())];
    return;
  }
  machine.emulator = this;
  machine.kernel = symbol->toPtr<void (*)(void **)>();
  machine.arguments = arguments.data();
  machine.sharedBytes = sharedBytes, machine.gridX = gridX;
  global.beginLaunch(overlaps);
  for (machine.blockY = 0; machine.blockY < gridY; ++machine.blockY)
    for (machine.blockX = 0; machine.blockX < gridX; ++machine.blockX)
      if (!machine.runBlock(threads))
        return;
  global.endLaunch();
}
