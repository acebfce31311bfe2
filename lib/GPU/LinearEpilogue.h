//===- LinearEpilogue.h - what follows the sums of a product --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_LINEAREPILOGUE_H
#define TRANSFORMER_LIB_GPU_LINEAREPILOGUE_H

#include "DeviceBuilder.h"

namespace mlir::transformer::gpu {

/// The arguments of a linear kernel, and what is done to a sum before it is
/// stored: scales of i8 factors, bias, activation, residual, in this order.
class LinearEpilogue {
public:
  using Values = DeviceBuilder::Values;

  LinearEpilogue(DeviceBuilder &b, const KernelSpec &spec);

  Value input, weight, output, rows;
  /// Of a pair of products: the first one's factor, with its scales and those
  /// of inputs, and what rounds its results.
  Value down, downBias, downInputScales, downScales, multiplier, givenScale;

  /// The left factor's scales are at `scales`, from row `first` on.
  void takeScales(Value scales, Value first) {
    inputScales = scales, firstScale = first;
  }

  /// Stores results (row, column), (row, column + 1) ... that exist.
  void finish(ArrayRef<Value> sums, Value row, Value column);
  /// Stores blocks of 16 x 8 results beside each other, as mma and wgmma leave
  /// them: this lane has four of each, from (row, column) and (row + 8,
  /// column). Not beyond `rows`, nor, if `hasTail`, beyond the last column.
  /// What results are made of besides is loaded `atOnce` times, then used.
  void finishBlocks(ArrayRef<Value> sums, Value row, Value column, bool hasTail,
                    int64_t atOnce);

private:
  /// What is beside sums for some neighbouring results, as vectors; null: none.
  struct Others {
    Value weightScales, bias, residual;
  };
  Others load(Value row, Value column, int64_t count);
  Value scaleOf(Value row);
  Values results(ArrayRef<Value> sums, Value scale, const Others &others);
  void store(ArrayRef<Value> values, Value row, Value column);
  Values exchanged(ArrayRef<Value> here, ArrayRef<Value> next, Value isOdd);

  DeviceBuilder &b;
  const KernelSpec &spec;
  Value bias, inputScales, weightScales, residual, firstScale;
};

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_LINEAREPILOGUE_H
