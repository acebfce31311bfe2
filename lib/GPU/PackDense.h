//===- PackDense.h - dense batches as packed ones --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_PACKDENSE_H
#define TRANSFORMER_LIB_GPU_PACKDENSE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::transformer::gpu {

/// Sequences of one length, [batch, length, ...], become rows of tokens with
/// offsets, which are a new argument if there is none. Leaves a function alone
/// that has no such tensors; one that kernels could not do so fails with a
/// sentence. Types change in place.
LogicalResult packDense(func::FuncOp forward);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_PACKDENSE_H
