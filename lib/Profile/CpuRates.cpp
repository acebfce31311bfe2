//===- CpuRates.cpp - loops on registers, and reads of memory -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops have a dozen independent chains: as many as it takes for none to
// wait for itself with two instructions per cycle.
//===----------------------------------------------------------------------===//
#include "transformer/Profile/CpuRates.h"

#include "llvm/ADT/STLExtras.h"

#include <chrono>
#include <numeric>
#include <vector>

using namespace mlir;
using namespace mlir::transformer;

double CpuRates::secondsOf(const Cost &cost, const Workload &workload) const {
  double compute = 0;
  for (int i = 0; i < kArithmetics; ++i)
    if (double count = cost.operations[i].of(workload))
      compute += count / operations[i];
  return std::max(compute, cost.weights.of(workload) / weights +
                               cost.rows.of(workload) / rows);
}

void CpuRates::raiseTo(const CpuRates &other) {
  for (auto [own, more] : llvm::zip(operations, other.operations))
    own = std::max(own, more);
  weights = std::max(weights, other.weights);
  rows = std::max(rows, other.rows);
}

static double now() {
  auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

/// The shortest of many times: others share the CPU, and its clock changes.
template <typename Body> static double shortest(Body body) {
  double best = 1e9;
  for (int i = 0; i < 25; ++i) {
    double start = now();
    body();
    best = std::min(best, now() - start);
  }
  return best;
}

constexpr int64_t kRounds = 5000, kChains = 12;

namespace {
/// A loop, and the operations of one of its chains in a round.
struct Loop {
  void (*run)(int64_t rounds) = nullptr;
  double operations = 0;
};
} // namespace

#define FIRST(I) I("0") I("1") I("2") I("3")
#define SECOND(I) I("4") I("5") I("6") I("7")
#define THIRD(I) I("8") I("9") I("10") I("11")
#define CHAINS(I) FIRST(I) SECOND(I) THIRD(I)

#if defined(__x86_64__)

#define LOOP(name, start, I, end)                                              \
  static void name(int64_t rounds) {                                           \
    asm volatile(start "1:\n" CHAINS(I) "dec %0\n"                             \
                                        "jnz 1b\n" end                         \
                 : "+r"(rounds)                                                \
                 :                                                             \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",       \
                   "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",  \
                   "xmm13", "xmm14", "xmm15");                                 \
  }
#define AVX(name, I) LOOP(name, "vzeroall\n", I, "vzeroupper\n")
#define ZERO(i) "xorps %%xmm" i ", %%xmm" i "\n"

#define MULADD_XMM(i) "mulps %%xmm15, %%xmm" i "\naddps %%xmm14, %%xmm" i "\n"
#define PMADD_XMM(i)                                                           \
  "movdqa %%xmm15, %%xmm13\npmaddwd %%xmm14, %%xmm13\n"                        \
  "paddd %%xmm13, %%xmm" i "\n"
#define FMA_YMM(i) "vfmadd231ps %%ymm15, %%ymm14, %%ymm" i "\n"
#define PMADD_YMM(i)                                                           \
  "vpmaddwd %%ymm15, %%ymm14, %%ymm13\nvpaddd %%ymm13, %%ymm" i ", %%ymm" i "\n"
#define DOT_YMM(i) "%{vex%} vpdpbusd %%ymm15, %%ymm14, %%ymm" i "\n"
#define FMA_ZMM(i) "vfmadd231ps %%zmm15, %%zmm14, %%zmm" i "\n"
#define BF16_ZMM(i) "vdpbf16ps %%zmm15, %%zmm14, %%zmm" i "\n"
#define DOT_ZMM(i) "vpdpbusd %%zmm15, %%zmm14, %%zmm" i "\n"

LOOP(muladdXmm, CHAINS(ZERO) ZERO("14") ZERO("15"), MULADD_XMM, "")
LOOP(pmaddXmm, CHAINS(ZERO) ZERO("14") ZERO("15"), PMADD_XMM, "")
AVX(fmaYmm, FMA_YMM)
AVX(pmaddYmm, PMADD_YMM)
AVX(dotYmm, DOT_YMM)
AVX(fmaZmm, FMA_ZMM)
AVX(bf16Zmm, BF16_ZMM)
AVX(dotZmm, DOT_ZMM)

static void clock(int64_t rounds) {
  int64_t value = 3;
  asm volatile("1:\n"
               "imul %1, %1\nimul %1, %1\nimul %1, %1\nimul %1, %1\n"
               "dec %0\n"
               "jnz 1b\n"
               : "+r"(rounds), "+r"(value)
               :
               : "cc");
}
/// Four multiplications, of three cycles each on all CPUs of these levels.
constexpr double kClockCycles = 12;

static Loop loopOf(const Target &target, Arithmetic arithmetic) {
  if (!target.isX86())
    return {};
  double lanes = target.lanes;
  bool wide = target.lanes == 16;
  if (arithmetic == Arithmetic::I8) {
    if (target.vnni)
      return {wide ? dotZmm : dotYmm, 8 * lanes};
    return {target.lanes == 8 ? pmaddYmm : pmaddXmm, 4 * lanes};
  }
  if (arithmetic == Arithmetic::BF16 && target.bf16)
    return {bf16Zmm, 4 * lanes};
  if (!target.fma)
    return {muladdXmm, 2 * lanes};
  return {wide ? fmaZmm : fmaYmm, 2 * lanes};
}

#elif defined(__aarch64__)

#define LOOP(attributes, name, I)                                              \
  attributes static void name(int64_t rounds) {                                \
    asm volatile("movi v14.4s, #0\nmovi v15.4s, #0\n" CHAINS(                  \
                     ZERO) "1:\n" CHAINS(I) "subs %0, %0, #1\nb.ne 1b\n"       \
                 : "+r"(rounds)                                                \
                 :                                                             \
                 : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", \
                   "v9", "v10", "v11", "v13", "v14", "v15");                   \
  }
#define ZERO(i) "movi v" i ".4s, #0\n"
#define FMA(i) "fmla v" i ".4s, v14.4s, v15.4s\n"
#define MULL(i) "smull v13.8h, v14.8b, v15.8b\nsadalp v" i ".4s, v13.8h\n"
#define DOT(i) "sdot v" i ".4s, v14.16b, v15.16b\n"
LOOP(, fma, FMA)
LOOP(, mull, MULL)
LOOP(__attribute__((target("dotprod"))), dot, DOT)

static void clock(int64_t rounds) {
  asm volatile("1:\n"
               "subs %0, %0, #1\n"
               "b.ne 1b\n"
               : "+r"(rounds)
               :
               : "cc");
}
constexpr double kClockCycles = 1;

static Loop loopOf(const Target &target, Arithmetic arithmetic) {
  if (target.isX86())
    return {};
  if (arithmetic != Arithmetic::I8)
    return {fma, 8};
  return target.dotprod ? Loop{dot, 32} : Loop{mull, 16};
}

#endif

/// What two instructions per cycle do, in operations.
static double perCycle(const Target &target, Arithmetic arithmetic) {
  double lanes = target.lanes;
  if (arithmetic == Arithmetic::I8)
    return 2 * lanes * (target.vnni || target.dotprod ? 8 : 2);
  if (arithmetic == Arithmetic::BF16 && target.bf16)
    return 2 * lanes * 4;
  return 2 * lanes * (target.fma ? 2 : 1);
}

static double bytesPerSecond(uint64_t workingSet) {
  size_t count = std::clamp<uint64_t>(workingSet, 1 << 17, 1 << 27) / 8;
  std::vector<uint64_t> values(count, 1);
  volatile uint64_t sink = 0;
  double seconds = shortest([&] {
    sink = sink + std::accumulate(values.begin(), values.end(), uint64_t(0));
  });
  return 8.0 * count / seconds;
}

CpuRates transformer::measureRates(const Target &target,
                                   uint64_t weightsBytes) {
  CpuRates rates;
  rates.measured = runsHere(target);
  rates.weights = bytesPerSecond(weightsBytes);
  rates.rows = bytesPerSecond(0);
  double cycles = kClockCycles * kRounds / shortest([] { clock(kRounds); });
  for (int i = 0; i < kArithmetics; ++i) {
    auto arithmetic = static_cast<Arithmetic>(i);
    Loop loop = loopOf(target, arithmetic);
    if (rates.measured && loop.run)
      rates.operations[i] = loop.operations * kChains * kRounds /
                            shortest([&] { loop.run(kRounds); });
    else
      rates.operations[i] = cycles * perCycle(target, arithmetic);
  }
  return rates;
}
