//===- Patterns.h - transformer ops to linalg, by family ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function adds the patterns of one family of ops. The row-wise families
// give 2-D linalg ops with one row per token, which tile and fuse over rows:
// - a linear is a fill, a contraction (m, k), (n, k) -> (m, n) on the logical
//   weight, and one elementwise op for scales, bias and activation;
// - a norm is one reduction per statistic and one elementwise op.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_CONVERSION_PATTERNS_H
#define TRANSFORMER_CONVERSION_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// linear.
void populateLinearToLinalgPatterns(RewritePatternSet &patterns);
/// gelu, gelu_tanh, relu, silu, tanh.
void populateActivationToLinalgPatterns(RewritePatternSet &patterns);
/// layer_norm, rms_norm, l2_normalize.
void populateNormToLinalgPatterns(RewritePatternSet &patterns);
/// quantize, dequantize.
void populateQuantizeToLinalgPatterns(RewritePatternSet &patterns);
/// embedding, positions.
void populateEmbeddingToLinalgPatterns(RewritePatternSet &patterns);
/// rope.
void populateRopeToLinalgPatterns(RewritePatternSet &patterns);
/// attention, decomposed.
void populateAttentionToLinalgPatterns(RewritePatternSet &patterns);
/// fft_mix, token_mix.
void populateMixingToLinalgPatterns(RewritePatternSet &patterns);
/// pool, unpool.
void populatePoolToLinalgPatterns(RewritePatternSet &patterns);
/// patches, prepend.
void populateImageToLinalgPatterns(RewritePatternSet &patterns);

/// The families whose row t needs row t of the operands only.
void populateTokenWiseToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_PATTERNS_H
