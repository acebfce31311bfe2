//===- AtomicFile.cpp - files that are whole or absent --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/AtomicFile.h"

#include "TemporaryName.h"
#include "transformer/Support/Error.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::transformer;

Expected<std::unique_ptr<AtomicFile>> AtomicFile::create(StringRef path) {
  std::unique_ptr<AtomicFile> file(new AtomicFile);
  file->target = path.str();
  struct stat info;
  if (stat(file->target.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode))
      return makeError(path + ": is a directory; a file name is needed");
    file->fd = ::open(file->target.c_str(), O_WRONLY | O_CLOEXEC);
    if (file->fd < 0)
      return makeErrnoError(path + ": cannot be written", errno);
    return file;
  }
  // A link stays a link: its target is what gets replaced.
  SmallString<256> real;
  if (!sys::fs::real_path(path, real))
    file->target = real.str().str();
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string name = temporaryName(file->target);
    file->guard = std::make_unique<TemporaryPath>(name);
    file->fd =
        ::open(name.c_str(),
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file->fd >= 0) {
      file->temporary = std::move(name);
      return file;
    }
    file->guard.reset();
    if (errno != EEXIST)
      break;
  }
  return makeErrnoError(path + ": cannot be written", errno);
}

AtomicFile::~AtomicFile() {
  if (fd >= 0)
    close(fd);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Error AtomicFile::write(StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t done = ::write(fd, bytes.data(),
                           std::min<size_t>(bytes.size(), size_t(1) << 30));
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return makeErrnoError(target + ": cannot be written", errno);
    bytes = bytes.drop_front(done);
  }
  return Error::success();
}

Error AtomicFile::commit() {
  if (!temporary.empty() && fsync(fd))
    return makeErrnoError(target + ": cannot be written", errno);
  int status = close(fd);
  fd = -1;
  if (status)
    return makeErrnoError(target + ": cannot be written", errno);
  if (temporary.empty())
    return Error::success();
  if (rename(temporary.c_str(), target.c_str()))
    return makeErrnoError(target + ": cannot be replaced", errno);
  temporary.clear();
  guard.reset();
  syncDirectoryOf(target);
  return Error::success();
}

Error mlir::transformer::writeFileAtomically(StringRef path, StringRef bytes) {
  auto file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = (*file)->write(bytes))
    return error;
  return (*file)->commit();
}
