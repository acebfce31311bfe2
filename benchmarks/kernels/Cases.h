//===- Cases.h - what the kernel benchmark runs ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A case is text of kernel ops, emitted by the compiler's passes in process,
// and data to run it on.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_BENCHMARKS_KERNELS_CASES_H
#define TRANSFORMER_BENCHMARKS_KERNELS_CASES_H

#include "KernelJit.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace mlir::transformer::bench {

/// Loops on registers whose rates the shares are taken of.
enum class Peak { Fma, Bf16, Vnni };
constexpr int kPeaks = 3;

using Run = std::function<void()>;

struct Case {
  std::string name, text;
  Peak peak = Peak::Fma;
  double operations = 0;
  /// Looks the code up once and returns what runs it on the case's data.
  std::function<Run(test::KernelJit &)> bind;
  /// What it is timed beside, if anything, and how many times as long that
  /// should take going by the operations (0: nothing is expected).
  std::string against;
  std::function<Run(test::KernelJit &)> bindAgainst;
  double expected = 0;
};

/// Null for a case that this target or build has not.
using Maybe = std::optional<Case>;

/// `numbers` and `kind` are what stands behind the name, as in
/// "contract:32x384x1536:gelu".
Maybe contractCase(ArrayRef<int64_t> numbers, StringRef kind,
                   const Target &target);
Maybe attentionCase(ArrayRef<int64_t> numbers, StringRef kind,
                    const Target &target);
Maybe lowRankCase(ArrayRef<int64_t> numbers, StringRef kind,
                  const Target &target);
Maybe fftCase(ArrayRef<int64_t> numbers, StringRef kind, const Target &target);

/// Text of `func.func @peak(%out: memref<?xf32>, %n: index)`, n times a dozen
/// independent operations; empty where the target has none such.
std::string peakText(Peak peak, const Target &target);
/// What one round of the loop counts as.
double peakOperations(Peak peak, const Target &target);

template <typename T> std::shared_ptr<std::vector<T>> filled(size_t count) {
  auto values = std::make_shared<std::vector<T>>(count);
  for (size_t i = 0; i < count; ++i) {
    double value = (i * 7919 % 64) / 64.0 - 0.5;
    // 16 bits stand for bf16, whose zeros and ones do.
    if constexpr (std::is_same_v<T, uint16_t>)
      (*values)[i] = i * 7919 % 64 < 32 ? 0 : 0x3f80;
    else if constexpr (std::is_integral_v<T>)
      (*values)[i] = static_cast<T>(value * 250);
    else
      (*values)[i] = static_cast<T>(value);
  }
  return values;
}

/// 64-byte-aligned, as the workspace of a compiled model is.
struct Floats {
  explicit Floats(size_t count)
      : data(static_cast<float *>(
                 std::aligned_alloc(64, (count * 4 + 127) / 64 * 64)),
             std::free) {
    for (size_t i = 0; i < count; ++i)
      data.get()[i] = (i * 7919 % 64) / 64.0f - 0.5f;
  }
  std::shared_ptr<float> data;
};

} // namespace mlir::transformer::bench

#endif // TRANSFORMER_BENCHMARKS_KERNELS_CASES_H
