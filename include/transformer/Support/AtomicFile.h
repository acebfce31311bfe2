//===- AtomicFile.h - outputs that are whole or absent --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_ATOMICFILE_H
#define TRANSFORMER_SUPPORT_ATOMICFILE_H

#include "transformer/Support/Interrupt.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace mlir::transformer {

/// A file that appears under its name when commit() succeeds, and not before.
/// It is written beside its target, synced and renamed; whatever was there
/// stays whole until then. Pipes and devices are written directly.
class AtomicFile {
public:
  static llvm::Expected<std::unique_ptr<AtomicFile>>
  create(llvm::StringRef path);
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  llvm::Error write(llvm::StringRef bytes);
  llvm::Error commit();

private:
  AtomicFile() = default;
  std::string target, temporary; // temporary is empty for pipes and devices
  std::unique_ptr<TemporaryPath> guard;
  int fd = -1;
};

/// The common case.
llvm::Error writeFileAtomically(llvm::StringRef path, llvm::StringRef bytes);

/// A directory that takes its target's place in one step at commit().
/// The target may be missing, an empty directory, or an older artifact (it
/// holds model.so, weights.safetensors and report.json); all else is refused,
/// when it is created and again at commit().
class AtomicDirectory {
public:
  static llvm::Expected<std::unique_ptr<AtomicDirectory>>
  create(llvm::StringRef target);
  /// Removes the temporary directory unless it was committed.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory &) = delete;
  AtomicDirectory &operator=(const AtomicDirectory &) = delete;

  /// Where to write; beside the target.
  llvm::StringRef path() const { return temporary; }
  /// Syncs everything below path() and puts it in the target's place.
  llvm::Error commit();

private:
  AtomicDirectory() = default;
  std::string target, temporary;
  std::unique_ptr<TemporaryPath> guard;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_ATOMICFILE_H
