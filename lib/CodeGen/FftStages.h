//===- FftStages.h - a mixed-radix FFT over vector lanes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits two private functions into a module: one that fills a table of
// twiddle factors, and one complex FFT of any length in which every vector
// lane is a transform of its own.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_CODEGEN_FFTSTAGES_H
#define TRANSFORMER_CODEGEN_FFTSTAGES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {

/// Lane buffers are `memref<? x 2 x lanes x f32>`: element, real or imaginary
/// part, lane. Twiddle tables are `memref<? x 2 x f32>`: entry k of a table of
/// length n is exp(-2 pi i k / n).
MemRefType getFftBufferType(MLIRContext *context, int64_t lanes);
MemRefType getFftTwiddleType(MLIRContext *context);

/// `func @transformer_fft_twiddles(table, n)`: fills entries 0 to n - 1. Angles
/// are reduced by exact integer arithmetic, so entries are within 1 ulp.
func::FuncOp getOrEmitTwiddles(ModuleOp module);

/// `func @transformer_fft_<lanes>(x, y, twiddles, n) -> i1`: the FFT of n lane
/// elements in `x`, with `y` as scratch. Returns true where the result is in
/// `y`. A Stockham mixed-radix form (radix 4, 2, 3, 5, and the definition for
/// other primes), so there is no bit reversal and any n >= 1 is correct.
func::FuncOp getOrEmitFft(ModuleOp module, int64_t lanes);

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_FFTSTAGES_H
