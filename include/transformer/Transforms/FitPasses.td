//===- FitPasses.td - passes that fit weights by least squares -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_FITPASSES_TD
#define TRANSFORMER_TRANSFORMS_FITPASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerNarrowFfn : Pass<"transformer-narrow-ffn", "::mlir::ModuleOp"> {
  let summary = "Drop neurons between two linears, and refit the second one";
  let description = [{
    Of a linear with an activation and the linear that alone reads it, neurons
    are dropped: rows of the first weight, columns of the second. What is left
    of the second weight, and its bias, are fitted anew by least squares, so that
    its output changes as little as it can.

    With C, the covariance of the neurons (`profile=`, a profile.safetensors with
    Gram matrices), and the kept neurons S the new weight is `W C_:S C_SS^-1` and
    the bias takes the change of the mean. Neurons go one by one, each time the
    one whose loss, with all others fitted anew, adds the least error (backward
    elimination; Hassibi and Stork, "Optimal Brain Surgeon", 1993). Where a layer
    norm follows, outputs weigh by its factor times what the linears that read it
    make of the channel (at least a quarter of the mean), and tokens as the profile
    weighs them. `damping` of the mean variance pulls the fit to the old weights.

    How narrow: `width` neurons, the part `keep`, or as few as lose at most
    `max-error` of the variance of the output; rounded up to `multiple`. `widths` is
    a list "regex:width,..." that goes first for the pairs whose path it matches.

    Without a profile the neurons' covariance is that of random inputs (`seed`) with
    the mean and variance that the norm before the pair gives them: far better than the
    size of weights, not as good as a profile. The remark says which it was.
    `save-profile` writes the profile of the narrowed model for the passes that follow.

    Example:

    ```mlir
    // Neurons 0 and 1 are the same.
    %w = arith.constant dense<[[1.0, 2.0], [1.0, 2.0], [0.5, -1.0]]> : tensor<3x2xf32>
    %v = arith.constant dense<[[1.0, 3.0, -1.0]]> : tensor<1x3xf32>
    %h = transformer.linear %x, %w activation relu : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %y = transformer.linear %h, %v : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
    // becomes with width=2 multiple=1
    %w = arith.constant dense<[[1.0, 2.0], [0.5, -1.0]]> : tensor<2x2xf32>
    %v = arith.constant dense<[[4.0, -1.0]]> : tensor<1x2xf32>
    ...
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"saveProfile", "save-profile", "std::string", "\"\"",
                        "write the profile of the narrowed model here">,
                 Option<"width", "width", "int64_t", "0", "neurons to keep">,
                 Option<"keep", "keep", "double", "1", "part of the neurons to keep">,
                 Option<"maxError", "max-error", "double", "0",
                        "largest part of the output's variance to lose">,
                 Option<"widths", "widths", "std::string", "\"\"",
                        "neurons by module path: regex:width,...">,
                 Option<"multiple", "multiple", "int64_t", "32",
                        "widths are rounded up to this">,
                 Option<"damping", "damping", "double", "1e-4",
                        "pull towards the old weights, in mean variances">,
                 Option<"seed", "seed", "uint64_t", "0",
                        "of the random inputs without a profile">];
  let statistics = [Statistic<"numNarrowed", "narrowed", "pairs narrowed">,
                    Statistic<"numNeurons", "neurons", "neurons dropped">,
                    Statistic<"numLeft", "left", "pairs left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerNarrowHeads : Pass<"transformer-narrow-heads", "::mlir::ModuleOp"> {
  let summary = "Fewer heads, narrower scores and values, and an output refit";
  let description = [{
    Of a `transformer.attention` between linears that give its queries, keys and
    values, and the linear that alone reads it, three sizes are free, and the result
    stays one `attention`, with its scale as an attribute:

    - **Heads** (`heads`, or their part `keep`): the head goes whose loss, with the
      output linear fitted anew, adds the least error; again and again (backward
      elimination as in transformer-narrow-ffn, a head's channels at once, on the
      covariance of the input of the output linear). Heads of queries that share one of
      keys and values stay or go together.
    - **Channels of scores** (`qk-rank`): q kT keeps its best rank on random pairs of
      the inputs. With A = E[q qT] and B the covariance of k that is the singular
      value decomposition of A^1/2T B^1/2, of the size of a head. It needs no
      attention maps, and keys lose their bias, which no softmax sees. Not where
      rope turns channels between linear and attention.
    - **Channels of values** (`vo-rank`): per head, those that matter most behind the
      output linear, by the head's block of the same covariance (WvT Cz Wv, where
      Cz would be the covariance of the inputs as the head averages them, is that block:
      no statistics per head are needed), or by what the other heads do not tell of it,
      whichever loses less. Then the whole output linear is fitted anew. Not where a head
      of values serves several of queries.

    `qk-ranks` and `head-counts` are lists "regex:number,..." that go first for the
    attention ops whose path they match; without `qk-rank` or `heads` others keep theirs.

    `max-error` is the part of the variance that scores and output may lose: it sets
    the rank of the scores and the number of heads, for each attention its own, where
    `qk-rank` and `heads` don't. Ranks are rounded up to `multiple`. In the output, errors
    weigh as in transformer-narrow-ffn. On most models scores are cheap to narrow,
    values are dear, and heads lie between.

    With `single-queries` what goes with the heads is given back in part: single
    queries (transformer-replace-attention, mq) of all old heads stay beside those
    that are kept, which cost a sequence little however long it is, and the output is
    fitted to both; heads go whose loss is least next to them. The attention with fewer
    heads is still one op. It needs a profile with the sums of mq
    (`--emit=profile --attention=.*:mq`). `rank-error` as there.

    Without a profile (`profile=`) inputs are assumed to be as the norm before makes
    them, all heads to look at one same token; the remark says which it was.
    `save-profile` writes the profile of the narrowed model for the passes that follow.

    Example:

    ```mlir
    // Two heads with one channel each; the second one's values are zero.
    %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
        : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
    %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    // becomes with heads=1
    %q = transformer.linear %x, %wq0 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    %k = transformer.linear %x, %wk0 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    %v = transformer.linear %x, %wv0 : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
    %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 1 : i64, num_kv_heads = 1 : i64, scale = 1.0 : f32}
        : (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?xi32>) -> tensor<?x1xf32>
    %y = transformer.linear %a, %wo0 : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"saveProfile", "save-profile", "std::string", "\"\"",
                        "write the profile of the narrowed model here">,
                 Option<"heads", "heads", "int64_t", "0", "heads to keep">,
                 Option<"keep", "keep", "double", "1", "part of the heads to keep">,
                 Option<"qkRank", "qk-rank", "int64_t", "0",
                        "channels of a head's queries and keys">,
                 Option<"voRank", "vo-rank", "int64_t", "0",
                        "channels of a head's values">,
                 Option<"headCounts", "head-counts", "std::string", "\"\"",
                        "heads by module path: regex:heads,...">,
                 Option<"qkRanks", "qk-ranks", "std::string", "\"\"",
                        "channels of scores by module path: regex:rank,...">,
                 Option<"maxError", "max-error", "double", "0",
                        "largest part of a variance to lose">,
                 Option<"singleQueries", "single-queries", "bool", "false",
                        "keep single queries of the heads that go">,
                 Option<"rankError", "rank-error", "double", "0",
                        "what queries and output of those may lose by lower ranks">,
                 Option<"multiple", "multiple", "int64_t", "8",
                        "ranks are rounded up to this">,
                 Option<"damping", "damping", "double", "1e-4",
                        "pull towards the old weights, in mean variances">,
                 Option<"seed", "seed", "uint64_t", "0",
                        "of the random inputs without a profile">];
  let statistics = [Statistic<"numNarrowed", "narrowed", "attention ops narrowed">,
                    Statistic<"numHeads", "heads", "heads dropped">,
                    Statistic<"numLeft", "left", "attention ops left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect",
                           "::mlir::tensor::TensorDialect"];
}

