//===- RoundingScales.h - scales as files keep them -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_SUPPORT_ROUNDINGSCALES_H
#define TRANSFORMER_LIB_SUPPORT_ROUNDINGSCALES_H

#include "transformer/Support/Rounding.h"

namespace mlir::transformer {

/// `scale` as f32, or the next larger number that bf16 holds; 1 for zero.
float storableScale(double scale, ScaleType type);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_SUPPORT_ROUNDINGSCALES_H
