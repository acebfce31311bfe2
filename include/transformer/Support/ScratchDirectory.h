//===- ScratchDirectory.h - files for other programs ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_SCRATCHDIRECTORY_H
#define TRANSFORMER_SUPPORT_SCRATCHDIRECTORY_H

#include "transformer/Support/Interrupt.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace mlir::transformer {

/// A new directory that goes, with everything in it, when this does, or when
/// the process is stopped.
class ScratchDirectory {
public:
  /// Its name begins with `prefix`, in the directory for temporary files if
  /// that has none. `what` names it in the error.
  static llvm::Expected<std::unique_ptr<ScratchDirectory>>
  create(llvm::StringRef prefix, const llvm::Twine &what);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory &) = delete;
  ScratchDirectory &operator=(const ScratchDirectory &) = delete;

  /// The path of a file in it.
  std::string file(const llvm::Twine &name) const {
    return (path + "/" + name).str();
  }

private:
  explicit ScratchDirectory(llvm::StringRef path) : path(path), guard(path) {}
  std::string path;
  TemporaryPath guard;
};

/// Without waiting for the disk.
llvm::Error writeScratchFile(llvm::StringRef path, llvm::StringRef bytes);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_SCRATCHDIRECTORY_H
