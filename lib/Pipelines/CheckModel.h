//===- CheckModel.h - can a module become an artifact? --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_CHECKMODEL_H
#define TRANSFORMER_LIB_PIPELINES_CHECKMODEL_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::transformer {

/// Whether @forward has the inputs and outputs that the runtime knows. Says
/// everything that is wrong.
LogicalResult checkModel(ModuleOp module);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_CHECKMODEL_H
