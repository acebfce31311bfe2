//===- WriteWeights.cpp - the globals of a module to a file ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Coded tensors are U8 tensors in the file, under names of their own, since no
// reader of the format could take their bytes for numbers. The order of the
// file is that of memory: a list of sizes says what goes where.
//===----------------------------------------------------------------------===//
#include "Artifact.h"

#include "transformer/CodeGen/WeightLayout.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Entropy.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// A global on its way to the file.
struct Tensor {
  std::string name;
  DataType type;
  SmallVector<int64_t> shape;
  uint64_t bytes = 0;
  ArrayRef<char> data; // all of it, or of a splat one element
  ByteLayout layout;
  std::vector<char> stream; // empty: it goes as it is
  unsigned classes = 0;

  void encode();
  void addTo(SafetensorsWriter &writer) const;
};
} // namespace

/// What is decoded takes time at each load, so a little saved is not worth it.
static bool isWorthIt(uint64_t coded, uint64_t bytes) {
  return coded < bytes - bytes / 50;
}

void Tensor::encode() {
  constexpr uint64_t leastBytes = 1024, mostBytes = UINT32_MAX;
  if (bytes < leastBytes || bytes > mostBytes || data.size() != bytes)
    return;
  stream = encodeEntropy(data, layout, &classes);
  if (isWorthIt(stream.size(), bytes))
    return;
  stream = {};
  classes = 0;
}

void Tensor::addTo(SafetensorsWriter &writer) const {
  if (!stream.empty())
    return writer.add(name + kEntropyEnding.str(), DataType::U8,
                      {int64_t(stream.size())}, stream);
  if (data.size() == bytes)
    return writer.add(name, type, shape, data);
  writer.add(name, type, shape,
             [this](SafetensorsWriter::Sink sink) -> llvm::Error {
               for (uint64_t i = 0; i < bytes; i += data.size())
                 if (llvm::Error error = sink(data))
                   return error;
               return llvm::Error::success();
             });
}

/// By columns for bytes, as transformer-pack-weights laid them out; of wider
/// elements the first bytes are alike, the second bytes, and so on.
static ByteLayout layoutOf(ml_program::GlobalOp global, RankedTensorType type,
                           DataType dataType) {
  uint32_t size = uint32_t(*byteCount(dataType, {1}));
  if (size != 1)
    return ByteLayout::rows(size);
  if (auto columns =
          global->getAttrOfType<DenseI64ArrayAttr>("transformer.columns"))
    if (columns.size() == 3 &&
        llvm::all_of(columns.asArrayRef(),
                     [](int64_t c) { return c > 0 && c <= UINT32_MAX; }))
      return {uint32_t(columns[0]), uint32_t(columns[1]), uint32_t(columns[2])};
  int64_t last = type.getRank() > 1 ? type.getShape().back() : 1;
  return ByteLayout::rows(uint32_t(std::min<int64_t>(last, UINT32_MAX)));
}

static llvm::Expected<Tensor> tensorOf(ml_program::GlobalOp global) {
  StringRef name = global.getSymName();
  auto type = dyn_cast<RankedTensorType>(global.getType());
  std::optional<DataType> dataType;
  if (type && type.hasStaticShape())
    dataType = dataTypeOf(type.getElementType());
  if (!dataType)
    return makeError("weight " + quoted(name) +
                     " has a type that a weights file cannot hold");
  Tensor tensor;
  tensor.name = name.str();
  tensor.type = *dataType;
  tensor.shape = llvm::to_vector(type.getShape());
  tensor.bytes = *byteCount(*dataType, type.getShape());
  tensor.layout = layoutOf(global, type, *dataType);
  Attribute value = global.getValueAttr();
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != tensor.bytes)
      return makeError("weight " + quoted(name) + " has no data of " +
                       Twine(tensor.bytes) + " bytes");
    tensor.data = blob->getData();
    return tensor;
  }
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense)
    return makeError("weight " + quoted(name) +
                     " is not bound to a file; name the file with --weights");
  tensor.data = dense.getRawData();
  return tensor;
}

/// In their order; a part is a stream, or all that lies between two.
static void addPart(const Tensor &tensor, std::vector<WeightsPart> &parts) {
  if (!tensor.stream.empty()) {
    parts.push_back(
        {tensor.stream.size(), tensor.bytes, hashBytes(tensor.data)});
    return;
  }
  if (parts.empty() || parts.back().fileBytes != parts.back().memoryBytes)
    parts.emplace_back();
  parts.back().fileBytes += tensor.bytes;
  parts.back().memoryBytes += tensor.bytes;
}

static llvm::Expected<std::vector<Tensor>> tensorsOf(ModuleOp module) {
  std::vector<Tensor> tensors;
  uint64_t offset = 0;
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    llvm::Expected<Tensor> tensor = tensorOf(global);
    if (!tensor)
      return tensor.takeError();
    auto expected = global->getAttrOfType<IntegerAttr>("transformer.offset");
    if (expected && uint64_t(expected.getInt()) != offset)
      return makeError("internal error: weight " + quoted(tensor->name) +
                       " is expected at byte " + Twine(expected.getInt()) +
                       " and comes at byte " + Twine(offset));
    offset += tensor->bytes;
    tensors.push_back(std::move(*tensor));
  }
  auto bytes = module->getAttrOfType<IntegerAttr>("transformer.weights_bytes");
  if (bytes && uint64_t(bytes.getInt()) != offset)
    return makeError("internal error: the code expects " +
                     Twine(bytes.getInt()) + " bytes of weights and " +
                     Twine(offset) + " are left after lowering");
  return tensors;
}

llvm::Expected<WeightsIdentity>
mlir::transformer::writeWeights(ModuleOp module, StringRef path, Pack pack,
                                std::vector<CodedWeight> &coded) {
  llvm::Expected<std::vector<Tensor>> tensors = tensorsOf(module);
  if (!tensors)
    return tensors.takeError();
  SafetensorsWriter writer;
  writer.addMetadata("format", "transformer-mlir");
  if (pack == Pack::Entropy)
    parallelForEach(module.getContext(), *tensors,
                    [](Tensor &tensor) { tensor.encode(); });
  WeightsIdentity identity;
  bool isCoded = llvm::any_of(
      *tensors, [](const Tensor &tensor) { return !tensor.stream.empty(); });
  for (const Tensor &tensor : *tensors) {
    tensor.addTo(writer);
    identity.memory += tensor.bytes;
    identity.bytes +=
        tensor.stream.empty() ? tensor.bytes : tensor.stream.size();
    if (isCoded)
      addPart(tensor, identity.parts);
    if (pack == Pack::Entropy && tensor.bytes)
      coded.push_back(
          {tensor.name, uint64_t(ShapedType::getNumElements(tensor.shape)),
           tensor.bytes,
           tensor.stream.empty() ? tensor.bytes : tensor.stream.size(),
           tensor.classes});
  }
  if (llvm::Error error = writer.write(path))
    return std::move(error);
  llvm::Expected<Safetensors> written = Safetensors::open(path);
  if (!written)
    return written.takeError();
  if (written->dataSection().size() != identity.bytes)
    return makeError("internal error: " + path + " has " +
                     Twine(written->dataSection().size()) +
                     " bytes of weights instead of " + Twine(identity.bytes));
  identity.xxh3 = hashBytes(written->file()->data());
  return identity;
}
