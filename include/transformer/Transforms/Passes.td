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

def TransformerPackInputs : Pass<"transformer-pack-inputs", "::mlir::ModuleOp"> {
  let summary = "Take token-major inputs and offsets instead of a dense batch and its mask";
  let description = [{
    Makes of a dense model what the importer makes of a checkpoint. `@forward` has an
    argument with `transformer.input = "attention_mask"`, `[batch, length]`: 1 for
    tokens, 0 for padding. **Each row of it must be ones, then zeros**: nothing in
    the IR says so, who runs the pass does. It goes, and `offsets` come; inputs with
    a row per token, such as `input_ids`, become `[tokens]` of i32, and results with
    one `[tokens, hidden]`, marked `transformer.rows = "tokens"`. The model takes
    batches of any number of sequences then, each as long as it is, whatever sizes
    the types said, and `transformer-compile --passes=transformer-pack-inputs`
    compiles it for CPUs and GPUs. `transformer-unpad` does the same inside of a
    function whose signature stays.

    All of the model has to be packed: attention and pooling by this mask (or `arith.cmpi
    ne` of it and 0), pooling of the first token, and what works on each token alone.
    Position ids are a constant whose rows count up from one number, and become
    `transformer.positions`. Where the length of sequences is known it is the model's
    `max_length`, and the rows of tables are the `transformer.limit` of ids, unless these
    are given. What cannot be packed is an error that names the op. Without that
    input, or with offsets already, nothing is done and a remark says so.

    Example:

    ```mlir
    func.func @forward(%x: tensor<2x5x8xf32> {transformer.input = "features"},
                       %m: tensor<2x5xi1> {transformer.input = "attention_mask"}) -> tensor<2x8xf32> {
      %s = transformer.pool mean %x mask(%m) : (tensor<2x5x8xf32>, tensor<2x5xi1>) -> tensor<2x8xf32>
      return %s : tensor<2x8xf32>
    }
    // becomes
    func.func @forward(%x: tensor<?x8xf32> {transformer.input = "features"},
                       %offsets: tensor<?xi32> {transformer.input = "offsets"})
        -> (tensor<?x8xf32> {transformer.rows = "sequences"}) {
      %s = transformer.pool mean %x offsets(%offsets) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
      return %s : tensor<?x8xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numPacked", "packed", "ops packed">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
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

def TransformerCutPositions : Pass<"transformer-cut-positions", "::mlir::ModuleOp"> {
  let summary = "Keep the positions of shorter input only";
  let description = [{
    A table that `transformer.positions` is looked up in keeps the rows of the
    first `max-length` positions, and `max_length` of the module's
    `transformer.model` becomes that number: a compiled model refuses longer
    input with it. What shorter input gives does not change. Without `max-length` the
    number is the `max_seq_length` of a sentence-transformers checkpoint, to which its
    tokenizer cuts text anyway. Tables that something else reads too stay, with a
    remark.

    Example:

    ```mlir
    module attributes {transformer.model = {max_length = 512 : i64, sentence_length = 256 : i64}} {
      func.func @forward(%offsets: tensor<?xi32>, %tokens: index) -> tensor<?x8xf32> {
        %table = arith.constant dense<1.0> : tensor<512x8xf32>
        %ids = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
        %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<512x8xf32>) -> tensor<?x8xf32>
        return %x : tensor<?x8xf32>
      }
    }
    // becomes a module of max_length = 256 with a table of tensor<256x8xf32>
    ```
  }];
  let options = [Option<"maxLength", "max-length", "int64_t", "0",
                        "tokens of the longest input; 0: the checkpoint's max_seq_length">];
  let statistics = [Statistic<"numPositions", "positions", "positions dropped">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerCompressEmbedding : Pass<"transformer-compress-embedding", "::mlir::ModuleOp"> {
  let summary = "Keep embedding tables as small integers in their principal basis";
  let description = [{
    The rows of a table, less their mean and times the weight of the norm behind
    it, are turned into the basis of their principal components and rounded to
    one uniform grid, only as fine as an entropy coder (`--pack=entropy`) can
    store in `bits` per number. Most columns are then so quiet that they need
    few. The model looks up the integers and multiplies them by the basis, which
    is i8 with a scale per channel; that the basis is rounded costs nothing,
    because the integers are chosen for the rounded one. At 3 bits the loss is
    that of a table of groups of 64 with 4 bits and a scale each (4.25 bits).

    Left alone are tables that are not f32, that a linear or several ops read,
    or that have fewer than four rows per column, where the basis would cost
    what the grid saves. `skip` and `only` are regular expressions that are
    searched for in the module path. No profile is needed.

    Example:

    ```mlir
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<30522x384xf32>) -> tensor<?x384xf32>
    // becomes, with constants in place of %integers, %step, %basis, %mean and %scales
    %z = transformer.embedding %ids, %integers scales(%step) : (tensor<?xi32>, tensor<30522x384xi8>, tensor<1xf32>) -> tensor<?x384xf32>
    %q, %s = transformer.quantize %z scale(%step0) : (tensor<?x384xf32>, tensor<f32>) -> (tensor<?x384xi8>, tensor<?xf32>)
    %x = transformer.linear %q, %basis bias %mean scales(%s, %scales)
        : (tensor<?x384xi8>, tensor<384x384xi8>, tensor<384xf32>, tensor<?xf32>, tensor<384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"bits", "bits", "double", "3",
                        "per number, entropy coded, 0.5 to 7">];
  let statistics = [Statistic<"numTables", "tables", "tables compressed">,
                    Statistic<"numLeft", "left", "tables left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerInstrument : Pass<"transformer-instrument", "::mlir::ModuleOp"> {
  let summary = "Observe the inputs of linears, for a profile";
  let description = [{
    Puts a `transformer.observe` before the linears of f32 rows (`[tokens,
    channels]`), one for each input; its site is the module path of the first
    linear that reads it. Normal builds erase it; a build for a profile hands the
    rows to who runs the model (`transformer-emit-observe`). With `norms` the
    input of a norm that alone reads such a linear is observed too, its residual
    added, as `<site>/layer_norm` or `<site>/rms_norm`: the Gram matrix of the
    linear's input then weighs each token by one over its variance (or mean
    square), because that is how the norm scales an error. `skip` and `only` are
    regular expressions that are searched for in the module path.

    Example:

    ```mlir
    %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("pooler.dense")
    // becomes
    transformer.observe %x site "pooler.dense" : tensor<?x4xf32>
    %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32> loc("pooler.dense")
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"norms", "norms", "bool", "false",
                        "whether the inputs of norms behind linears are observed">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let statistics = [Statistic<"numSites", "sites", "inputs observed">];
}

include "transformer/Transforms/FitPasses.td"
include "transformer/Transforms/RoundingPasses.td"

#endif // TRANSFORMER_TRANSFORMS_PASSES_TD
