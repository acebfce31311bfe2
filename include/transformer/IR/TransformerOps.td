//===- TransformerOps.td - ops of the transformer dialect --*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_TRANSFORMEROPS_TD
#define TRANSFORMER_IR_TRANSFORMEROPS_TD

include "transformer/IR/TransformerOpBase.td"

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

def Transformer_LinearOp : Transformer_PureOp<"linear", [AttrSizedOperandSegments]> {
  let summary = "y = act(x Wt + b)";
  let description = [{
    `input` is `[..., in]`, `weight` is `[out, in]` as in `torch.nn.Linear`,
    `bias` is `[out]`; the result is `[..., out]`.

    `bias` has the result's element type. That is the input's, or f32 where
    input and weight are bf16 or f16: the sums, which are f32 in any case, are
    then not rounded, so that only the products are narrow.

    In the i8 form `input` and `weight` are i8 and `scales(xs, ws)` gives the
    row scales `xs : [...]` (the input's shape without its last dimension) and
    the channel scales `ws : [out]`, both f32. The i32 sums are exact:
    `y[t, n] = act(f32(sum_k x[t, k] * W[n, k]) * (xs[t] * ws[n]) + b[n])`.

    With `in = 0` the sum is zero. A factorized linear is two of these in a row.

    Example:

    ```mlir
    %y = transformer.linear %x, %w bias %b activation gelu
        : (tensor<?x384xf32>, tensor<1536x384xf32>, tensor<1536xf32>) -> tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins Transformer_ValueTensor:$input, Transformer_ValueTensor:$weight,
      Optional<Transformer_Vector>:$bias, Optional<Transformer_Scales>:$input_scales,
      Optional<Transformer_Scales>:$weight_scales,
      DefaultValuedAttr<Transformer_ActivationAttr, "Activation::none">:$activation);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)?
    (`scales` `(` $input_scales^ `,` $weight_scales `)`)?
    (`activation` custom<Keyword>($activation)^)? attr-dict `:` functional-type(operands, results)
  }];
  let builders = [
    OpBuilder<(ins "Value":$input, "Value":$weight, "Value":$bias,
        CArg<"Activation", "Activation::none">:$activation)>
  ];
  let hasCanonicalizeMethod = 1;
}

include "transformer/IR/AttentionOp.td"

def Transformer_FftMixOp : Transformer_PureOp<"fft_mix", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Re(FFT_seq(FFT_hidden(x))), the mixing of FNet";
  let description = [{
    Packed `[tokens, hidden]` with `offsets`, or dense `[B, N, hidden]` without.
    Per sequence: a discrete Fourier transform along the hidden dimension, one
    along the sequence, both without normalization, and the real part of the
    result (Lee-Thorp et al., "FNet", 2021). Any length is correct; an empty
    sequence gives no rows.

    Example:

    ```mlir
    %y = transformer.fft_mix %x offsets(%offsets) : (tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Optional<Transformer_Offsets>:$offsets);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`offsets` `(` $offsets^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Transformer_TokenMixOp : Transformer_PureOp<"token_mix", [AllTypesMatch<["input", "result"]>]> {
  let summary = "y[t] = sum over lags l in -K..K of W[l] x[t + l], inside a sequence";
  let description = [{
    `weight` is `[2K+1, hidden]` (one factor per lag and channel) or `[2K+1,
    hidden, hidden]` (`[lag, out, in]`, one matrix per lag); lag index `i` stands
    for `l = i - K`. Tokens outside of the sequence count as zeros.

    Example:

    ```mlir
    %y = transformer.token_mix %x, %w offsets(%offsets)
        : (tensor<?x64xf32>, tensor<3x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_FloatTensor:$weight,
      Optional<Transformer_Offsets>:$offsets);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`offsets` `(` $offsets^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

def Transformer_QuantizeOp : Transformer_Op<"quantize", [Pure, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "per-row symmetric rounding to i8, dynamic or with given scales";
  let description = [{
    Dynamic form: per row (last dimension), with `z = x * multiplier` (the
    optional per-channel `multiplier : [hidden]`, used for smoothing),
    `absmax = max |z|`, `q = roundeven(z * (127 / absmax))` in f32 and
    `scale = absmax / 127`. A row with absmax < 2^-100 (all zeros, or too small)
    is zeros with scale 1. A row that holds NaN or inf is zeros with scale NaN,
    so it dequantizes to NaN.

    Static form: `scale(s)` gives the scale, one f32 for all rows (`tensor<f32>`):
    `q = clamp(roundeven(z / s), -127, 127)`; NaN is treated as above.

    Example:

    ```mlir
    %q, %s = transformer.quantize %x : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Optional<Transformer_Vector>:$multiplier,
      Optional<0DTensorOf<[F32]>>:$scale);
  let results = (outs Transformer_I8Tensor:$result, Transformer_Scales:$scales);
  let assemblyFormat = [{
    $input (`multiplier` $multiplier^)? (`scale` `(` $scale^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "Value":$input, CArg<"Value", "{}">:$multiplier)>];
  let hasCanonicalizeMethod = 1;
}

def Transformer_DequantizeOp : Transformer_PureOp<"dequantize"> {
  let summary = "i8 rows times their scales";
  let description = [{
    `y[t, c] = f32(q[t, c]) * scales[t]`, where `scales` has the shape of the
    input without its last dimension.

    Example:

    ```mlir
    %y = transformer.dequantize %q, %s : (tensor<?x384xi8>, tensor<?xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_I8Tensor:$input, Transformer_Scales:$scales);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input `,` $scales attr-dict `:` functional-type(operands, results)";
  let builders = [OpBuilder<(ins "Value":$input, "Value":$scales, "Type":$elementType)>];
}

def Transformer_UnpackI4Op : Transformer_PureOp<"unpack_i4"> {
  let summary = "integers of 4 bits times those of their groups, as i8";
  let description = [{
    What a weight or table is whose file has 4 bits per number. `packed` is
    `[rows, 4 ceil(columns / 8)]`: of the columns from 8 j on, the bytes from 4 j
    on hold the first four in their low halves and the other four in their high
    ones, in two's complement, zeros behind the last. `multipliers` is `[rows,
    ceil(columns / 64)]`: one integer for each 64 columns of a row. `result[n, k]
    = nibble(n, k) * multipliers[n, k / 64]`, which wraps at 8 bits; quantizers
    see to it that it does not. With a scale per row this is a group scale of two
    levels (Lin et al., "QServe", 2024): products stay those of i8.

    Example:

    ```mlir
    %w = transformer.unpack_i4 %p, %m : (tensor<384x192xi8>, tensor<384x6xi8>) -> tensor<384x384xi8>
    ```
  }];
  let arguments = (ins Transformer_I8Tensor:$packed, Transformer_I8Tensor:$multipliers);
  let results = (outs Transformer_I8Tensor:$result);
  let assemblyFormat = "$packed `,` $multipliers attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    static constexpr int64_t kGroup = 64;
    /// Bytes of a row, and its groups.
    static int64_t packedWidth(int64_t columns) {
      return columns / 8 * 4 + (columns % 8 ? 4 : 0);
    }
    static int64_t numGroups(int64_t columns) {
      return columns / kGroup + (columns % kGroup ? 1 : 0);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Row ops
//===----------------------------------------------------------------------===//

def Transformer_EmbeddingOp : Transformer_PureOp<"embedding"> {
  let summary = "rows of a table";
  let description = [{
    `ids : [...]` (i32 or i64), `table : [rows, hidden]`, result `[..., hidden]`.
    An i8 table has one scale per row, as a rule in bf16, which the rounding of
    the row accounts for, or one for all (`[1]`). The ids must lie in `[0, rows)`; the
    runtime checks its inputs before it calls compiled code.

    Example:

    ```mlir
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<30522x384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_Ids:$ids, Transformer_ValueTensor:$table,
      Optional<Transformer_FloatTensor>:$scales);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $ids `,` $table (`scales` `(` $scales^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "Value":$ids, "Value":$table)>];
}

def Transformer_SelectOp : Transformer_PureOp<"select",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "some columns of each row, in a given order";
  let description = [{
    `y[..., j] = x[..., indices[j]]`, where `indices : [selected]` is a weight: a
    constant or a global, so that equal layers share one kernel. Each index must
    lie in `[0, in)`, which is checked where its value is known; none may come
    twice. No indices give rows of no columns.

    The pivoted form of transformer-factorize-svd is made of it: channels are
    `select(x, pivots) + linear(select(x, rest), X)`.

    Example:

    ```mlir
    %y = transformer.select %x, %indices : (tensor<?x384xf32>, tensor<96xi32>) -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_Indices:$indices);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, results)";
  let builders = [OpBuilder<(ins "Value":$input, "Value":$indices)>];
  let hasCanonicalizeMethod = 1;
}

def Transformer_PositionsOp : Transformer_PureOp<"positions"> {
  let summary = "the position of each token in its sequence";
  let description = [{
    Packed form of what Hugging Face calls position ids: for token `t` of the
    sequence that starts at `offsets[s]`, `start + t - offsets[s]`. `tokens` is
    the number of tokens.

    With `ids` and `padding_id` the positions are counted as RoBERTa does: a
    token whose id is `padding_id` gets position `start - 1`, and the others
    count the non-padding tokens before them.

    Example:

    ```mlir
    %p = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    ```
  }];
  let arguments = (ins Transformer_Offsets:$offsets, Index:$tokens,
      Optional<1DTensorOf<[I32]>>:$ids, DefaultValuedAttr<I64Attr, "0">:$start,
      OptionalAttr<I64Attr>:$padding_id);
  let results = (outs 1DTensorOf<[I32]>:$result);
  let assemblyFormat = [{
    $offsets `,` $tokens (`ids` `(` $ids^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Transformer_LayerNormOp : Transformer_PureOp<"layer_norm", [AttrSizedOperandSegments,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "(x - mean) / sqrt(var + epsilon) * weight + bias over the last dimension";
  let description = [{
    As `torch.nn.LayerNorm`: the variance is the biased one, and epsilon is
    inside of the root. With `residual` the input is `input + residual`. A
    constant row gives `bias` when epsilon is positive.

    Example:

    ```mlir
    %y = transformer.layer_norm %x, %gamma, %beta residual(%r) {epsilon = 1.0e-12 : f32}
        : (tensor<?x384xf32>, tensor<384xf32>, tensor<384xf32>, tensor<?x384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_Vector:$weight,
      Optional<Transformer_Vector>:$bias, Optional<Transformer_FloatTensor>:$residual,
      F32Attr:$epsilon);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? (`residual` `(` $residual^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasCanonicalizeMethod = 1;
}

def Transformer_RmsNormOp : Transformer_PureOp<"rms_norm", [AllTypesMatch<["input", "result"]>]> {
  let summary = "x / sqrt(mean(x^2) + epsilon) * weight over the last dimension";
  let description = [{
    As `torch.nn.RMSNorm`. With `residual` the input is `input + residual`.

    Example:

    ```mlir
    %y = transformer.rms_norm %x, %gamma {epsilon = 1.0e-6 : f32}
        : (tensor<?x384xf32>, tensor<384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_Vector:$weight,
      Optional<Transformer_FloatTensor>:$residual, F32Attr:$epsilon);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`residual` `(` $residual^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasCanonicalizeMethod = 1;
}

def Transformer_L2NormalizeOp : Transformer_PureOp<"l2_normalize", [AllTypesMatch<["input", "result"]>]> {
  let summary = "x / max(|x|, epsilon) over the last dimension";
  let description = [{
    As `torch.nn.functional.normalize`. A row of zeros stays zeros.

    Example:

    ```mlir
    %y = transformer.l2_normalize %x {epsilon = 1.0e-12 : f32} : (tensor<?x384xf32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, F32Attr:$epsilon);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

class Transformer_ActivationOp<string mnemonic, string formula> : Transformer_PureOp<mnemonic,
    [Elementwise, SameOperandsAndResultType]> {
  let summary = formula;
  let description = "Elementwise: `" # formula # "`. NaN stays NaN.\n\nExample:\n\n```mlir\n%y = transformer."
      # mnemonic # " %x : tensor<?x384xf32>\n```\n";
  let arguments = (ins Transformer_FloatTensor:$input);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}
def Transformer_GeluOp : Transformer_ActivationOp<"gelu", "x/2 (1 + erf(x / sqrt(2)))">;
def Transformer_GeluTanhOp : Transformer_ActivationOp<"gelu_tanh",
    "x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))">;
def Transformer_ReluOp : Transformer_ActivationOp<"relu", "max(x, 0)"> {
  let hasFolder = 1;
}
def Transformer_SiluOp : Transformer_ActivationOp<"silu", "x / (1 + exp(-x))">;
def Transformer_TanhOp : Transformer_ActivationOp<"tanh", "tanh(x)">;

def Transformer_RopeOp : Transformer_PureOp<"rope", [AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding";
  let description = [{
    `input : [tokens, num_heads * dim]` or `[B, N, num_heads * dim]`, `positions`
    the shape of the input without its last dimension. In each head the first
    `rotary_dim` channels (default: all; even) turn in pairs by `position *
    theta^(-2i / rotary_dim)`. A pair is (i, i + rotary_dim/2) as in Llama and
    GPT-NeoX, or (2i, 2i + 1) with `interleaved` as in GPT-J (Su et al.,
    "RoFormer", 2021).

    Example:

    ```mlir
    %y = transformer.rope %x, %positions {num_heads = 12, theta = 1.0e4 : f32}
        : (tensor<?x768xf32>, tensor<?xi32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_Ids:$positions,
      ConfinedAttr<I64Attr, [IntPositive]>:$num_heads, F32Attr:$theta,
      OptionalAttr<I64Attr>:$rotary_dim, UnitAttr:$interleaved);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input `,` $positions attr-dict `:` functional-type(operands, results)";
  let hasCanonicalizeMethod = 1;
}

//===----------------------------------------------------------------------===//
// Between tokens and sequences
//===----------------------------------------------------------------------===//

def Transformer_PoolOp : Transformer_PureOp<"pool", [AttrSizedOperandSegments]> {
  let summary = "one row per sequence: its mean, first token or maximum";
  let description = [{
    Packed `[tokens, hidden]` with `offsets` gives `[batch, hidden]`; dense `[B,
    N, hidden]`, with an optional `mask : [B, N]` of i1, gives `[B, hidden]`.
    Sums run in token order. An empty (or fully masked) sequence gives zeros.

    Example:

    ```mlir
    %s = transformer.pool mean %x offsets(%offsets) : (tensor<?x384xf32>, tensor<?xi32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_PoolKindAttr:$kind, Transformer_FloatTensor:$input,
      Optional<Transformer_Offsets>:$offsets, Optional<RankedTensorOf<[I1]>>:$mask);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    custom<Keyword>($kind) $input (`offsets` `(` $offsets^ `)`)? (`mask` `(` $mask^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "PoolKind":$kind, "Value":$input, "Value":$offsets)>];
  let hasCanonicalizeMethod = 1;
}

def Transformer_UnpoolOp : Transformer_PureOp<"unpool"> {
  let summary = "a row per sequence, given to all of its tokens";
  let description = [{
    The inverse shape of `pool`. Packed: `input : [batch, hidden]` and `offsets`
    give `[tokens, hidden]`, where `length` is the number of tokens. Dense: no
    offsets, `[B, hidden]` gives `[B, length, hidden]`.

    Example:

    ```mlir
    %y = transformer.unpool %s, %tokens offsets(%offsets)
        : (tensor<?x384xf32>, index, tensor<?xi32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Index:$length,
      Optional<Transformer_Offsets>:$offsets);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $length (`offsets` `(` $offsets^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Transformer_PatchesOp : Transformer_PureOp<"patches"> {
  let summary = "square patches of images as rows";
  let description = [{
    `input : [batch, channels, height, width]`, result `[batch * patches,
    channels * size * size]`, patches in row-major order and each flattened
    (channel, row, column): the input that turns a Vision Transformer's patch
    convolution (stride = kernel = size) into a `linear`.

    Example:

    ```mlir
    %p = transformer.patches %pixels {size = 16} : (tensor<?x3x224x224xf32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, ConfinedAttr<I64Attr, [IntPositive]>:$size);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Transformer_PrependOp : Transformer_PureOp<"prepend"> {
  let summary = "rows put before each sequence of equal length";
  let description = [{
    `input : [batch * length, hidden]` holds sequences of `length` rows each;
    `rows : [k, hidden]` is put before every one of them, so the result is
    `[batch * (length + k), hidden]`. With k = 1 this is a class token.

    Example:

    ```mlir
    %y = transformer.prepend %x, %cls {length = 196} : (tensor<?x768xf32>, tensor<1x768xf32>) -> tensor<?x768xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$input, Transformer_FloatTensor:$rows,
      ConfinedAttr<I64Attr, [IntPositive]>:$length);
  let results = (outs Transformer_FloatTensor:$result);
  let assemblyFormat = "$input `,` $rows attr-dict `:` functional-type(operands, results)";
}

def Transformer_ObserveOp : Transformer_Op<"observe", [MemoryEffects<[MemWrite]>]> {
  let summary = "hands a tensor to the profiler";
  let description = [{
    Inserted by instrumentation; erased in normal builds. `site` names the place.

    Example:

    ```mlir
    transformer.observe %x site "encoder.layer.0.output.dense" : tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, StrAttr:$site);
  let assemblyFormat = "$input `site` $site attr-dict `:` type($input)";
}

#endif // TRANSFORMER_IR_TRANSFORMEROPS_TD
