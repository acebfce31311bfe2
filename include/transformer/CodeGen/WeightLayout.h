//===- WeightLayout.h - how kernels read weights --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_WEIGHTLAYOUT_H
#define TRANSFORMER_CODEGEN_WEIGHTLAYOUT_H

#include "mlir/IR/BuiltinTypes.h"

namespace mlir::transformer {

/// What the name of a weight in panels ends in, and of a coded tensor.
inline constexpr llvm::StringLiteral kPackedEnding = ".packed";
inline constexpr llvm::StringLiteral kEntropyEnding = ".entropy";

/// How many k of one column lie together: what one dot-product lane takes.
int64_t panelDepth(Type element);

/// Of a weight [N, K] in column panels; see transformer_kernel.contract.
RankedTensorType packedType(RankedTensorType type);

/// Writes a weight of `type` in panels; `to` is zeroed.
void packBytes(ArrayRef<char> from, MutableArrayRef<char> to,
               RankedTensorType type);

/// The other way round, without the padding.
void unpackBytes(ArrayRef<char> from, MutableArrayRef<char> to,
                 RankedTensorType type);

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_WEIGHTLAYOUT_H
