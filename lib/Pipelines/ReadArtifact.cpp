//===- ReadArtifact.cpp - a compiled model as a module again --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// model.mlir names the weights as they were before they were laid out for the
// kernels and coded; here both are undone.
//===----------------------------------------------------------------------===//
#include "../Runtime/entropy.h"
#include "Artifact.h"

#include "transformer/CodeGen/WeightLayout.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/MappedFile.h"
#include "transformer/Support/Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::transformer;

bool mlir::transformer::isArtifact(StringRef path) {
  return llvm::sys::fs::exists(path + "/model.so") &&
         llvm::sys::fs::exists(path + "/model.mlir");
}

static llvm::Error decodeInto(ArrayRef<char> stream,
                              std::vector<char> &decoded) {
  tm_stream opened;
  if (!tm_open_stream(stream.data(), stream.size(), decoded.size(), &opened))
    return makeError("is no entropy-coded stream of the expected size");
  uint32_t classes = tm_stream_classes(&opened);
  std::vector<uint32_t> slots(size_t(classes) << TM_PRECISION);
  std::vector<unsigned char> positions(size_t(opened.period) + TM_CODERS);
  tm_tables tables{slots.data(), positions.data(), classes, positions.size()};
  if (!tm_fill_tables(&opened, &tables))
    return makeError("has a description that is not valid");
  auto *to = reinterpret_cast<unsigned char *>(decoded.data());
  for (uint64_t block = 0; block < opened.block_count; ++block)
    if (!tm_decode_block(&opened, &tables, block, to))
      return makeError("has a block that is not valid");
  return llvm::Error::success();
}

namespace {
class WeightReader {
public:
  explicit WeightReader(Safetensors file) : file(std::move(file)) {}

  /// Gives `global` the numbers of its name, in whatever form they lie there.
  llvm::Error bind(ml_program::GlobalOp global) {
    auto type = dyn_cast<RankedTensorType>(global.getType());
    std::optional<DataType> element = type && type.hasStaticShape()
                                          ? dataTypeOf(type.getElementType())
                                          : std::nullopt;
    if (!element)
      return makeError("weight " + quoted(global.getSymName()) +
                       " has a type that a file can't hold");
    bool isMatrix = type.getRank() == 2 && type.getNumElements() > 0;
    for (bool isPacked : {false, true}) {
      if (isPacked && !isMatrix)
        continue;
      RankedTensorType stored = isPacked ? packedType(type) : type;
      std::string name = global.getSymName().str();
      if (isPacked)
        name += kPackedEnding;
      std::optional<std::vector<char>> bytes;
      if (llvm::Error error = read(name, stored, *element, bytes))
        return error;
      if (!bytes)
        continue;
      auto owner = std::make_shared<std::vector<char>>(std::move(*bytes));
      if (isPacked) {
        std::vector<char> rows(*byteCount(*element, type.getShape()));
        unpackBytes(*owner, rows, type);
        *owner = std::move(rows);
      }
      global.setValueAttr(weightOver(type, global.getSymName(), *owner, owner));
      return llvm::Error::success();
    }
    return makeError("tensor " + quoted(global.getSymName()) +
                     " is missing, which model.mlir names");
  }

private:
  llvm::Error read(const std::string &name, RankedTensorType type,
                   DataType element, std::optional<std::vector<char>> &bytes) {
    uint64_t size = *byteCount(element, type.getShape());
    if (const TensorInfo *found = file.find(name)) {
      ArrayRef<char> data = file.data(*found);
      if (data.size() != size)
        return makeError("tensor " + quoted(name) + " has " +
                         Twine(data.size()) + " bytes, and model.mlir needs " +
                         Twine(size));
      bytes.emplace(data.begin(), data.end());
      return llvm::Error::success();
    }
    const TensorInfo *coded = file.find(name + kEntropyEnding.str());
    if (!coded)
      return llvm::Error::success();
    bytes.emplace(size);
    if (llvm::Error error = decodeInto(file.data(*coded), *bytes))
      return makeError("tensor " + quoted(coded->name) + " " +
                       llvm::toString(std::move(error)));
    return llvm::Error::success();
  }

  Safetensors file;
};
} // namespace

/// The report knows the checksum that the code would check.
static llvm::Error checkWeights(StringRef directory, const Safetensors &file) {
  auto text =
      readSmallFile((directory + "/report.json").str(), limits::textBytes);
  if (!text)
    return text.takeError();
  llvm::Expected<llvm::json::Value> report = llvm::json::parse(*text);
  if (!report)
    return makeError(directory + "/report.json: is not JSON: " +
                     llvm::toString(report.takeError()));
  const llvm::json::Object *object = report->getAsObject();
  std::optional<StringRef> hash =
      object ? object->getString("weights_xxh3") : std::nullopt;
  if (!hash)
    return makeError(directory + "/report.json: has no weights_xxh3");
  if (*hash != llvm::utohexstr(hashBytes(file.file()->data()),
                               /*LowerCase=*/true, 16))
    return makeError(file.path() + ": is not the file that " + directory +
                     " was compiled with, or it has been damaged");
  return llvm::Error::success();
}

llvm::Error mlir::transformer::bindArtifact(ModuleOp module,
                                            StringRef directory) {
  llvm::Expected<Safetensors> file =
      Safetensors::open((directory + "/weights.safetensors").str());
  if (!file)
    return file.takeError();
  if (llvm::Error error = checkWeights(directory, *file))
    return error;
  WeightReader reader(*file);
  for (auto global : module.getOps<ml_program::GlobalOp>())
    if (isExtern(global))
      if (llvm::Error error = reader.bind(global))
        return makeError(file->path() + ": " +
                         llvm::toString(std::move(error)));
  return llvm::Error::success();
}
