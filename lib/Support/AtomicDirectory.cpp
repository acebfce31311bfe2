//===- AtomicDirectory.cpp - directories that are whole or absent ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TemporaryName.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::transformer;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string mlir::transformer::temporaryName(StringRef target) {
  SmallString<256> result(path::parent_path(target));
  std::string random = utohexstr(sys::Process::GetRandomNumber(), true);
  // Long names are cut: the temporary one must fit where its target does.
  path::append(result, "." + path::filename(target).take_front(200) + ".tmp-" +
                           Twine(sys::Process::getProcessId()) + "-" + random);
  return result.str().str();
}

void mlir::transformer::syncDirectoryOf(StringRef target) {
  std::string parent = path::parent_path(target).str();
  int fd = ::open(parent.empty() ? "." : parent.c_str(),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  fsync(fd);
  close(fd);
}

static bool isEmptyDirectory(const Twine &directory) {
  std::error_code error;
  fs::directory_iterator it(directory, error), end;
  return !error && it == end;
}

// Fails if `target` holds anything that is not ours to replace.
static Error checkReplaceable(StringRef target) {
  fs::file_status status;
  if (std::error_code error = fs::status(target, status, /*follow=*/true)) {
    if (status.type() == fs::file_type::file_not_found) {
      if (fs::is_symlink_file(target))
        return makeError(target + ": is a link to nothing; make the directory "
                                  "that it names, or name another one");
      return Error::success();
    }
    return makeError(target + ": cannot be examined: " + error.message());
  }
  if (status.type() != fs::file_type::directory_file)
    return makeError(target + ": is not a directory, so it is left alone; name "
                              "a new or empty directory, or an older artifact");
  if (isEmptyDirectory(target))
    return Error::success();
  for (StringRef name : {"model.so", "weights.safetensors", "report.json"})
    if (!fs::exists(target + "/" + name))
      return makeError(target + ": is not empty and holds no " + name +
                       ", so it is left alone; name a new or empty directory, "
                       "or an older artifact");
  return Error::success();
}

Expected<std::unique_ptr<AtomicDirectory>>
AtomicDirectory::create(StringRef target) {
  SmallString<256> absolute(target);
  if (target.empty() || fs::make_absolute(absolute))
    return makeError("the name of the output directory is empty");
  path::remove_dots(absolute);
  while (absolute.size() > 1 && absolute.back() == '/')
    absolute.pop_back();
  // A link stays a link: the directory that it names gets replaced.
  SmallString<256> real;
  if (!fs::real_path(absolute, real))
    absolute = real;
  if (Error error = checkReplaceable(absolute))
    return std::move(error);
  StringRef parent = path::parent_path(absolute);
  if (!fs::is_directory(parent))
    return makeError(target + ": its parent directory does not exist");

  std::unique_ptr<AtomicDirectory> result(new AtomicDirectory);
  result->target = absolute.str().str();
  std::string name = temporaryName(absolute);
  result->guard = std::make_unique<TemporaryPath>(name);
  if (mkdir(name.c_str(), 0777))
    return makeErrnoError(target + ": its parent directory cannot be written",
                          errno);
  result->temporary = std::move(name);
  return result;
}

AtomicDirectory::~AtomicDirectory() {
  if (!temporary.empty())
    fs::remove_directories(temporary);
}

static Error syncTree(StringRef directory) {
  std::error_code error;
  fs::recursive_directory_iterator it(directory, error, /*follow=*/false), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->type() != fs::file_type::regular_file &&
        it->type() != fs::file_type::directory_file)
      continue;
    int fd = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int status = fd < 0 ? -1 : fsync(fd);
    int code = errno;
    if (fd >= 0)
      close(fd);
    if (status)
      return makeErrnoError(it->path() + ": cannot be written", code);
  }
  if (error)
    return makeError(directory + ": cannot be read back: " + error.message());
  return Error::success();
}

// Puts `temporary` in the place of `target`, an existing directory, which then
// has the name `temporary`.
static int exchangeNames(const std::string &temporary,
                         const std::string &target) {
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(),
                RENAME_EXCHANGE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  // This file system cannot: two renames, with a moment between them in which
  // the target is absent.
  std::string aside = temporaryName(target);
  if (rename(target.c_str(), aside.c_str()))
    return errno;
  if (rename(temporary.c_str(), target.c_str())) {
    int code = errno;
    rename(aside.c_str(), target.c_str());
    return code;
  }
  return rename(aside.c_str(), temporary.c_str()) ? errno : 0;
}

Error AtomicDirectory::commit() {
  if (Error error = syncTree(temporary))
    return error;
  syncDirectoryOf(temporary + "/.");
  if (Error error = checkReplaceable(target))
    return error;
  // rename replaces a missing target or an empty directory, and nothing else.
  if (rename(temporary.c_str(), target.c_str()) == 0) {
    temporary.clear();
  } else {
    int code = errno;
    if (code == ENOTEMPTY || code == EEXIST)
      code = exchangeNames(temporary, target);
    if (code)
      return makeErrnoError(target + ": cannot be replaced", code);
    // What has the temporary name now is the old artifact.
    fs::remove_directories(temporary);
    temporary.clear();
  }
  guard.reset();
  syncDirectoryOf(target);
  return Error::success();
}
