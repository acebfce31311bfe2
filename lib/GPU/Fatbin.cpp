//===- Fatbin.cpp - machine code by NVIDIA's tools ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Fatbin.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace mlir::transformer;
using namespace mlir::transformer::gpu;
using llvm::StringRef;

llvm::Expected<std::optional<Toolkit>>
mlir::transformer::gpu::findToolkit(StringRef directory) {
  std::vector<std::string> places;
  auto add = [&](StringRef place) { places.push_back((place + "/bin").str()); };
  if (!directory.empty()) {
    add(directory);
  } else {
    llvm::SmallVector<StringRef> path;
    const char *value = std::getenv("PATH");
    StringRef(value ? value : "").split(path, ':', -1, /*KeepEmpty=*/false);
    places.assign(path.begin(), path.end());
    for (const char *name : {"CUDA_ROOT", "CUDA_HOME", "CUDA_PATH"})
      if (const char *place = std::getenv(name))
        add(place);
  }
  llvm::SmallVector<StringRef> views(places.begin(), places.end());
  auto ptxas = llvm::sys::findProgramByName("ptxas", views);
  auto fatbinary = llvm::sys::findProgramByName("fatbinary", views);
  if (ptxas && fatbinary)
    return Toolkit{*ptxas, *fatbinary};
  if (!directory.empty())
    return makeError(directory + ": is no CUDA toolkit: there is no " +
                     (ptxas ? "fatbinary" : "ptxas") + " in " + places[0]);
  return std::nullopt;
}

static llvm::Error writeFile(StringRef path, StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (!code) {
    stream << text;
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  return code ? makeErrnoError("cannot write " + path, code.value())
              : llvm::Error::success();
}

static llvm::Expected<std::string> readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError("cannot read " + path + ": " +
                     buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// All that the program says goes to the file `messages`.
static llvm::Error runTool(llvm::ArrayRef<StringRef> command,
                           StringRef messages) {
  std::optional<StringRef> redirects[] = {StringRef(""), messages, messages};
  std::string problem;
  int status = llvm::sys::ExecuteAndWait(command[0], command, std::nullopt,
                                         redirects, 0, 0, &problem);
  if (status == 0)
    return llvm::Error::success();
  if (problem.empty())
    if (auto text = llvm::MemoryBuffer::getFile(messages))
      problem = (*text)->getBuffer().trim().split('\n').first.str();
  if (problem.empty())
    problem = "status " + std::to_string(status);
  return makeError(command[0] + ": " + problem);
}

llvm::Expected<Fatbin>
mlir::transformer::gpu::makeFatbin(const Toolkit &toolkit, StringRef ptx,
                                   const Chip &chip) {
  llvm::SmallString<128> directory;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("transformer-cubin", directory))
    return makeError("cannot make a temporary directory: " + code.message());
  TemporaryPath guard(directory);
  auto cleanup =
      llvm::scope_exit([&] { llvm::sys::fs::remove_directories(directory); });
  auto file = [&](StringRef name) { return (directory + "/" + name).str(); };
  std::string source = file("kernels.ptx"), cubin = file("kernels.cubin"),
              fatbin = file("kernels.fatbin"), messages = file("messages");
  if (llvm::Error error = writeFile(source, ptx))
    return std::move(error);
  std::string arch = ("-arch=" + chip.name).str();
  if (llvm::Error error =
          runTool({toolkit.ptxas, "-O3", arch, source, "-o", cubin}, messages))
    return std::move(error);
  // The PTX stays readable, as it is without the toolkit.
  StringRef number = chip.name.drop_front(3); // sm_
  std::string create = "--create=" + fatbin,
              code =
                  ("--image3=kind=elf,sm=" + number + ",file=").str() + cubin,
              text =
                  ("--image3=kind=ptx,sm=" + number + ",file=").str() + source;
  if (llvm::Error error =
          runTool({toolkit.fatbinary, create, "--compress=false", code, text},
                  messages))
    return std::move(error);
  llvm::Expected<std::string> bytes = readFile(fatbin);
  if (!bytes)
    return bytes.takeError();
  llvm::Expected<std::string> machineCode = readFile(cubin);
  if (!machineCode)
    return machineCode.takeError();
  return Fatbin{std::move(*bytes), std::move(*machineCode)};
}
