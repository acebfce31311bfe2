//===- Import.h - Hugging Face checkpoints to modules ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IMPORT_IMPORT_H
#define TRANSFORMER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>

namespace mlir::transformer {

struct ImportOptions {
  /// Bind each weight to the mapped file (nothing is copied). Otherwise the
  /// globals stay extern, as `transformer-load-weights` expects them.
  bool bindWeights = true;
  /// Called with remarks that are no errors, such as unused tensors.
  std::function<void(const Twine &)> note;
};

/// Reads `config.json`, the weights and, where there is one, `modules.json` of
/// a checkpoint directory into a module with one function, @forward, on packed
/// sequences. Every problem is given to `problem`, one sentence each, before
/// failure is returned.
///
/// A global has the name of its tensor in the file. Locations are the module
/// paths in it without the prefix of the base model ("bert.", "roberta.", ...),
/// so that a path means the same with any head.
FailureOr<OwningOpRef<ModuleOp>>
importCheckpoint(MLIRContext &context, StringRef directory,
                 const ImportOptions &options,
                 function_ref<void(const Twine &)> problem);

} // namespace mlir::transformer

#endif // TRANSFORMER_IMPORT_IMPORT_H
