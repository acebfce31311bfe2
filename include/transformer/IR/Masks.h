//===- Masks.h - what masks are made of ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_MASKS_H
#define TRANSFORMER_IR_MASKS_H

#include "mlir/IR/Value.h"

namespace mlir::transformer {

/// The integers of which a mask says which are not 0, if `arith.cmpi ne` says
/// so; else the mask.
Value maskSource(Value mask);

} // namespace mlir::transformer

#endif // TRANSFORMER_IR_MASKS_H
