//===- Link.h - object to shared library ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_LINK_H
#define TRANSFORMER_CODEGEN_LINK_H

#include "transformer/CodeGen/Target.h"

#include "llvm/Support/Error.h"

namespace mlir::transformer {

/// Links `objects`, one per CPU level, with the runtime, which this program
/// carries, to the shared library `output`. It exports the functions of model.h
/// and needs the C library only. `linker` is a path or empty. Temporary files
/// go beside `output` and are removed.
llvm::Error linkModel(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                      const Target &target, llvm::StringRef linker,
                      llvm::StringRef output);

/// The linker that linkModel uses, or why it would fail: so that nobody waits
/// for a compilation in vain.
llvm::Expected<std::string> chooseLinker(const Target &target,
                                         llvm::StringRef linker);

/// The text of model.h.
llvm::StringRef modelHeader();

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_LINK_H
