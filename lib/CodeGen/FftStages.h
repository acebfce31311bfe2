//===- FftStages.h - a mixed-radix FFT over vector lanes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One Stockham stage of radix r on data of current length c = r * m with
// stride s (c * s = n), for p in 0..m, k in 0..r, q in 0..s:
//
//   y[q + s (r p + k)] = w_n^(p k s) * sum_j w_r^(j k) x[q + s (p + m j)]
//
// (decimation in frequency). Then c becomes m and s becomes s r; x and y swap.
// There is no bit reversal, and any n from 1 on is correct.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_FFTSTAGES_H
#define TRANSFORMER_LIB_CODEGEN_FFTSTAGES_H

#include "FftLanes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace mlir::transformer {

/// Where a first stage finds the elements of several transforms at once:
/// points 0..n-1 of transform g.
struct FftSource {
  std::function<Complex(Value g, Value point)> load;
  std::function<void(Value g, Value point)> prefetch;
  std::function<void(Complex z, Value g, Value point)> store;
};

class FftStages {
public:
  FftStages(FftLanes &e, ModuleOp module) : e(e), module(module) {}

  /// `func @transformer_fft_twiddles_<lanes>(table, n)`: fills a table for n,
  /// which has room for the next multiple of the lanes. Angles are reduced by
  /// exact arithmetic, so that entries are within 1 ulp.
  func::FuncOp getOrEmitTwiddles();

  /// A constant table.
  Value constantTable(int64_t n);

  /// `func @transformer_fft_<lanes>(x, a, b, spare, table, n, c) -> buffer`:
  /// the stages from current length c on, of n elements in `x`: the first to
  /// `a`, the next to `b` and so on in turns; `x` may be `b`. The result is the
  /// buffer of the last stage. `spare` has room for n elements.
  func::FuncOp getOrEmitFft();

  /// The same for an n and c that are known when compiling.
  func::FuncOp getOrEmitFft(int64_t n, int64_t c);

  /// A first stage from elsewhere, of `count` transforms of length n, which may
  /// be constant. Returns the current length after it: n itself where no
  /// fixed radix divides n, and elements were only stored.
  Value firstStage(const FftSource &source, Value count, Value table, Value n);
  int64_t lengthAfterFirst(int64_t n);

  /// A private function with an empty entry block.
  func::FuncOp declare(std::string name, TypeRange inputs, TypeRange results);

private:
  FftLanes &e;
  ModuleOp module;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_FFTSTAGES_H
