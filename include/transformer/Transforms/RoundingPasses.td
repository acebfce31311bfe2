//===- RoundingPasses.td - passes that narrow numbers --*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_ROUNDINGPASSES_TD
#define TRANSFORMER_TRANSFORMS_ROUNDINGPASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerQuantizeI8 : Pass<"transformer-quantize-i8", "::mlir::ModuleOp"> {
  let summary = "Round linears and embedding tables to i8";
  let description = [{
    An f32 `transformer.linear` whose weight is known becomes an i8 one: the
    weight is rounded once, symmetric per output channel (`scale = max |row| /
    127`, `q = roundeven(row / scale)`), the input by `transformer.quantize` in
    each call, per token. Linears that share an input share its quantize.

    With a profile of the input (`profile=`, a profile.safetensors of the same
    checkpoint) the channels are multiplied before the rounding, and the columns
    of the weights divided, by `weightMax^(1 - smoothing) / rms^smoothing`,
    scaled to a geometric mean of 1, where `weightMax` is the largest weight of
    the column in all linears that share the input (Xiao et al., "SmoothQuant",
    2022, with the rms in place of the maximum). And what rounding the weights
    changes in the mean goes into the bias, unless `biases` is false. Without a
    profile the input is rounded plainly, and a remark says so.

    With `compensate` and a profile that has Gram matrices, the columns of a
    weight are rounded one after the other, and what each leaves is made up for
    by those after it, as far as the covariance of the input allows (Frantar et
    al., "GPTQ", 2022). With `bits` the grid of a weight is uniform, only as fine
    as an entropy coder can store in that many bits per weight on average
    (`--pack=entropy`), and finer in channels whose error cannot be made up for;
    `smoothing` is the exponent of that, and the same numbers multiply the input.
    All weights get the same relative error of their outputs.

    A table of `transformer.embedding` becomes i8 with a bf16 scale per row, unless
    `embeddings` is false. Unless `attention` is false, `transformer.attention` gets
    `products i8`. A weight that is a table and a linear's weight has one
    i8 form, and no smoothing. `skip` and `only` are regular expressions that are
    searched for in the module path. Each op that is left alone gets a remark
    with the reason.

    Example:

    ```mlir
    %w = arith.constant dense<[[1.0, -2.0], [0.5, 0.25]]> : tensor<2x2xf32>
    %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    // becomes
    %w = arith.constant dense<[[64, -127], [127, 64]]> : tensor<2x2xi8>
    %s = arith.constant dense<[0.0157480314, 0.00393700786]> : tensor<2xf32>
    %q, %t = transformer.quantize %x : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
    %y = transformer.linear %q, %w scales(%t, %s) activation gelu
        : (tensor<?x2xi8>, tensor<2x2xi8>, tensor<?xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"smoothing", "smoothing", "double", "0.5",
                        "exponent of the input's rms, 0 to 1; 0: no smoothing">,
                 Option<"compensate", "compensate", "bool", "false",
                        "whether rounding makes up for its errors; needs Gram matrices">,
                 Option<"bits", "bits", "double", "0",
                        "per weight on average, entropy coded; 0: 8-bit grids">,
                 Option<"embeddings", "embeddings", "bool", "true",
                        "whether tables are rounded">,
                 Option<"biases", "biases", "bool", "true",
                        "whether a profile's means correct the biases">,
                 Option<"attention", "attention", "bool", "true",
                        "whether attention multiplies i8 too">];
  let statistics = [Statistic<"numLinears", "linears", "linears rounded">,
                    Statistic<"numTables", "tables", "tables rounded">,
                    Statistic<"numAttentions", "attentions", "attention ops rounded">,
                    Statistic<"numLeft", "left", "ops left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerQuantizeI4 : Pass<"transformer-quantize-i4", "::mlir::ModuleOp"> {
  let summary = "Round weights to 4 bits in groups of 64, products to i8";
  let description = [{
    As `transformer-quantize-i8`, but the file and the memory have 4 bits of a
    weight: for models whose speed is that of reading the weights. The integers
    of -8 to 7 of each 64 columns of a row are multiplied by one of -15 to 15
    (`transformer.unpack_i4`), which gives integers of at most 120, and these by
    a scale per row: kernels unpack a weight on its way into the cache, and
    multiply i8. With the scale per row this is 4.1 to 4.3 bits per weight.

    A group's multiplier is the one with the least error, an error of a column
    counted by what its input carries, as far as a profile says so. With
    `compensate` and a profile that has Gram matrices, columns are rounded one
    after the other, and what each leaves is made up for by those after it
    (Frantar et al., "GPTQ", 2022). `smoothing` and `biases` are those of
    `transformer-quantize-i8`.

    Tables of `transformer.embedding` become 4 bits too, unless `embeddings` is
    false, and `transformer.attention` gets `products i8`, unless `attention` is
    false. `skip` and `only` are regular expressions that are searched for in the
    module path. Each op that is left alone gets a remark with the reason.

    Example:

    ```mlir
    %w = arith.constant dense<[[7.0, -3.5], [0.5, 0.25]]> : tensor<2x2xf32>
    %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    // becomes
    %p = arith.constant dense<[[8, 4, 0, 0], [8, 12, 0, 0]]> : tensor<2x4xi8>
    %m = arith.constant dense<-15> : tensor<2x1xi8>
    %s = arith.constant dense<[0.0583333336, 0.00416666688]> : tensor<2xf32>
    %w = transformer.unpack_i4 %p, %m : (tensor<2x4xi8>, tensor<2x1xi8>) -> tensor<2x2xi8>
    %q, %t = transformer.quantize %x : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
    %y = transformer.linear %q, %w scales(%t, %s)
        : (tensor<?x2xi8>, tensor<2x2xi8>, tensor<?xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"smoothing", "smoothing", "double", "0.5",
                        "exponent of the input's rms, 0 to 1; 0: no smoothing">,
                 Option<"compensate", "compensate", "bool", "true",
                        "whether rounding makes up for its errors; needs Gram matrices">,
                 Option<"embeddings", "embeddings", "bool", "true",
                        "whether tables are rounded">,
                 Option<"biases", "biases", "bool", "true",
                        "whether a profile's means correct the biases">,
                 Option<"attention", "attention", "bool", "true",
                        "whether attention multiplies i8">];
  let statistics = [Statistic<"numLinears", "linears", "linears rounded">,
                    Statistic<"numTables", "tables", "tables rounded">,
                    Statistic<"numAttentions", "attentions", "attention ops rounded">,
                    Statistic<"numLeft", "left", "ops left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerRoundToSize : Pass<"transformer-round-to-size", "::mlir::ModuleOp"> {
  let summary = "Round linears and tables to as many bits as a size allows";
  let description = [{
    For a size, in `max-bytes` or in the part `max-size` of what the weights take in
    f32, chooses between `transformer-quantize-i8` (where its 8 bits are small
    enough) and grids of fewer `bits`, behind `transformer-compress-embedding`, and
    runs them. The size is that of an entropy coded weight file
    (`--pack=entropy`), by bits per number, with scales, bases and what stays f32.

    Rounding to b bits loses 4^-b. Bits go where they save most of it per byte; what
    a table loses counts 0.12 of what linears lose, as is best for
    all-MiniLM-L6-v2. That is for lack of measurements: `transformer-mlir
    compress --max-size` measures the model itself, and narrows it too. Fewer than 8
    bits need a `profile` with Gram matrices. A size that takes fewer than 2 bits per
    weight, or 1 per number of tables, is refused with the least that there is. `skip`
    and `only` are regular expressions that are searched for in the module path.

    Example:

    ```mlir
    %w = arith.constant dense<[[1.0, -2.0], [0.5, 0.25]]> : tensor<2x2xf32>
    %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    // becomes with max-bytes=100, as by transformer-quantize-i8,
    %w = arith.constant dense<[[64, -127], [127, 64]]> : tensor<2x2xi8>
    ...
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"maxBytes", "max-bytes", "int64_t", "0",
                        "of the weight file, entropy coded">,
                 Option<"maxSize", "max-size", "double", "1",
                        "the same as a part of what the weights take in f32">];
  let statistics = [Statistic<"numLinears", "linears", "linears rounded">,
                    Statistic<"numLeft", "left", "ops left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerRoundBf16 : Pass<"transformer-round-bf16", "::mlir::ModuleOp"> {
  let summary = "Round the factors of linears to bf16";
  let description = [{
    An f32 `transformer.linear` whose weight is known becomes one of bf16 input and
    weight, both rounded to nearest even, with an f32 result: sums, biases,
    activations and all that is between the linears stay f32. Linears that share
    an input share its rounding. Tables of `transformer.embedding` become bf16,
    unless `embeddings` is false, and are widened behind it.
    Unless `attention` is false,
    `transformer.attention` gets `products bf16`. `skip` and `only` are
    regular expressions that are searched for in the module path. Each op that is
    left alone gets a remark with the reason.

    Example:

    ```mlir
    %w = arith.constant dense<[[1.0, 0.1]]> : tensor<1x2xf32>
    %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    // becomes
    %w = arith.constant dense<[[1.0, 1.000980e-01]]> : tensor<1x2xbf16>
    %n = arith.truncf %x : tensor<?x2xf32> to tensor<?x2xbf16>
    %y = transformer.linear %n, %w activation gelu : (tensor<?x2xbf16>, tensor<1x2xbf16>) -> tensor<?x1xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"embeddings", "embeddings", "bool", "true",
                        "whether tables are rounded">,
                 Option<"attention", "attention", "bool", "true",
                        "whether attention multiplies bf16 too">];
  let statistics = [Statistic<"numLinears", "linears", "linears rounded">,
                    Statistic<"numTables", "tables", "tables rounded">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerDequantize : Pass<"transformer-dequantize", "::mlir::ModuleOp"> {
  let summary = "Make a model of i8 or bf16 one of f32";
  let description = [{
    The way back from `transformer-quantize-i8`, `transformer-round-bf16` and
    `transformer-compress-embedding`: weights are multiplied by the scales of their rows
    and the multipliers of their columns, inputs are not rounded any more, and
    attention multiplies f32. A linear that turns the rows of a rounded table into
    another basis goes into the table. What rounding has changed in the weights stays;
    the structure (widths, heads, factors) is that of the model as it is. So a model
    can be tuned, and rounded again.

    Example:

    ```mlir
    %w = arith.constant dense<[[2, 4]]> : tensor<1x2xi8>
    %ws = arith.constant dense<0.5> : tensor<1xf32>
    %q, %s = transformer.quantize %x : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
    %y = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x2xi8>, tensor<1x2xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    // becomes
    %w = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
    %y = transformer.linear %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    ```
  }];
  let statistics = [Statistic<"numLinears", "linears", "linears that are f32 again">,
                    Statistic<"numTables", "tables", "tables that are f32 again">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerUnpackWeights : Pass<"transformer-unpack-weights", "::mlir::ModuleOp"> {
  let summary = "Make weights of 4 bits i8";
  let description = [{
    A `transformer.unpack_i4` of known numbers becomes an i8 weight, for what has no
    kernels that unpack as they go: GPUs. The results of a model stay the same to
    the last bit.

    Example:

    ```mlir
    %p = arith.constant dense<[[8, 4, 0, 0]]> : tensor<1x4xi8>
    %m = arith.constant dense<-15> : tensor<1x1xi8>
    %w = transformer.unpack_i4 %p, %m : (tensor<1x4xi8>, tensor<1x1xi8>) -> tensor<1x2xi8>
    // becomes
    %w = arith.constant dense<[[120, -60]]> : tensor<1x2xi8>
    ```
  }];
  let statistics = [Statistic<"numUnpacked", "unpacked", "weights unpacked">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

#endif // TRANSFORMER_TRANSFORMS_ROUNDINGPASSES_TD
