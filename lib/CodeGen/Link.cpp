//===- Link.cpp - object to shared library --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Link.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/ScratchDirectory.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>

using namespace mlir;
using namespace mlir::transformer;

extern "C" {
extern const char tm_embedded_x86_64_begin[], tm_embedded_x86_64_end[];
extern const char tm_embedded_aarch64_begin[], tm_embedded_aarch64_end[];
extern const char tm_embedded_header_begin[], tm_embedded_header_end[];
}

StringRef mlir::transformer::modelHeader() {
  return {tm_embedded_header_begin,
          size_t(tm_embedded_header_end - tm_embedded_header_begin)};
}

/// The archive of that architecture; empty if this build has none.
static StringRef runtimeOf(const llvm::Triple &triple) {
  if (triple.getArch() == llvm::Triple::x86_64)
    return {tm_embedded_x86_64_begin,
            size_t(tm_embedded_x86_64_end - tm_embedded_x86_64_begin)};
  return {tm_embedded_aarch64_begin,
          size_t(tm_embedded_aarch64_end - tm_embedded_aarch64_begin)};
}

// The functions of model.h and nothing else.
static constexpr StringLiteral kExports = R"({
  global: tm_abi_version; tm_build_id; tm_target; tm_load; tm_free;
          tm_input_count; tm_input_info; tm_output_count; tm_output_info;
          tm_max_length; tm_threads; tm_level; tm_run;
          tm_profile_start; tm_profile_spans; tm_profile_events;
          tm_profile_stop; tm_device; tm_device_alloc; tm_device_free; tm_device_copy;
  local: *;
};
)";

static llvm::Expected<std::string> findLinker(StringRef linker) {
  if (!linker.empty()) {
    if (!llvm::sys::fs::can_execute(linker))
      return makeError("the linker " + linker + " cannot be run");
    return linker.str();
  }
  const char *path = std::getenv("PATH");
  SmallVector<StringRef> directories = {TRANSFORMER_LLVM_TOOLS};
  StringRef(path ? path : "").split(directories, ':', -1, false);
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (auto found = llvm::sys::findProgramByName(name, directories))
      return *found;
  return makeError("no linker was found: neither ld.lld-22 nor ld.lld is in "
                   "PATH or " TRANSFORMER_LLVM_TOOLS
                   "; install lld-22, or name an ELF linker with --linker");
}

static bool isHost(const llvm::Triple &triple) {
  return triple.getArch() ==
         llvm::Triple(llvm::sys::getProcessTriple()).getArch();
}

/// Where Debian has the C library of another architecture.
static SmallVector<std::string> cLibrariesOf(const llvm::Triple &triple) {
  SmallVector<std::string> result;
  for (StringRef name : {"libc.so.6", "libm.so.6"}) {
    std::string path =
        ("/usr/" + triple.getArchName() + "-linux-gnu/lib/" + name).str();
    if (!llvm::sys::fs::exists(path))
      return {};
    result.push_back(path);
  }
  return result;
}

// The C library that this process uses; it is there without a development
// package. Old ones keep the threads apart.
static SmallVector<std::string> cLibraries() {
  SmallVector<std::string> result;
  for (void *function : {reinterpret_cast<void *>(&std::getenv),
                         reinterpret_cast<void *>(&pthread_create),
                         reinterpret_cast<void *>(&erff)}) {
    Dl_info info;
    // A sanitizer's own pthread_create lies in the program itself.
    if (!dladdr(function, &info) || !info.dli_fname ||
        !llvm::sys::path::filename(info.dli_fname).starts_with("lib"))
      continue;
    if (!llvm::is_contained(result, info.dli_fname))
      result.push_back(info.dli_fname);
  }
  return result;
}

