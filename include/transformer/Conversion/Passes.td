//===- Passes.td - Conversion passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_PASSES_TD
#define TRANSFORMER_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // TRANSFORMER_CONVERSION_PASSES_TD
