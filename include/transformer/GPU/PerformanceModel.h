//===- PerformanceModel.h - how long a launch should take -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A roofline per launch: the larger of bytes over bandwidth and operations over
// what the units that do them reach, where the blocks leave multiprocessors
// idle divided by the part that works. It knows nothing of latencies, caches
// (every argument is read or written once) and clocks below the nominal one, so
// it is a bound: for comparing tiles, and for a measured time to be held
// against. Williams, Waterman and Patterson, "Roofline", 2009.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_GPU_PERFORMANCEMODEL_H
#define TRANSFORMER_GPU_PERFORMANCEMODEL_H

#include "transformer/GPU/Cubin.h"
#include "transformer/GPU/LaunchTable.h"
#include "transformer/IR/Cost.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::transformer::gpu {

struct Chip;

/// What a multiprocessor has, and what all of them reach, as NVIDIA states it.
struct ChipRates {
  StringRef product;
  int64_t multiprocessors, registers, sharedBytes, threads, blocks;
  double bytesPerSecond;
  /// Operations per second (a multiply-add is two) of mma.sync with f16 or
  /// bf16; i8 takes half the time. Of wgmma, where there is that. Of f32
  /// without tensor cores.
  double tensor, wgmma, plain;
};
const ChipRates &ratesOf(const Chip &chip);

/// What is assumed, and in no data sheet: how long a launch takes that has next
/// to nothing to do.
inline constexpr double kLaunchSeconds = 2.5e-6;
/// The roofline, of so many blocks that do as much each.
double rooflineSeconds(double bytes, double operations, double peak,
                       int64_t blocks, const ChipRates &rates);

/// All launches of one kernel in one call.
struct KernelEstimate {
  std::string kernel, family;
  LaunchShape shape;
  int64_t launches = 0;
  int64_t blocks = 0; // of one launch
  /// What can be on one multiprocessor at once; of registers only where the
  /// machine code is known. 0: more than it has is asked for.
  int64_t resident = 0;
  double operations = 0, bytes = 0, seconds = 0; // of all launches
  StringRef limit; // "tensor cores", "f32" or "memory"

  int64_t waves(const ChipRates &rates) const {
    int64_t slots = std::max<int64_t>(resident, 1) * rates.multiprocessors;
    return (blocks + slots - 1) / slots;
  }
};

/// The kernels of `module`, which transformer-to-nvvm has made for `chip`, in
/// the order of their first launches. `code`: of a cubin; empty: not known.
FailureOr<std::vector<KernelEstimate>>
estimate(ModuleOp module, const Chip &chip, Workload batch,
         ArrayRef<KernelCode> code,
         llvm::function_ref<InFlightDiagnostic()> emitError);

/// As a table for people.
void printEstimate(ArrayRef<KernelEstimate> kernels, const Chip &chip,
                   Workload batch, ArrayRef<KernelCode> code, raw_ostream &os);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_PERFORMANCEMODEL_H