def TransformerFactorizeSvd : Pass<"transformer-factorize-svd", "::mlir::ModuleOp"> {
  let summary = "Make linears two of lower rank, by the activations";
  let description = [{
    A linear whose weight is known becomes two: `rank` channels of its input, and the
    output from those. Weights of trained models are not of low rank, but their
    inputs lie mostly in few directions: with the covariance C of the input
    (`profile=`, a profile.safetensors with Gram matrices) the factors come from the
    singular values of `W C^1/2`, not of W (Chen et al., "DRONE", 2021), with
    outputs weighing as in transformer-narrow-ffn where a norm follows. What is lost is
    then exactly the sum of the squares of the values that are left out, and the bias
    takes the mean. Channels between the two have variance 1, which suits
    transformer-quantize-i8.

    Which rank: `rank`; as few as keep the part `energy` of the output's variance, or
    lose at most `error`; as many as store at most the part `ratio` of the numbers;
    or, over all linears, the least error for `max-bytes` (of their f32 weights). Rounded to
    `multiple`. With `share`, queries, keys and values of one input get one first
    factor. A rank at which the factors would not be smaller is refused with the
    numbers. Beyond `exact-below` only the channels that can pay are computed, from
    random projections (`seed`).

    Without a profile the input is assumed to be as the norm before makes it.
    `save-profile` writes the profile of the changed model for the passes that follow.

    With `pivoted` the first factor has an identity block: r of the inputs, the
    pivots, are channels themselves, to which a linear adds a mix of the other inputs
    (Cheng et al., "On the compression of low rank matrices", 2005). The channels
    span the same, so that nothing else is lost, and r (m + n - r) numbers and n
    indices are stored in place of r (m + n) numbers: every rank a little below full
    pays. The pivots are those with the largest volume (exchanged until no input, in
    units of its standard deviation, is mixed more than twofold), and
    `transformer.select` gathers them.

    Example:

    ```mlir
    %w = arith.constant dense<[[1.0, 2.0, 0.0, 1.0], [2.0, 4.0, 0.0, 2.0],
                               [3.0, 6.0, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0]]> : tensor<4x4xf32>
    %y = transformer.linear %x, %w activation gelu : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    // becomes with rank=1
    %z = transformer.linear %x, %down : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
    %y = transformer.linear %z, %up activation gelu : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint">,
                 Option<"saveProfile", "save-profile", "std::string", "\"\"",
                        "write the profile of the changed model here">,
                 Option<"rank", "rank", "int64_t", "0", "channels between the factors">,
                 Option<"energy", "energy", "double", "1",
                        "part of the output's variance to keep">,
                 Option<"error", "error", "double", "0",
                        "largest part of the output's variance to lose">,
                 Option<"ratio", "ratio", "double", "1", "part of the numbers to keep">,
                 Option<"maxBytes", "max-bytes", "int64_t", "0",
                        "of the weights of all linears that may change">,
                 Option<"share", "share", "bool", "true",
                        "one first factor for queries, keys and values">,
                 Option<"pivoted", "pivoted", "bool", "false",
                        "an identity block in the first factor">,
                 Option<"multiple", "multiple", "int64_t", "8",
                        "ranks are rounded to this">,
                 Option<"damping", "damping", "double", "1e-4",
                        "added to the variances, in mean variances">,
                 Option<"exactBelow", "exact-below", "int64_t", "1024",
                        "sizes up to which all channels are computed">,
                 Option<"seed", "seed", "uint64_t", "0", "of random numbers">];
  let statistics = [Statistic<"numFactorized", "factorized", "linears factorized">,
                    Statistic<"numNumbers", "numbers", "numbers saved">,
                    Statistic<"numLeft", "left", "linears left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::ml_program::MLProgramDialect"];
}

def TransformerReplaceAttention : Pass<"transformer-replace-attention", "::mlir::ModuleOp"> {
  let summary = "Something cheaper in the place of attention, fitted to it";
  let description = [{
    A `transformer.attention` with the linears that give its queries, keys and values
    (all of one input x) and the linear that alone reads it becomes one of these (d is the
    width; multiplications per token, N the length of the sequence; attention has 4 d^2 and
    its scores):

    | `kind` | what | multiplications |
    |---|---|---|
    | `drop` | nothing; the residual stays | 0 |
    | `bias` | the mean of the output, in the bias before the residual sum | 0 |
    | `mq` | attention with one query per head and sequence, that of the mean of x, over x itself as keys and values of all heads; once per sequence what the values and the output make of it, given to all tokens | 2 h d + 2 h d^2 / N |
    | `linear` | W x_t + b, a map of the token alone | d^2 |
    | `mean` | W x_t + V mean(x) + b | d^2 + d^2 / N |
    | `mq+linear` | both | d^2 + ... |
    | `lags` | `mean`, and a matrix each for the tokens before and after | 3 d^2 + d^2 / N |
    | `fft` | Re(FFT(x)), times a number: only with `untuned=true`, for training that follows; without it is worse than `bias` | d log(d N) + d^2 |
    | `auto` | the first of the list (without `fft`) that loses at most `max-error` | |

    `kinds` is a list "regex:kind,..." by module path that goes before `kind`. The mq's
    queries are in terms of x: `scale (Wk^T (Wq m + bq))_h . x_t` is the score that its
    head gives token t, and the bias of keys moves all scores alike. The map to all
    queries (h d channels) and the one from what all heads average hold h d^2 numbers each,
    more than attention's four. With `rank-error` they become two linears each of lower
    rank, where that is smaller: as few channels as lose at most this part of the
    variance of the queries, and of the output.

    Matrices and bias are fitted by ridge regression (`damping` of the mean variance of
    each block, towards what the weights alone say) to the output that attention
    gave, on sums that a profile has if it was made with `--attention`: Gram
    matrices of the input before, at and after each token, its mean, what single queries
    give, and what attention gave. Tokens and outputs weigh as in
    transformer-narrow-ffn. Every fifth sequence is not fitted to; errors on those decide,
    and a remark has both. Errors are parts of the variance of the output, so `bias`
    has 1.

    Without such sums `drop`, `bias` (for inputs as the norm before makes them), `mean`
    (as if attention were uniform) and `mq` (with the output as it is) follow from the
    weights; the others and `auto` are refused. A causal attention becomes no kind
    that looks at the whole sequence, one with rope no `mq`.
    `save-profile` writes the profile of the changed model for the passes that follow.

    Example:

    ```mlir
    // Queries are zero, so all tokens of a sequence count alike.
    %q = transformer.linear %x, %wq : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %k = transformer.linear %x, %wk : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %v = transformer.linear %x, %wv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
        : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
    %y = transformer.linear %a, %wo : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    // becomes with kind=mean
    %m = transformer.pool mean %x offsets(%o) : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
    %r = transformer.linear %m, %wowv : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %y = transformer.unpool %r, %tokens offsets(%o) : (tensor<?x2xf32>, index, tensor<?xi32>) -> tensor<?x2xf32>
    ```
  }];
  let options = [Option<"skip", "skip", "std::string", "\"\"",
                        "leave modules alone whose path this matches">,
                 Option<"only", "only", "std::string", "\"\"",
                        "leave modules alone whose path this does not match">,
                 Option<"profile", "profile", "std::string", "\"\"",
                        "a profile.safetensors of this checkpoint, with sums for it">,
                 Option<"saveProfile", "save-profile", "std::string", "\"\"",
                        "write the profile of the changed model here">,
                 Option<"kind", "kind", "std::string", "\"\"",
                        "what takes its place: drop, bias, mq, linear, mean, "
                        "mq+linear, lags, fft or auto">,
                 Option<"kinds", "kinds", "std::string", "\"\"",
                        "kinds by module path: regex:kind,...">,
                 Option<"maxError", "max-error", "double", "0",
                        "largest part of the output's variance to lose, for auto">,
                 Option<"rankError", "rank-error", "double", "0",
                        "what queries and output of mq may lose by lower ranks">,
                 Option<"untuned", "untuned", "bool", "false",
                        "let fft take its place: training follows">,
                 Option<"damping", "damping", "double", "1e-3",
                        "pull towards what weights say, in mean variances">,
                 Option<"seed", "seed", "uint64_t", "0",
                        "of the random inputs without a profile">];
  let statistics = [Statistic<"numReplaced", "replaced", "attention ops replaced">,
                    Statistic<"numLeft", "left", "attention ops left alone">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::ml_program::MLProgramDialect"];
}

#endif // TRANSFORMER_TRANSFORMS_FITPASSES_TD
