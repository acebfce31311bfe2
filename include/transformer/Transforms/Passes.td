//===- Passes.td - Transforms passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_PASSES_TD
#define TRANSFORMER_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerFoldWeights : Pass<"transformer-fold-weights", "::mlir::ModuleOp"> {
  let summary = "Compute what depends on weights only, once, at compile time";
  let description = [{
    Folds `arith.extf`, `linalg.transpose`, `tensor.extract_slice`,
    `tensor.collapse_shape` and `tensor.expand_shape` of bound weights (and of
    constants) into new weights. What only changes the shape shares the bytes of
    the old weight. The importer makes such ops where a checkpoint stores its
    weights in another type or layout than the dialect's: f16 and bf16, GPT-2's
    transposed products, the patch convolution of Vision Transformers. Extern
    weights are left alone, because their values are not known.

    Example:

    ```mlir
    %w = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
    %e = tensor.empty() : tensor<3x2xf32>
    %t = linalg.transpose ins(%w : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) permutation = [1, 0]
    // becomes
    %t = arith.constant dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>
    ```
  }];
  let statistics = [Statistic<"numFolded", "folded", "ops computed">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::ml_program::MLProgramDialect"];
}

#endif // TRANSFORMER_TRANSFORMS_PASSES_TD
