//===- WriteWeights.cpp - the globals of a module to a file ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Artifact.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mlir::transformer;

static std::optional<DataType> dataTypeOf(Type type) {
  if (type.isF64())
    return DataType::F64;
  if (type.isF32())
    return DataType::F32;
  if (type.isF16())
    return DataType::F16;
  if (type.isBF16())
    return DataType::BF16;
  if (auto integer = dyn_cast<IntegerType>(type)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 8:
      return isUnsigned ? DataType::U8 : DataType::I8;
    case 16:
      return isUnsigned ? DataType::U16 : DataType::I16;
    case 32:
      return isUnsigned ? DataType::U32 : DataType::I32;
    case 64:
      return isUnsigned ? DataType::U64 : DataType::I64;
    }
  }
  return std::nullopt;
}

static llvm::Error addGlobal(ml_program::GlobalOp global,
                             SafetensorsWriter &writer, uint64_t &offset) {
  StringRef name = global.getSymName();
  auto type = dyn_cast<RankedTensorType>(global.getType());
  std::optional<DataType> dataType;
  if (type && type.hasStaticShape())
    dataType = dataTypeOf(type.getElementType());
  if (!dataType)
    return makeError("weight " + quoted(name) +
                     " has a type that a weights file cannot hold");
  if (auto expected = global->getAttrOfType<IntegerAttr>("transformer.offset"))
    if (uint64_t(expected.getInt()) != offset)
      return makeError("internal error: weight " + quoted(name) +
                       " is expected at byte " + Twine(expected.getInt()) +
                       " of the file and comes at byte " + Twine(offset));
  uint64_t bytes = *byteCount(*dataType, type.getShape());
  offset += bytes;

  Attribute value = global.getValueAttr();
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != bytes)
      return makeError("weight " + quoted(name) + " has no data of " +
                       Twine(bytes) + " bytes");
    writer.add(name.str(), *dataType, type.getShape(), blob->getData());
    return llvm::Error::success();
  }
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense)
    return makeError("weight " + quoted(name) +
                     " is not bound to a file; name the file with --weights");
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat()) {
    writer.add(name.str(), *dataType, type.getShape(), raw);
    return llvm::Error::success();
  }
  int64_t count = type.getNumElements();
  writer.add(name.str(), *dataType, type.getShape(),
             [raw, count](SafetensorsWriter::Sink sink) -> llvm::Error {
               for (int64_t i = 0; i < count; ++i)
                 if (llvm::Error error = sink(raw))
                   return error;
               return llvm::Error::success();
             });
  return llvm::Error::success();
}

llvm::Expected<WeightsIdentity>
mlir::transformer::writeWeights(ModuleOp module, StringRef path) {
  SafetensorsWriter writer;
  writer.addMetadata("format", "transformer-mlir");
  WeightsIdentity identity;
  for (auto global : module.getOps<ml_program::GlobalOp>())
    if (llvm::Error error = addGlobal(global, writer, identity.bytes))
      return std::move(error);
  if (auto bytes =
          module->getAttrOfType<IntegerAttr>("transformer.weights_bytes"))
    if (uint64_t(bytes.getInt()) != identity.bytes)
      return makeError("internal error: the code expects " +
                       Twine(bytes.getInt()) + " bytes of weights and " +
                       Twine(identity.bytes) + " are left after lowering");
  if (llvm::Error error = writer.write(path))
    return std::move(error);
  llvm::Expected<Safetensors> written = Safetensors::open(path);
  if (!written)
    return written.takeError();
  if (written->dataSection().size() != identity.bytes)
    return makeError("internal error: " + path + " has " +
                     Twine(written->dataSection().size()) +
                     " bytes of weights instead of " + Twine(identity.bytes));
  identity.xxh3 = hashBytes(written->dataSection());
  return identity;
}
