//===- MappedFile.cpp - a file's bytes, read-only -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/MappedFile.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Interrupt.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::transformer;

static StringRef kindOf(mode_t mode) {
  if (S_ISDIR(mode))
    return "a directory";
  if (S_ISFIFO(mode))
    return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "a device";
  return "a special file";
}

Expected<std::shared_ptr<MappedFile>> MappedFile::open(StringRef path) {
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->name = path.str();
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  file->fd = ::open(file->name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->fd < 0)
    return makeErrnoError(path + ": cannot be opened", errno);
  struct stat info;
  if (fstat(file->fd, &info))
    return makeErrnoError(path + ": cannot be examined", errno);
  if (!S_ISREG(info.st_mode))
    return makeError(path + ": is " + kindOf(info.st_mode) +
                     "; a regular file is needed");
  file->bytes = info.st_size;
  file->modified = info.st_mtim;
  return file;
}

MappedFile::~MappedFile() {
  if (base) {
    forgetMapping(base);
    munmap(base, bytes);
  }
  if (fd >= 0)
    close(fd);
}

Expected<std::string> MappedFile::read(uint64_t offset, uint64_t count) const {
  std::string buffer(count, 0);
  uint64_t done = 0;
  while (done < count) {
    ssize_t got = pread(fd, buffer.data() + done, count - done, offset + done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return makeErrnoError(name + ": cannot be read", errno);
    if (got == 0)
      return makeError(name + ": ends at byte " + Twine(offset + done) +
                       ", but " + Twine(offset + count) +
                       " bytes were there when it was opened");
    done += got;
  }
  return buffer;
}

Error MappedFile::map() {
  if (base || !bytes)
    return Error::success();
  void *address = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED)
    return makeErrnoError(name + ": cannot be mapped into memory", errno);
  base = address;
  rememberMapping(base, bytes, name);
  return Error::success();
}

Error MappedFile::checkUnchanged() const {
  struct stat info;
  if (fstat(fd, &info))
    return makeErrnoError(name + ": cannot be examined", errno);
  if (uint64_t(info.st_size) != bytes)
    return makeError(name + ": had " + Twine(bytes) + " bytes and now has " +
                     Twine(uint64_t(info.st_size)) +
                     "; it changed while it was being read");
  if (info.st_mtim.tv_sec != modified.tv_sec ||
      info.st_mtim.tv_nsec != modified.tv_nsec)
    return makeError(name + ": was written to while it was being read");
  return Error::success();
}

Expected<std::string> mlir::transformer::readSmallFile(StringRef path,
                                                       uint64_t limit) {
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  if ((*file)->size() > limit)
    return makeError(path + ": the file has " + Twine((*file)->size()) +
                     " bytes; at most " + Twine(limit) + " are accepted");
  return (*file)->read(0, (*file)->size());
}
