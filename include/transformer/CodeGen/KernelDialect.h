//===- KernelDialect.h - the transformer_kernel dialect -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Destination-style tile ops between linalg and the register-tile emitters.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_CODEGEN_KERNELDIALECT_H
#define TRANSFORMER_CODEGEN_KERNELDIALECT_H

#include "transformer/IR/TransformerDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "transformer/CodeGen/KernelDialect.h.inc"
#define GET_OP_CLASSES
#include "transformer/CodeGen/KernelOps.h.inc"

#endif // TRANSFORMER_CODEGEN_KERNELDIALECT_H
