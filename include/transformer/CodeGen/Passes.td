//===- Passes.td - CodeGen passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_TD
#define TRANSFORMER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // TRANSFORMER_CODEGEN_PASSES_TD
