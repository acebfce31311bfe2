//===- MappedFile.h - a file's bytes, read-only ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_MAPPEDFILE_H
#define TRANSFORMER_SUPPORT_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <ctime>
#include <memory>
#include <string>

namespace mlir::transformer {

/// A regular file (or a symbolic link to one; never a directory, pipe or
/// device), opened and, on demand, mapped. Small parts are read with pread, so
/// that a file cut short meanwhile is an error there and not a signal.
class MappedFile {
public:
  static llvm::Expected<std::shared_ptr<MappedFile>> open(llvm::StringRef path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::StringRef path() const { return name; }
  uint64_t size() const { return bytes; }
  llvm::Expected<std::string> read(uint64_t offset, uint64_t count) const;
  llvm::Error map();
  /// The whole file; empty before map().
  llvm::ArrayRef<char> data() const {
    return {static_cast<const char *>(base), base ? bytes : 0};
  }
  /// Fails when the file was cut, grown or written to since it was opened.
  llvm::Error checkUnchanged() const;

private:
  MappedFile() = default;
  std::string name;
  int fd = -1;
  uint64_t bytes = 0;
  timespec modified = {};
  void *base = nullptr;
};

/// A whole small file; one above `limit` bytes is refused.
llvm::Expected<std::string> readSmallFile(llvm::StringRef path, uint64_t limit);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_MAPPEDFILE_H
