//===- Transforms.h - what the passes do, as functions --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_TRANSFORMS_H
#define TRANSFORMER_TRANSFORMS_TRANSFORMS_H

#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// Binds every extern global of `module` to the tensor of its name in `file`.
/// Reports all that is missing or unfit. Gives the number of bound globals.
FailureOr<int64_t> loadWeights(ModuleOp module, StringRef file);

/// Writes all globals of `module` to `file` and makes them extern. Gives their
/// number; on failure neither the file nor the module has changed.
FailureOr<int64_t> saveWeights(ModuleOp module, StringRef file);

/// Activations into linears, residual sums into norms.
void populateFusePatterns(RewritePatternSet &patterns);

/// Drops the bias of a linear whose result is only the keys of attention.
LogicalResult dropKeyBias(RewriterBase &rewriter, LinearOp op);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_TRANSFORMS_H
