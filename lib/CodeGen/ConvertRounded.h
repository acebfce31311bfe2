//===- ConvertRounded.h - roundeven and fptosi in one instruction -*- C++ -*-=//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_CONVERTROUNDED_H
#define TRANSFORMER_LIB_CODEGEN_CONVERTROUNDED_H

#include "transformer/CodeGen/Target.h"

#include "mlir/IR/Operation.h"

namespace mlir::transformer {

/// Replaces fptosi(roundeven(x)) of whole f32 registers under `root` by the
/// instruction of x86 that rounds to nearest even as it converts (cvtps2dq);
/// LLVM makes two of it, except on Arm. Returns how many it found.
int64_t convertRounded(Operation *root, const Target &target);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_CONVERTROUNDED_H
