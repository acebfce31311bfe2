//===- SafetensorsWriter.cpp - writing weight files -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/SafetensorsWriter.h"

#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir::transformer;

void SafetensorsWriter::add(std::string name, DataType type,
                            ArrayRef<int64_t> shape, ArrayRef<char> bytes) {
  add(std::move(name), type, shape, [bytes](Sink sink) { return sink(bytes); });
}

void SafetensorsWriter::add(std::string name, DataType type,
                            ArrayRef<int64_t> shape, Producer producer) {
  tensors.push_back({std::move(name), type,
                     SmallVector<int64_t, 4>(shape.begin(), shape.end()),
                     std::move(producer)});
}

void SafetensorsWriter::addMetadata(std::string key, std::string value) {
  metadata.emplace_back(std::move(key), std::move(value));
}

// The length and the JSON, padded so that the data begin at a multiple of 64.
Expected<std::string> SafetensorsWriter::header(StringRef path) const {
  std::string text(8, 0);
  raw_string_ostream os(text);
  json::OStream out(os);
  StringSet<> names;
  uint64_t offset = 0;
  out.objectBegin();
  if (!metadata.empty())
    out.attributeObject("__metadata__", [&] {
      for (auto &[key, value] : metadata)
        out.attribute(key, value);
    });
  for (const Tensor &tensor : tensors) {
    auto bytes = byteCount(tensor.type, tensor.shape);
    uint64_t end = offset;
    if (!bytes || __builtin_add_overflow(offset, *bytes, &end))
      return makeError(path + ": tensor " + quoted(tensor.name) +
                       ": the size of shape " + shapeString(tensor.shape) +
                       " does not fit in 63 bits");
    if (!names.insert(tensor.name).second || tensor.name == "__metadata__")
      return makeError(path + ": tensor " + quoted(tensor.name) +
                       ": the name is used twice");
    out.attributeObject(tensor.name, [&] {
      out.attribute("dtype", dataTypeName(tensor.type));
      out.attributeArray("shape", [&] {
        for (int64_t dim : tensor.shape)
          out.value(dim);
      });
      out.attributeArray("data_offsets", [&] {
        out.value(static_cast<int64_t>(offset));
        out.value(static_cast<int64_t>(end));
      });
    });
    offset = end;
  }
  out.objectEnd();
  out.flush();
  os.flush();
  text.resize(alignTo(text.size(), 64), ' ');
  if (text.size() - 8 > limits::headerBytes)
    return makeError(path + ": the header would have " +
                     Twine(text.size() - 8) + " bytes; the format allows " +
                     Twine(limits::headerBytes));
  support::endian::write64le(text.data(), text.size() - 8);
  return text;
}

Error SafetensorsWriter::write(StringRef path) const {
  Expected<std::string> start = header(path);
  if (!start)
    return start.takeError();
  auto file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = (*file)->write(*start))
    return error;
  for (const Tensor &tensor : tensors) {
    uint64_t written = 0;
    Error error = tensor.producer([&](ArrayRef<char> bytes) {
      written += bytes.size();
      return (*file)->write(StringRef(bytes.data(), bytes.size()));
    });
    if (error)
      return error;
    uint64_t needed = *byteCount(tensor.type, tensor.shape);
    if (written != needed)
      return makeError(path + ": tensor " + quoted(tensor.name) + ": " +
                       Twine(written) + " bytes were given but " +
                       dataTypeName(tensor.type) + shapeString(tensor.shape) +
                       " needs " + Twine(needed));
  }
  return (*file)->commit();
}
