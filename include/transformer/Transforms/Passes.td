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

def TransformerUnpad : Pass<"transformer-unpad", "::mlir::func::FuncOp"> {
  let summary = "Turn dense ops with a padding mask into packed ones";
  let description = [{
    Works on functions of one block in which `transformer.attention` or
    `transformer.pool` has a mask `[batch, keys]` of i1. **Each row of the mask
    must be ones, then zeros**: nothing in the IR says so, who runs the pass does.
    Offsets are computed from the mask; the tokens of dense inputs are gathered;
    the ops between run packed; and what is returned, or read by an op that stays
    dense, is scattered back, with zeros in place of padding.

    Packed are: attention whose keys have this mask and whose queries are of the
    same batch; pooling with this mask, or of the first token; and what works on
    each token alone (linear, norms, elementwise ops of any dialect, embedding,
    rope, quantize, dequantize, unpool). Ops that let the padding influence the
    tokens (fft_mix, token_mix, attention and pooling without the mask) stay
    dense. The numbers of the tokens are the same as before; those of the padding
    become zeros, and the first token of an empty sequence pools to zeros.

    A mask of another type is compared to zero first (`arith.cmpi`); run
    `cse` before this pass when that is done more than once.

    Example:

    ```mlir
    func.func @f(%x: tensor<?x?x8xf32>, %m: tensor<?x?xi1>) -> tensor<?x8xf32> {
      %y = transformer.attention %x, %x, %x mask(%m) {num_heads = 2, num_kv_heads = 2}
          : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x?x8xf32>
      %z = transformer.gelu %y : tensor<?x?x8xf32>
      %s = transformer.pool mean %z mask(%m) : (tensor<?x?x8xf32>, tensor<?x?xi1>) -> tensor<?x8xf32>
      return %s : tensor<?x8xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numConverted", "converted", "ops packed">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def TransformerFuse : Pass<"transformer-fuse"> {
  let summary = "Fuse activations into linears, sums into norms, Q, K and V into one";
  let description = [{
    An activation op goes into the `transformer.linear` before it, and an
    `arith.addf` into the `layer_norm` or `rms_norm` after it, if nothing else
    reads what is between them. The importer writes models in this form; graphs
    from elsewhere get it here. f16 and bf16 are left alone, because they round
    between the ops.

    The linears that make the queries, keys and values of one attention op from
    one input become one, whose columns the op reads, unless `projections` is
    false: one product, and one factor for `transformer-factorize-svd`. It needs
    their weights loaded. The CPU lowering gains nothing by it, because it
    computes the three side by side on rows in the nearest cache anyway.

    Example:

    ```mlir
    %y = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %z = transformer.gelu %y : tensor<?x4xf32>
    %s = arith.addf %z, %x : tensor<?x4xf32>
    %n = transformer.layer_norm %s, %g {epsilon = 1.0e-5 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // becomes
    %z = transformer.linear %x, %w bias %b activation gelu
        : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %n = transformer.layer_norm %z, %g residual(%x) {epsilon = 1.0e-5 : f32}
        : (tensor<?x4xf32>, tensor<4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let options = [Option<"projections", "projections", "bool", "true",
                        "whether Q, K and V become one linear">];
  let statistics = [Statistic<"numFused", "fused", "ops fused">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect",
                           "::mlir::tensor::TensorDialect"];
}

def TransformerFreeze : Pass<"transformer-freeze", "::mlir::ModuleOp"> {
  let summary = "Drop parameters that change no result";
  let description = [{
    The bias of a linear whose result is only the keys of attention adds the same
    number, query times bias, to every score of a query, and softmax does not see
    it: the bias goes. In exact arithmetic nothing changes; in f32 the last bits
    may. A key that goes through `rope` keeps its bias, because that turns it
    differently at each position. The bias of the values reaches every row of the
    result unchanged, because the weights of a query sum to one: it goes through
    the output linear into its bias, unless a row may see no key. Then weights
    that nothing reads go.

    Example:

    ```mlir
    %k = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %y = transformer.attention %x, %k, %x offsets(%o) {num_heads = 2, num_kv_heads = 2}
        : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    // %k becomes
    %k = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
  let statistics = [Statistic<"numBiases", "biases", "key and value biases dropped">,
                    Statistic<"numWeights", "weights", "unread weights dropped">];
}

#endif // TRANSFORMER_TRANSFORMS_PASSES_TD
