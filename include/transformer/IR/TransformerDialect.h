//===- TransformerDialect.h - the transformer dialect ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect, its enums, attributes and ops.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_IR_TRANSFORMERDIALECT_H
#define TRANSFORMER_IR_TRANSFORMERDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir {
class PatternRewriter;
} // namespace mlir

#include "transformer/IR/TransformerDialect.h.inc"
#include "transformer/IR/TransformerEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "transformer/IR/TransformerAttrs.h.inc"
#define GET_OP_CLASSES
#include "transformer/IR/TransformerOps.h.inc"

#endif // TRANSFORMER_IR_TRANSFORMERDIALECT_H
