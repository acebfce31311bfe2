//===- SafetensorsHeader.cpp - the rules of the format --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/StrictJson.h"

#include "llvm/ADT/STLExtras.h"

#include <map>
#include <tuple>

using namespace llvm;
using namespace mlir::transformer;

namespace {
class HeaderParser {
public:
  HeaderParser(StringRef text, uint64_t dataBytes)
      : json(text, limits::headerDepth), dataBytes(dataBytes) {}
  Expected<SafetensorsHeader> run();

private:
  Error metadata();
  Error tensor(StringRef name);
  Error shape(TensorInfo &info);
  Error offsets(TensorInfo &info);
  Error check(const TensorInfo &info);
  Error checkCoverage();

  JsonScanner json;
  uint64_t dataBytes;
  SafetensorsHeader header;
  // Begin of each tensor that has bytes -> its index: an overlap is found at
  // the second entry, however long the header is.
  std::map<uint64_t, size_t> byBegin;
};
} // namespace

static Error at(const TensorInfo &info, const Twine &what) {
  return makeError("tensor " + quoted(info.name) + ": " + what);
}

static std::string range(const TensorInfo &info) {
  return "[" + std::to_string(info.begin) + ", " + std::to_string(info.end) +
         ")";
}

Error HeaderParser::metadata() {
  return json.object([&](StringRef key) -> Error {
    Expected<std::string> value = json.string();
    if (!value)
      return makeError("__metadata__: " + toString(value.takeError()));
    header.metadata.emplace_back(key.str(), std::move(*value));
    return Error::success();
  });
}

Error HeaderParser::shape(TensorInfo &info) {
  return json.array([&]() -> Error {
    Expected<uint64_t> dim = json.unsignedInteger();
    if (!dim)
      return dim.takeError();
    if (info.shape.size() == limits::rank)
      return makeError("has more than " + Twine(limits::rank) + " dimensions");
    if (*dim >= limits::dimension)
      return makeError("dimension " + Twine(*dim) + " is not below " +
                       Twine(limits::dimension));
    info.shape.push_back(*dim);
    return Error::success();
  });
}

Error HeaderParser::offsets(TensorInfo &info) {
  SmallVector<uint64_t, 2> values;
  Error error = json.array([&]() -> Error {
    Expected<uint64_t> value = json.unsignedInteger();
    if (!value)
      return value.takeError();
    if (values.size() == 2)
      return makeError("data_offsets has more than two numbers");
    values.push_back(*value);
    return Error::success();
  });
  if (error)
    return error;
  if (values.size() != 2)
    return makeError("data_offsets has " + Twine(values.size()) +
                     " numbers; two are needed");
  info.begin = values[0];
  info.end = values[1];
  return Error::success();
}

// The rules for one tensor alone.
Error HeaderParser::check(const TensorInfo &info) {
  if (info.begin > info.end)
    return at(info, "data_offsets " + range(info) + " end before they begin");
  if (info.end > dataBytes)
    return at(info, "data_offsets " + range(info) + " lie outside of the " +
                        Twine(dataBytes) + " bytes of data in the file");
  std::string typeAndShape =
      (dataTypeName(info.type) + shapeString(info.shape)).str();
  std::optional<uint64_t> bytes = byteCount(info.type, info.shape);
  if (!bytes)
    return at(info, "the size of " + typeAndShape + " does not fit in 63 bits");
  if (*bytes != info.end - info.begin)
    return at(info, "data_offsets " + range(info) + " hold " +
                        Twine(info.end - info.begin) + " bytes but " +
                        typeAndShape + " needs " + Twine(*bytes));
  return Error::success();
}

Error HeaderParser::tensor(StringRef name) {
  if (header.tensors.size() == limits::tensors)
    return makeError("the header lists more than " + Twine(limits::tensors) +
                     " tensors");
  if (name.size() > limits::nameBytes)
    return makeError("tensor " + quoted(name) + ": the name has " +
                     Twine(name.size()) + " bytes; at most " +
                     Twine(limits::nameBytes) + " are accepted");
  TensorInfo info;
  info.name = name.str();
  bool hasType = false, hasShape = false, hasOffsets = false;
  Error error = json.object([&](StringRef key) -> Error {
    if (key == "dtype") {
      hasType = true;
      Expected<std::string> type = json.string();
      if (!type)
        return type.takeError();
      std::optional<DataType> known = parseDataType(*type);
      if (!known)
        return makeError("unknown dtype " + quoted(*type) +
                         " (supported: " + supportedDataTypes() + ")");
      info.type = *known;
      return Error::success();
    }
    if (key == "shape") {
      hasShape = true;
      return shape(info);
    }
    if (key == "data_offsets") {
      hasOffsets = true;
      return offsets(info);
    }
    return makeError("unknown field " + quoted(key) +
                     " (a tensor has dtype, shape and data_offsets)");
  });
  if (error)
    return at(info, toString(std::move(error)));
  for (auto [has, field] :
       {std::pair(hasType, "dtype"), std::pair(hasShape, "shape"),
        std::pair(hasOffsets, "data_offsets")})
    if (!has)
      return at(info, Twine("the field ") + field + " is missing");
  if (Error error = check(info))
    return error;

  if (info.begin != info.end) {
    auto [it, isNew] = byBegin.try_emplace(info.begin, header.tensors.size());
    auto next = isNew ? std::next(it) : it;
    const TensorInfo *other = nullptr;
    if (next != byBegin.end() && next->first < info.end)
      other = &header.tensors[next->second];
    else if (it != byBegin.begin() &&
             header.tensors[std::prev(it)->second].end > info.begin)
      other = &header.tensors[std::prev(it)->second];
    if (other)
      return at(info, "data_offsets " + range(info) + " overlap " +
                          range(*other) + " of tensor " + quoted(other->name));
  }
  header.tensors.push_back(std::move(info));
  return Error::success();
}

// Data must lie without holes from the first byte to the last.
Error HeaderParser::checkCoverage() {
  llvm::sort(header.tensors, [](const TensorInfo &a, const TensorInfo &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t covered = 0;
  for (const TensorInfo &info : header.tensors) {
    if (info.begin != covered)
      return at(info, "data_offsets " + range(info) +
                          " do not begin where the data before them end, at " +
                          Twine(covered));
    covered = info.end;
  }
  if (covered != dataBytes)
    return makeError("the tensors end at byte " + Twine(covered) +
                     " of the data, but the file holds " + Twine(dataBytes) +
                     " bytes of it");
  return Error::success();
}

Expected<SafetensorsHeader> HeaderParser::run() {
  if (Error error = json.checkEncoding())
    return std::move(error);
  Error error = json.object([&](StringRef key) -> Error {
    return key == "__metadata__" ? metadata() : tensor(key);
  });
  if (!error)
    error = json.end();
  if (!error)
    error = checkCoverage();
  if (error)
    return std::move(error);
  return std::move(header);
}

Expected<SafetensorsHeader>
mlir::transformer::parseSafetensorsHeader(StringRef json, uint64_t dataBytes) {
  return HeaderParser(json, dataBytes).run();
}
