//===- AttentionBuilder.h - the arithmetic of attention -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_ATTENTIONBUILDER_H
#define TRANSFORMER_CONVERSION_ATTENTIONBUILDER_H

#include "Rows.h"

namespace mlir::transformer {

/// The loops of the generics that attention becomes, in this order.
namespace attention {
enum Dim { Batch, KvHead, Group, Query, Key, Channel };
}

/// The softmax written out, in generics over (batch, key head, query head in
/// its group, query, key, channel). A hidden key has the score -inf; it weighs
/// nothing and its value is not read into the sum, so that a NaN in it stays
/// there. A row of hidden keys sums to zero and gives zeros.
class AttentionBuilder {
public:
  AttentionBuilder(ImplicitLocOpBuilder &b, AttentionOp op)
      : b(b), op(op), groups(op.getNumHeads() / op.getNumKvHeads()),
        products(op.getProducts()) {}

  /// q [B, nq, H * D], k, v [B, nk, Hkv * D] -> [B, nq, H * Dv]; `mask` indexes
  /// (Batch, KvHead, Group, Query, Key) by `maskDims`.
  Value build(Value q, Value k, Value v, Value mask,
              ArrayRef<int64_t> maskDims);

private:
  using Body = function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;
  struct Input {
    Value value;
    ArrayRef<int64_t> dims;
  };

  /// [B, n, product of sizes] -> [B, n, sizes...].
  Value splitHeads(Value v, ArrayRef<int64_t> sizes);
  Value filled(ArrayRef<OpFoldResult> sizes, TypedAttr value);
  /// out[dims] = body(inputs, out), over the first `loops` dims; those that the
  /// result lacks are reduced.
  Value generic(ArrayRef<Input> inputs, Value init, ArrayRef<int64_t> dims,
                int64_t loops, Body body);
  Value elementwise(ArrayRef<Input> inputs, Body body);
  Value reduceKeys(Value v, bool maximum);

  /// i8 products: the rows of every head rounded, and their absmax.
  Value largest(Value heads);
  Value roundedToI8(Value heads, Value absmax);
  /// `small` is the scale of a row of zeros.
  Value scales(Value absmax, double small);

  Value contract(Value q, Value k);
  /// scale * score + mask, or -inf where the key is hidden.
  Value hide(Value scores, Value mask, ArrayRef<int64_t> maskDims);
  Value exponentials(Value scores, Value top);
  /// Weights times the scales of their values.
  Value scaledWeights(Value scores, Value weights, Value valueScales);
  Value weighValues(Value scores, Value weights, Value top, Value v);
  /// Divides by the sums and merges the heads: [B, nq, H * Dv].
  Value normalize(Value out, Value sums, Value top);

  /// What the products take of a value: that, or its bf16.
  Value factor(ImplicitLocOpBuilder &b, Value v);
  Value toValue(OpFoldResult v);

  ImplicitLocOpBuilder &b;
  AttentionOp op;
  int64_t groups;
  Products products;
  SmallVector<OpFoldResult> shape;
  /// With i8 products, those of the rows of queries and keys.
  Value queryScales, keyScales;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_CONVERSION_ATTENTIONBUILDER_H
