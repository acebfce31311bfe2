//===- Emulate.h - code of one CPU level on another -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_CODEGEN_EMULATE_H
#define TRANSFORMER_UNITTESTS_CODEGEN_EMULATE_H

#include "transformer/CodeGen/Target.h"

namespace llvm {
class Module;
}

namespace mlir::transformer::test {

/// Whether this machine can run code of the level.
bool isRunnable(const Target &target);

/// Replaces the intrinsics of CPU levels by plain LLVM IR that computes the
/// same, so that what was emitted for one level runs on any machine: wide
/// vectors are split by the back end, and all else is plain IR anyway. It shows
/// that the numbers are right, and nothing about speed. False if an intrinsic
/// is not known here.
bool emulateIntrinsics(llvm::Module &module);

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_CODEGEN_EMULATE_H