// `bytes`: as much as the library can have. On a full disk lld dies of the
// write to a mapped page.
static llvm::Error runLinker(StringRef linker, ArrayRef<StringRef> arguments,
                             StringRef messages, StringRef output,
                             uint64_t bytes) {
  std::string problem;
  // Its messages go to a file: they are part of ours.
  std::optional<StringRef> redirects[] = {StringRef(""), messages, messages};
  int status = llvm::sys::ExecuteAndWait(linker, arguments, std::nullopt,
                                         redirects, 0, 0, &problem);
  if (status == 0)
    return llvm::Error::success();
  auto space = llvm::sys::fs::disk_space(llvm::sys::path::parent_path(output));
  if (status < 0 && space && space->available < bytes)
    return makeErrnoError("cannot write " + output, ENOSPC);
  if (problem.empty())
    if (auto text = llvm::MemoryBuffer::getFile(messages))
      problem = (*text)->getBuffer().trim().split('\n').first.str();
  if (problem.empty())
    problem = "status " + std::to_string(status);
  return makeError("cannot link the model: " + linker + ": " + problem);
}

llvm::Expected<std::string>
mlir::transformer::chooseLinker(const Target &target, StringRef linker) {
  llvm::Triple triple(target.triple);
  StringRef arch = triple.getArchName();
  std::string package =
      arch == "aarch64" ? "libc6-dev-arm64-cross" : "libc6-dev-amd64-cross";
  if (runtimeOf(triple).empty())
    return makeError("cannot make an artifact for " + target.name +
                     ": this compiler was built without the runtime for " +
                     arch + " (the build takes it in where Debian's " +
                     package +
                     " is installed); compile on such a machine, "
                     "or use --emit=obj");
  if (!isHost(triple) && cLibrariesOf(triple).empty())
    return makeError("cannot make an artifact for " + target.name +
                     ": there is no C library for " + arch + " in /usr/" +
                     arch + "-linux-gnu/lib; install Debian's " + package +
                     ", compile on such a machine, or use --emit=obj");
  return findLinker(linker);
}

llvm::Error mlir::transformer::linkModel(ArrayRef<ArrayRef<char>> objects,
                                         const Target &target, StringRef linker,
                                         StringRef output) {
  llvm::Expected<std::string> path = chooseLinker(target, linker);
  if (!path)
    return path.takeError();
  llvm::Triple triple(target.triple);

  auto directory = ScratchDirectory::create((output + ".link").str(),
                                            "a directory beside " + output);
  if (!directory)
    return directory.takeError();
  auto file = [&](const Twine &name) { return (*directory)->file(name); };
  std::string exports = file("exports");
  std::string runtime = file("runtime.a"), messages = file("messages");
  SmallVector<std::pair<std::string, StringRef>> files = {
      {exports, kExports}, {runtime, runtimeOf(triple)}};
  SmallVector<std::string> objectFiles;
  for (ArrayRef<char> object : objects) {
    objectFiles.push_back(file("model" + std::to_string(files.size()) + ".o"));
    files.emplace_back(objectFiles.back(),
                       StringRef(object.data(), object.size()));
  }
  uint64_t bytes = 0;
  for (const auto &[name, content] : files) {
    bytes += content.size();
    if (llvm::Error error = writeScratchFile(name, content))
      return error;
  }

  SmallVector<std::string> libraries =
      isHost(triple) ? cLibraries() : cLibrariesOf(triple);
  std::string script = "--version-script=" + exports;
  SmallVector<StringRef> arguments = {*path,
                                      "-shared",
                                      "-soname",
                                      "model.so",
                                      "-o",
                                      output,
                                      script,
                                      "-Bsymbolic",
                                      "--gc-sections",
                                      "--strip-all",
                                      "--build-id=none",
                                      "--hash-style=gnu",
                                      "-z",
                                      "relro",
                                      "-z",
                                      "now",
                                      "-z",
                                      "noexecstack",
                                      "-z",
                                      "defs"};
  arguments.append(objectFiles.begin(), objectFiles.end());
  arguments.append({"--whole-archive", runtime, "--no-whole-archive"});
  arguments.push_back("--as-needed");
  arguments.append(libraries.begin(), libraries.end());
  return runLinker(*path, arguments, messages, output, bytes);
}
