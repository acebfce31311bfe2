//===- Fatbin.cpp - machine code by NVIDIA's tools ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Fatbin.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/ScratchDirectory.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

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
  auto directory =
      ScratchDirectory::create("transformer-cubin", "a temporary directory");
  if (!directory)
    return directory.takeError();
  auto file = [&](StringRef name) { return (*directory)->file(name); };
  std::string source = file("kernels.ptx"), cubin = file("kernels.cubin"),
              fatbin = file("kernels.fatbin"), messages = file("messages");
  if (llvm::Error error = writeScratchFile(source, ptx))
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
