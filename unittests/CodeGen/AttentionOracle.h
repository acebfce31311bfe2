//===- AttentionOracle.h - attention in double precision ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_CODEGEN_ATTENTIONORACLE_H
#define TRANSFORMER_UNITTESTS_CODEGEN_ATTENTIONORACLE_H

#include "KernelTesting.h"

namespace mlir::transformer::test {

/// One head of one sequence: rows of `stride` floats.
struct AttentionData {
  std::string products;
  float scale;
  int64_t depth, width, rows, keys, stride;
  const float *q, *k, *v;
  bool causal = false;
  /// [rows, keys], or null.
  const float *bias = nullptr;
};

/// What a value should be, and how far from it a kernel may end: f32 rounding,
/// and a step of a rounded weight where the exact one is close to a tie.
struct Expected {
  double value = 0, tolerance = 0;
};

/// The row `i` of the result, by the definition of the op.
std::vector<Expected> attentionRow(const AttentionData &data, int64_t i);

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_CODEGEN_ATTENTIONORACLE_H
