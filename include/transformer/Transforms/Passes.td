//===- Passes.td - Transforms passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_PASSES_TD
#define TRANSFORMER_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // TRANSFORMER_TRANSFORMS_PASSES_TD
