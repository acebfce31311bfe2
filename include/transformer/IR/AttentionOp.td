//===- AttentionOp.td - transformer.attention --------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_ATTENTIONOP_TD
#define TRANSFORMER_IR_ATTENTIONOP_TD

include "transformer/IR/TransformerOpBase.td"

def Transformer_AttentionOp : Transformer_PureOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "softmax(scale q kt + mask) v, per head and sequence (SDPA)";
  let description = [{
    Packed: `query : [tokens, num_heads * qk_dim]`, `key : [keys, num_kv_heads *
    qk_dim]`, `value : [keys, num_kv_heads * v_dim]`, result `[tokens, num_heads
    * v_dim]`. `offsets(%q)` gives the sequences of the queries, and of the keys
    too unless a second operand gives theirs (cross attention, or one query per
    sequence). `mask` may be a float bias `[num_heads, maxlen, maxlen]`, added
    by (head, query position, key position) inside the sequence.

    Dense: the same with a leading batch dimension, `[B, N, num_heads * dim]`,
    no offsets, and `mask` either `[B, keys]` (one per key) or `[B or 1,
    num_heads or 1, queries, keys]`; `i1` (true: may be seen) or float (added).

    Query head `h` uses key head `h * num_kv_heads / num_heads`. `scale` defaults
    to `1 / sqrt(qk_dim)`. `causal` aligns at the ends: query `i` of `nq` sees
    key `j` of `nk` when `j <= i + nk - nq`.

    A row that sees no key (all masked, or an empty sequence of keys) is zeros,
    as PyTorch's SDPA and ONNX define it. Keys that a mask hides have no
    influence, NaN in them included.

    `products`, on f32 operands only, says what the products are rounded to;
    scores, softmax and sums stay f32:

    - `bf16`: queries, keys, values and the weights `w[i, j] = exp(score[i, j] -
      max_j score[i, j])`. The weights that are summed up are not rounded.
    - `i8`: the row of each token and head of queries, keys and values is
      rounded as `transformer.quantize` does, to `Q`, `K`, `V` with the scales
      `qs`, `ks`, `vs`. The sums over i8 are exact:
      `score[i, j] = f32(sum_d Q[i, d] K[j, d]) * qs[i] * ks[j] * scale`.
      Weights are rounded to eight bits without sign, together with the scale of
      their value and relative to the largest of the row: `u[i, j] = w[i, j] *
      vs[j]`, `P[i, j] = roundeven(u[i, j] * (255 / max_j u[i, j]))` and
      `y[i] = sum_j P[i, j] V[j] * (max_j u[i, j] / 255) / sum_j w[i, j]`.
      A row of values that is all zeros, or too small, has the scale 0 here. A
      row with NaN or infinity in keys or values gives NaN to all that see it.

    Example:

    ```mlir
    %y = transformer.attention %q, %k, %v offsets(%offsets) {num_heads = 12, num_kv_heads = 12}
        : (tensor<?x384xf32>, tensor<?x384xf32>, tensor<?x384xf32>, tensor<?xi32>) -> tensor<?x384xf32>
    ```
  }];
  let arguments = (ins Transformer_FloatTensor:$query, Transformer_FloatTensor:$key,
      Transformer_FloatTensor:$value, Optional<Transformer_Offsets>:$query_offsets,
      Optional<Transformer_Offsets>:$key_offsets,
      Optional<RankedTensorOf<[F32, F16, BF16, I1]>>:$mask,
      ConfinedAttr<I64Attr, [IntPositive]>:$num_heads,
      ConfinedAttr<I64Attr, [IntPositive]>:$num_kv_heads,
      OptionalAttr<F32Attr>:$scale, UnitAttr:$causal,
      DefaultValuedAttr<Transformer_ProductsAttr, "Products::f32">:$products);
  let results = (outs Transformer_FloatTensor:$result);
  // Version 0.1 has no products.
  let useCustomPropertiesEncoding = 1;
  let assemblyFormat = [{
    $query `,` $key `,` $value
    (`offsets` `(` $query_offsets^ (`,` $key_offsets^)? `)`)?
    (`mask` `(` $mask^ `)`)? (`products` custom<Keyword>($products)^)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    bool isPacked() { return getQuery().getType().getRank() == 2; }
    int64_t getQkDim();   // width of one query or key head
    int64_t getValueDim(); // width of one value head
    float getEffectiveScale(); // scale, or 1 / sqrt(qk_dim)
    Value getEffectiveKeyOffsets() {
      return getKeyOffsets() ? getKeyOffsets() : getQueryOffsets();
    }
  }];
  let builders = [
    OpBuilder<(ins "Value":$query, "Value":$key, "Value":$value,
        "Value":$offsets, "int64_t":$heads, "int64_t":$kvHeads)>
  ];
  let hasCanonicalizeMethod = 1;
}

#endif // TRANSFORMER_IR_ATTENTIONOP_TD
