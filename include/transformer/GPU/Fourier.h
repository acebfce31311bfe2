//===- Fourier.h - how GPUs mix tokens by Fourier transforms --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A transform of real rows is a product with a matrix of cosines and one of
// sines. cos(-a) = cos(a) and sin(-a) = -sin(a) halve both sides of it: numbers
// from both ends of a row are added or subtracted first, which are the even and
// the odd half of the row, and frequencies above width / 2 repeat those below.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_GPU_FOURIER_H
#define TRANSFORMER_GPU_FOURIER_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::transformer::gpu {

/// Sizes of what the transform of rows of `width` numbers goes through.
struct FourierShape {
  explicit FourierShape(int64_t width);

  int64_t width;
  int64_t half;      // frequencies from 0 on that are below width / 2
  int64_t columns;   // as many, in whole 16 bytes
  int64_t evenDepth; // numbers of the even half of a row, the same
  int64_t oddDepth;  // of the odd half
  int shift;         // results are smaller by 2^shift, so that none overflows
  /// Whether width / 2 is a frequency too. Its cosines are 1, -1, 1, ... and
  /// its sines zeros; it travels in place of the sines of frequency 0.
  bool hasLast() const { return width % 2 == 0; }
};

struct ChipRates;
/// From how many tokens on a sequence is faster through cuFFT, by a model of
/// costs that docs/gpu.md states; 0: not up to `longest`, or that is 0.
/// `element` is what activations are stored as.
int64_t fftFrom(int64_t width, Type element, const ChipRates &rates,
                int64_t longest);

/// What "cosines WIDTH" and "sines WIDTH" stand for: matrices [columns,
/// evenDepth] and [columns, oddDepth], by rows; and "turns THETA CHANNELS",
/// what rope turns its pairs by; their sizes. Empty, or 0, for other names.
std::vector<double> constantNumbers(llvm::StringRef name);
int64_t constantSize(llvm::StringRef name);
/// The same as numbers of a type of floats, as they lie in memory.
std::string constantBytes(llvm::StringRef name, Type element);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_FOURIER_H
