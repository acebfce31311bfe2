//===- TemporaryName.h - names beside a target ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_SUPPORT_TEMPORARYNAME_H
#define TRANSFORMER_LIB_SUPPORT_TEMPORARYNAME_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace mlir::transformer {

/// A new hidden name in the directory of `target`.
std::string temporaryName(llvm::StringRef target);

/// Makes a rename in the directory of `path` last. Best effort: some file
/// systems cannot sync directories.
void syncDirectoryOf(llvm::StringRef path);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_SUPPORT_TEMPORARYNAME_H
