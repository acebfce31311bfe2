//===- PackedLayout.h - from dense rows to packed ones and back -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_PACKEDLAYOUT_H
#define TRANSFORMER_LIB_TRANSFORMS_PACKEDLAYOUT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::transformer {

/// Where the tokens of a dense batch lie, computed from a mask `[B, N]` of i1
/// whose rows are ones, then zeros.
class PackedLayout {
public:
  /// Emits the computation at the builder's place.
  PackedLayout(OpBuilder &builder, Location loc, Value mask);

  Value getMask() const { return mask; }
  Value getOffsets() const { return offsets; } // tensor<B+1 x i32>
  Value getTokens() const { return tokens; }   // index

  /// `[B, N, rest...]` as `[tokens, rest...]`.
  static RankedTensorType packedType(RankedTensorType dense);
  /// The tokens of a dense value.
  Value pack(OpBuilder &builder, Location loc, Value dense) const;
  /// A value of type `dense` that holds the tokens, and zeros for the rest.
  Value unpack(OpBuilder &builder, Location loc, Value packed,
               RankedTensorType dense) const;

private:
  Value mask, batch, length; // length is N
  Value offsets, tokens;
  Value rows; // tensor<tokens x index>: where each token lies in [B * N]
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_PACKEDLAYOUT_H
