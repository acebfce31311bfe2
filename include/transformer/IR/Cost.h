//===- Cost.h - what an op computes and touches ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations and bytes of ops, from their types. What depends on the call is
// kept as coefficients, so that costs of ops add up before the call is known.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_IR_COST_H
#define TRANSFORMER_IR_COST_H

#include "mlir/IR/Operation.h"

#include <array>

namespace mlir::transformer {

/// A call: so many sequences, of so many tokens each.
struct Workload {
  int64_t sequences = 1, tokens = 128;
};

/// A number that grows with the call.
struct Amount {
  double fixed = 0, perSequence = 0, perToken = 0;
  /// Of a query and a key, and of n log2(n) for the tokens n of a sequence.
  double perPair = 0, perTransform = 0;

  double of(const Workload &workload) const;
};
Amount operator+(const Amount &a, const Amount &b);
Amount operator*(double factor, const Amount &a);

/// What factors of products, or values of other arithmetic, are.
enum class Arithmetic { F32, BF16, I8 };
constexpr int kArithmetics = 3;

/// A multiplication and an addition are two operations. Elementwise functions
/// count as the instructions that they are expanded to.
struct Cost {
  std::array<Amount, kArithmetics> operations; // by Arithmetic
  /// Bytes of weights, read once per call, and of rows, read and written once
  /// per op.
  Amount weights, rows;

  double operationsOf(const Workload &workload) const;
  double bytesOf(const Workload &workload) const;
  Cost &operator+=(const Cost &other);

  /// All coefficients in a row, and back.
  static constexpr int64_t kNumbers = 5 * (kArithmetics + 2);
  SmallVector<double> numbers() const;
  static Cost fromNumbers(ArrayRef<double> numbers);
};

/// The cost of one op of the transformer dialect, or of elementwise arithmetic
/// between them; nothing for all others. Dynamic row counts are those of
/// tokens, or of sequences behind a `pool`.
Cost costOf(Operation *op);

} // namespace mlir::transformer

#endif // TRANSFORMER_IR_COST_H
