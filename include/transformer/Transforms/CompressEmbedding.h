//===- CompressEmbedding.h - tables in their principal basis --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_COMPRESSEMBEDDING_H
#define TRANSFORMER_TRANSFORMS_COMPRESSEMBEDDING_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

struct CompressedTable {
  double bits = 0;  // per number, entropy coded
  double error = 0; // of the variance of the rows, in the norm's metric
};

/// Why the table of `op` stays as it is; empty if a basis pays for it.
std::string whyNotCompressed(EmbeddingOp op);

/// Looks rows up as integers in their principal basis; see the pass
/// transformer-compress-embedding.
FailureOr<CompressedTable> compressEmbedding(RewriterBase &rewriter,
                                             EmbeddingOp op, double bits);

struct CompressEmbeddingResult {
  int64_t tables = 0, left = 0;
};

/// All tables of a module, with a remark for each.
CompressEmbeddingResult
compressEmbeddings(ModuleOp module, const ModuleFilter &filter, double bits);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_COMPRESSEMBEDDING_H
