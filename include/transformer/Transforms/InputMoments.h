//===- InputMoments.h - what fits know of a linear's input ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_INPUTMOMENTS_H
#define TRANSFORMER_TRANSFORMS_INPUTMOMENTS_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Support/Profile.h"

namespace mlir::transformer {

struct InputMoments {
  Matrix covariance;
  std::vector<double> mean;
  /// Whether a profile has them; otherwise they follow from weights alone.
  bool isMeasured = false;
  /// Where they come from, to be said in a remark.
  std::string source;

  /// E[x x^T], not about the mean.
  Matrix secondMoments() const;
};

/// Of the input of `op`: what `profile` (null: there is none) has measured, or
/// what follows from the weights before it if norms give independent normal
/// channels: exactly for norms and linears, by samples of `seed` behind an
/// activation, and for attention as if all heads looked at one same token.
/// Where nothing is known, channels are independent with variance 1.
InputMoments momentsOf(LinearOp op, const Profile *profile, uint64_t seed);

/// How much each output of `op` matters, as factors of its error: where a norm
/// alone reads it (behind residual sums), the factor of the norm times what the
/// linears that read the norm make of the channel, and at least a quarter of
/// the mean; otherwise empty, which stands for 1.
std::vector<double> outputMetric(LinearOp op);

/// The same of any `value`, by the factor of the norm alone.
std::vector<double> normMetric(Value value);

/// Makes `profile` describe the model in which the linear at `path` reads
/// basis^T x in place of x, if it has that linear.
void changeInput(Profile &profile, StringRef path, const Matrix &basis);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_INPUTMOMENTS_H
