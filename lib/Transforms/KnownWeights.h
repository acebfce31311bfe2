//===- KnownWeights.h - weights as matrices, and their exchange -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_KNOWNWEIGHTS_H
#define TRANSFORMER_LIB_TRANSFORMS_KNOWNWEIGHTS_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Support/LinearAlgebra.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// Why `op` is no f32 linear of finite known weight and bias (or none) that
/// nothing else reads, so that it may change; empty if it is.
StringRef whyNotChanged(LinearOp op);

/// The numbers of a known f32 vector. The caller has checked that it is one.
std::vector<double> vectorOf(Value bias);
/// Of the bias of `op`; zeros if there is none.
std::vector<double> biasOf(LinearOp op);

/// `bias` of `weight`, so that outputs keep their mean when `fresh` multiplies
/// basisT x in its place and x has the mean `mean`.
std::vector<double> refittedBias(std::vector<double> bias, const Matrix &weight,
                                 const Matrix &fresh, const Matrix &basis,
                                 ArrayRef<double> mean);

/// A weight of other shape and numbers in place of `old`, whose only reader is
/// the op at the insertion point: under the same name. The caller makes that op
/// read it, then erases the load or constant that `old` is.
Value exchangeWeight(RewriterBase &rewriter, Value old, ArrayRef<int64_t> shape,
                     ArrayRef<float> values);

/// A linear in place of `op`, with other numbers; `input` null: the same one.
/// The bias goes where there was none only if it is not zero.
LinearOp exchangeLinear(RewriterBase &rewriter, LinearOp op, Value input,
                        const Matrix &weight, ArrayRef<double> bias);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_KNOWNWEIGHTS_H
