//===- ScratchDirectory.cpp - files for other programs --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/ScratchDirectory.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir::transformer;

Expected<std::unique_ptr<ScratchDirectory>>
ScratchDirectory::create(StringRef prefix, const Twine &what) {
  SmallString<128> path;
  if (std::error_code code = sys::fs::createUniqueDirectory(prefix, path))
    return makeError("cannot make " + what + ": " + code.message());
  return std::unique_ptr<ScratchDirectory>(new ScratchDirectory(path));
}

ScratchDirectory::~ScratchDirectory() { sys::fs::remove_directories(path); }

Error mlir::transformer::writeScratchFile(StringRef path, StringRef bytes) {
  std::error_code code;
  raw_fd_ostream stream(path, code);
  if (!code) {
    stream << bytes;
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  if (code)
    return makeErrnoError("cannot write " + path, code.value());
  return Error::success();
}
