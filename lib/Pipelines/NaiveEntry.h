//===- NaiveEntry.h - artifacts of the reference lowering -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_NAIVEENTRY_H
#define TRANSFORMER_LIB_PIPELINES_NAIVEENTRY_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::transformer {

/// Notes the inputs and outputs of @forward of a checked model as attributes of
/// the module, for the descriptor.
void describeForward(ModuleOp module);

/// Before transformer-bind-weights: describes @forward, and asks for its C
/// interface.
void prepareNaiveEntry(ModuleOp module);

/// After transformer-to-llvm-naive: adds @tm_forward, which calls @forward and
/// copies the buffers that it returns to the outputs. So the reference lowering
/// can run behind the same interface as the fast one.
void addNaiveEntry(ModuleOp module);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_NAIVEENTRY_H
