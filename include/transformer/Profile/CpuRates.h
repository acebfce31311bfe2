//===- CpuRates.h - what this CPU can do at most --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_CPURATES_H
#define TRANSFORMER_PROFILE_CPURATES_H

#include "transformer/CodeGen/Target.h"
#include "transformer/IR/Cost.h"

namespace mlir::transformer {

/// Per second, of one core.
struct CpuRates {
  std::array<double, kArithmetics> operations = {}; // by Arithmetic
  /// Of weights, and of rows, which the kernels keep in the second cache.
  double weights = 0, rows = 0;
  /// Whether the operations were measured by a loop of the level's own
  /// instructions on registers. Otherwise this CPU has not got them, and the
  /// rate is two instructions in each cycle of its clock.
  bool measured = false;

  /// The least seconds that `cost` takes: those of its operations or, if they
  /// are more, those of its bytes.
  double secondsOf(const Cost &cost, const Workload &workload) const;
  /// Takes the rates of `other` that are higher.
  void raiseTo(const CpuRates &other);
};

/// Takes a tenth of a second. Weights are read from an array of `weightsBytes`,
/// so that the cache that would hold them counts.
CpuRates measureRates(const Target &target, uint64_t weightsBytes);

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_CPURATES_H
