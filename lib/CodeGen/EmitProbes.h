//===- EmitProbes.h - probes to calls of the recorder -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_EMITPROBES_H
#define TRANSFORMER_LIB_CODEGEN_EMITPROBES_H

#include "transformer/CodeGen/KernelDialect.h"

#include "mlir/IR/Builders.h"

namespace mlir::transformer {

/// The recorder of the thread that has this workspace, or null.
Value threadRecorder(OpBuilder &b, Location loc, Value workspace);
/// The recorder of the thread that runs @forward, or null.
Value callRecorder(OpBuilder &b, Location loc, Value call);

/// Tells `recorder` about a probe or an enter, unless it is null.
void emitProbe(OpBuilder &b, Operation *probe, Value recorder);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_EMITPROBES_H
