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

def TransformerLoadWeights : Pass<"transformer-load-weights", "::mlir::ModuleOp"> {
  let summary = "Bind extern weights to a weight file";
  let description = [{
    Gives every `ml_program.global` that is extern the value of the tensor of its
    name. `file` is a `.safetensors` file, a `*.safetensors.index.json`, or a
    directory of a checkpoint or compiled model. The file is mapped, not read: it
    must stay as it is while the compiler runs. All tensors that are missing or
    have another element type or shape are reported at once. Tensors that no
    global asks for are ignored.

    Example:

    ```mlir
    ml_program.global private @"pooler.dense.bias"(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
    // with file=model.safetensors becomes
    ml_program.global private @"pooler.dense.bias"(dense_resource<"pooler.dense.bias"> : tensor<2xf32>) : tensor<2xf32>
    ```
  }];
  let options = [Option<"file", "file", "std::string", "\"\"",
                        "weight file, index or directory">];
  let statistics = [Statistic<"numBound", "bound", "weights bound">];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect"];
}

def TransformerSaveWeights : Pass<"transformer-save-weights", "::mlir::ModuleOp"> {
  let summary = "Write the weights to a file and make them extern";
  let description = [{
    Writes every `ml_program.global` to a `.safetensors` file, in the order of the
    module, and leaves extern globals behind, so that the module can be printed
    without its numbers and `transformer-load-weights` brings them back. The file
    appears when it is whole; it may be the one that the weights came from. A
    global whose numbers are not known is an error.

    Example:

    ```mlir
    ml_program.global private @"pooler.dense.bias"(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
    // with file=new.safetensors becomes
    ml_program.global private @"pooler.dense.bias"(#ml_program.extern : tensor<2xf32>) : tensor<2xf32>
    ```
  }];
  let options = [Option<"file", "file", "std::string", "\"\"",
                        "the .safetensors file to write">];
  let statistics = [Statistic<"numSaved", "saved", "weights written">];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect"];
}

#endif // TRANSFORMER_TRANSFORMS_PASSES_TD
