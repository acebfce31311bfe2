//===- KernelTesting.h - what tests of kernels share ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_CODEGEN_KERNELTESTING_H
#define TRANSFORMER_UNITTESTS_CODEGEN_KERNELTESTING_H

#include "Emulate.h"
#include "KernelJit.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

namespace mlir::transformer::test {

inline std::vector<float> randoms(size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(engine);
  return values;
}

/// Whether this is the slow suite, which may take minutes.
inline bool isThorough() { return std::getenv("TRANSFORMER_ALL_LEVELS"); }

/// The levels that this machine runs, and the best one, emulated if need be.
/// All of them in the slow suite.
inline std::vector<Target> testedTargets(bool all = false) {
  std::string error;
  std::vector<Target> targets;
  all |= isThorough();
  for (StringRef name : supportedTargets()) {
    Target target = *lookupTarget(name, error);
    if (all || targets.empty() || isRunnable(target))
      targets.push_back(target);
  }
  return targets;
}

inline std::unique_ptr<KernelJit> jitOf(StringRef text, const Target &target) {
  auto jit = KernelJit::create(text, target);
  EXPECT_TRUE(static_cast<bool>(jit)) << llvm::toString(jit.takeError());
  return jit ? std::move(*jit) : nullptr;
}

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_CODEGEN_KERNELTESTING_H
