//===- Checkpoint.cpp - the weights of a model, one file or many ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Checkpoint.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/StrictJson.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace llvm;
using namespace mlir::transformer;

namespace {
// Tensor names by shard, both in a fixed order.
using WeightMap = std::map<std::string, std::vector<std::string>>;
} // namespace

static std::string pathIn(StringRef directory, StringRef name) {
  SmallString<256> result(directory);
  sys::path::append(result, name);
  return result.str().str();
}

static Expected<WeightMap> parseIndex(StringRef text) {
  WeightMap map;
  bool hasMap = false;
  JsonScanner json(text, limits::headerDepth);
  if (Error error = json.checkEncoding())
    return std::move(error);
  Error error = json.object([&](StringRef key) -> Error {
    if (key != "weight_map")
      return json.skip();
    hasMap = true;
    return json.object([&](StringRef tensor) -> Error {
      Expected<std::string> shard = json.string();
      if (!shard)
        return shard.takeError();
      // The index may only name files beside itself.
      if (shard->empty() || *shard == "." || *shard == ".." ||
          StringRef(*shard).find_first_of(StringRef("/\\\0", 3)) !=
              StringRef::npos)
        return makeError("tensor " + quoted(tensor) + ": shard " +
                         quoted(*shard) +
                         " is not the name of a file in the same directory");
      if (!StringRef(*shard).ends_with(".safetensors"))
        return makeError("tensor " + quoted(tensor) + ": shard " +
                         quoted(*shard) + " is not a .safetensors file");
      map[*shard].push_back(tensor.str());
      if (map.size() > limits::shards)
        return makeError("names more than " + Twine(limits::shards) + " files");
      return Error::success();
    });
  });
  if (!error)
    error = json.end();
  if (error)
    return std::move(error);
  if (!hasMap)
    return makeError("the key weight_map is missing");
  return map;
}

Expected<Checkpoint> Checkpoint::openIndex(StringRef path) {
  Expected<std::string> text = readSmallFile(path, limits::indexBytes);
  if (!text)
    return text.takeError();
  Expected<WeightMap> map = parseIndex(*text);
  if (!map)
    return makeError(path + ": " + toString(map.takeError()));

  Checkpoint result;
  result.name = path.str();
  StringMap<StringRef> owner;
  Error problems = Error::success();
  auto add = [&](const Twine &what) {
    problems = joinErrors(std::move(problems), makeError(path + ": " + what));
  };
  for (auto &[shard, names] : *map) {
    std::string file = pathIn(sys::path::parent_path(path), shard);
    Expected<Safetensors> weights = Safetensors::open(file);
    if (!weights) {
      add("shard " + quoted(shard) + ": " + toString(weights.takeError()));
      continue;
    }
    for (const TensorInfo &info : weights->tensors()) {
      auto [it, isNew] = owner.try_emplace(info.name, shard);
      if (!isNew)
        add("tensor " + quoted(info.name) + " is in two shards, " +
            quoted(it->second) + " and " + quoted(shard));
    }
    for (const std::string &name : names)
      if (!weights->find(name))
        add("weight_map puts tensor " + quoted(name) + " into " +
            quoted(shard) + ", but that file does not hold it");
    result.shards.push_back(
        {"", std::make_shared<Safetensors>(std::move(*weights))});
  }
  if (problems)
    return std::move(problems);
  return result;
}

Expected<Checkpoint> Checkpoint::openFile(StringRef path) {
  Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.takeError();
  Checkpoint result;
  result.name = path.str();
  result.shards.push_back(
      {"", std::make_shared<Safetensors>(std::move(*file))});
  return result;
}

// The names of subdirectories that hold weights of a further module.
static std::vector<std::string> denseModules(StringRef path) {
  std::vector<std::string> result;
  std::error_code error;
  for (sys::fs::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    StringRef name = sys::path::filename(it->path());
    StringRef digits = name.take_while([](char c) { return isDigit(c); });
    if (!digits.empty() && name.drop_front(digits.size()) == "_Dense" &&
        sys::fs::exists(pathIn(it->path(), "model.safetensors")))
      result.push_back(name.str());
  }
  llvm::sort(result);
  return result;
}

Expected<Checkpoint> Checkpoint::openDirectory(StringRef path) {
  for (StringRef name : {"model.safetensors", "model.safetensors.index.json",
                         "weights.safetensors"}) {
    std::string file = pathIn(path, name);
    // A dangling link is there too: opening it says what is wrong.
    if (!sys::fs::exists(file) && !sys::fs::is_symlink_file(file))
      continue;
    Expected<Checkpoint> result =
        name.ends_with(".json") ? openIndex(file) : openFile(file);
    if (!result)
      return result;
    for (const std::string &module : denseModules(path)) {
      auto weights =
          Safetensors::open(pathIn(pathIn(path, module), "model.safetensors"));
      if (!weights)
        return weights.takeError();
      result->shards.push_back(
          {module + ".", std::make_shared<Safetensors>(std::move(*weights))});
    }
    return result;
  }
  for (StringRef name :
       {"pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx"})
    if (sys::fs::exists(pathIn(path, name)))
      return makeError(path + ": has " + name +
                       " but no model.safetensors; convert it with "
                       "save_pretrained(..., safe_serialization=True)");
  return makeError(path + ": no model.safetensors or "
                          "model.safetensors.index.json in this directory");
}

Expected<Checkpoint> Checkpoint::open(StringRef path) {
  if (sys::fs::is_directory(path))
    return openDirectory(path);
  if (path.ends_with(".json"))
    return openIndex(path);
  return openFile(path);
}

std::optional<Checkpoint::Entry> Checkpoint::find(StringRef tensor) const {
  for (const File &file : shards) {
    StringRef inFile = tensor;
    if (!inFile.consume_front(file.prefix))
      continue;
    if (const TensorInfo *info = file.weights->find(inFile))
      return Entry{tensor.str(), info, file.weights.get()};
  }
  return std::nullopt;
}

std::vector<Checkpoint::Entry> Checkpoint::tensors() const {
  std::vector<Entry> result;
  for (const File &file : shards)
    for (const TensorInfo &info : file.weights->tensors())
      result.push_back({file.prefix + info.name, &info, file.weights.get()});
  return result;
}

std::string Checkpoint::fingerprint() const {
  std::vector<std::string> lines; // sorted: the same for any sharding
  for (const Entry &entry : tensors())
    lines.push_back(entry.name + " " + dataTypeName(entry.info->type).str() +
                    " " + shapeString(entry.info->shape) + " " +
                    utohexstr(hashBytes(entry.data()), /*LowerCase=*/true, 16) +
                    "\n");
  llvm::sort(lines);
  std::string text = llvm::join(lines, "");
  return utohexstr(hashBytes(text), /*LowerCase=*/true, 16);
}

Error Checkpoint::checkUnchanged() const {
  for (const File &file : shards)
    if (Error error = file.weights->file()->checkUnchanged())
      return error;
  return Error::success();
}
