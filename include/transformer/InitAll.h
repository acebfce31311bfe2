//===- InitAll.h - one call that registers everything ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_INITALL_H
#define TRANSFORMER_INITALL_H

namespace mlir {
class DialectRegistry;
namespace transformer {

/// Adds the dialects of this project, and the extensions they need.
void registerAllTransformerDialects(DialectRegistry &registry);

/// Registers the passes and named pipelines of this project. Safe to call more
/// than once in a process.
void registerAllTransformerPasses();

} // namespace transformer
} // namespace mlir

#endif // TRANSFORMER_INITALL_H
