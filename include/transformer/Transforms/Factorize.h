//===- Factorize.h - linears as two of lower rank -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_FACTORIZE_H
#define TRANSFORMER_TRANSFORMS_FACTORIZE_H

#include "transformer/Support/LowRank.h"
#include "transformer/Transforms/InputMoments.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// Linears of one input, which share the first factor.
struct FactorGroup {
  SmallVector<LinearOp> linears;
  /// Whether the first factor has an identity block.
  bool pivoted = false;
  int64_t inputs() const;
  int64_t outputs() const; // of all of them
  /// The numbers that the factors hold (with an identity block: and the indices
  /// of its inputs), and those of the weights as they are.
  int64_t numbersOf(int64_t rank) const;
  int64_t numbers() const { return inputs() * outputs(); }
  /// The largest rank that makes them fewer.
  int64_t mostRank() const;
};

/// What every rank of a group loses, and its factors.
llvm::Expected<LowRank> factorsOf(const FactorGroup &group,
                                  const InputMoments &moments,
                                  const LowRankOptions &options);

/// Puts a linear of `rank` outputs (with an identity block: the sum of chosen
/// inputs and a linear of the others) before those of `group`, which read it
/// from then on, with biases for the mean. Gives the error of the f32 factors,
/// as a part of the variance of the outputs, and describes the new model in
/// `profile` (null: none).
FailureOr<double> factorize(RewriterBase &rewriter, FactorGroup &group,
                            const LowRank &factors, int64_t rank,
                            const InputMoments &moments, Profile *profile);

struct FactorizeSvdOptions {
  Profile *profile = nullptr;
  const ModuleFilter *filter = nullptr;
  /// One of them: the rank, the part of the variance to keep or to lose, the
  /// part of the numbers to keep, or the bytes of all weights of the linears.
  std::optional<int64_t> rank, maxBytes;
  std::optional<double> energy, error, ratio;
  bool share = true; // queries, keys and values
  bool pivoted = false;
  int64_t multiple = 8;
  LowRankOptions fit;
};

struct FactorizeSvdResult {
  int64_t factorized = 0, left = 0; // linears
  int64_t before = 0, after = 0;    // numbers of all candidates
};

llvm::Expected<FactorizeSvdResult>
factorizeSvd(ModuleOp module, const FactorizeSvdOptions &options);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_FACTORIZE_H
