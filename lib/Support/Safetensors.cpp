//===- Safetensors.cpp - reading weight files -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Safetensors.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/SwapByteOrder.h"

using namespace llvm;
using namespace mlir::transformer;

// What a file that is no safetensors file seems to be, with the remedy.
static std::string foreignFormat(StringRef start) {
  if (start.starts_with("version https://git-lfs"))
    return "this is a git-lfs pointer; the weights themselves are missing: run "
           "'git lfs pull'";
  if (start.starts_with("PK\3\4"))
    return "this is a zip archive (perhaps a PyTorch .bin or .pt file); "
           "convert "
           "it with save_pretrained(..., safe_serialization=True)";
  if (start.size() > 1 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5)
    return "this is a Python pickle (perhaps a PyTorch .bin or .pt file); "
           "convert it with save_pretrained(..., safe_serialization=True)";
  if (start.starts_with("GGUF"))
    return "this is a GGUF file; the original safetensors checkpoint is needed";
  if (start.starts_with("\x89HDF"))
    return "this is an HDF5 file; the safetensors checkpoint is needed";
  if (start.ltrim().take_front(14).starts_with_insensitive("<!doctype html") ||
      start.ltrim().starts_with_insensitive("<html"))
    return "this is a web page, not a weight file; download it again";
  return "";
}

// The bytes of JSON that follow the first eight, checked against the file.
static Expected<uint64_t> headerLength(const MappedFile &file) {
  StringRef path = file.path();
  if (file.size() == 0)
    return makeError(path + ": the file is empty");
  auto start = file.read(0, std::min<uint64_t>(file.size(), 64));
  if (!start)
    return start.takeError();
  std::string problem;
  uint64_t length = 0;
  if (file.size() < 8) {
    problem = "the file has " + std::to_string(file.size()) +
              " bytes; the header length alone needs 8";
  } else {
    length = support::endian::read64le(start->data());
    if (length > limits::headerBytes)
      problem = "the header length " + std::to_string(length) +
                " is larger than " + std::to_string(limits::headerBytes);
    else if (length > file.size() - 8)
      problem = "the header length " + std::to_string(length) +
                " is larger than the rest of the file, " +
                std::to_string(file.size() - 8) + " bytes";
    else if (length < 2)
      problem = "the header length " + std::to_string(length) +
                " is too small for a JSON object";
  }
  if (problem.empty())
    return length;
  std::string format = foreignFormat(*start);
  return makeError(path + ": not a safetensors file: " +
                   (format.empty() ? problem : format));
}

Expected<Safetensors> Safetensors::open(StringRef path) {
  if (sys::IsBigEndianHost)
    return makeError("weight files can only be used on little-endian machines");
  auto file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Expected<uint64_t> length = headerLength(**file);
  if (!length)
    return length.takeError();
  Expected<std::string> json = (*file)->read(8, *length);
  if (!json)
    return json.takeError();

  Safetensors result;
  result.state = std::make_shared<State>();
  State &state = *result.state;
  state.file = *file;
  state.dataOffset = 8 + *length;
  auto header = parseSafetensorsHeader(*json, (*file)->size() - 8 - *length);
  if (!header)
    return makeError(path + ": " + toString(header.takeError()));
  state.header = std::move(*header);
  for (size_t i = 0; i < state.header.tensors.size(); ++i)
    state.byName[state.header.tensors[i].name] = i;
  if (Error error = (*file)->map())
    return std::move(error);
  return result;
}

const TensorInfo *Safetensors::find(StringRef name) const {
  auto it = state->byName.find(name);
  return it == state->byName.end() ? nullptr
                                   : &state->header.tensors[it->second];
}
