//===- Weights.cpp - weights as globals of a module -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Weights.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/Alignment.h"

using namespace mlir;
using namespace mlir::transformer;

std::optional<DataType> transformer::dataTypeOf(Type type) {
  if (type.isF64())
    return DataType::F64;
  if (type.isF32())
    return DataType::F32;
  if (type.isF16())
    return DataType::F16;
  if (type.isBF16())
    return DataType::BF16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
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
  default:
    return std::nullopt;
  }
}

bool transformer::isExtern(ml_program::GlobalOp global) {
  return isa_and_nonnull<ml_program::ExternAttr>(global.getValueAttr());
}

DenseResourceElementsAttr
transformer::weightOver(RankedTensorType type, StringRef name,
                        ArrayRef<char> bytes,
                        std::shared_ptr<const void> owner) {
  size_t alignment =
      std::max<size_t>(1, type.getElementType().getIntOrFloatBitWidth() / 8);
  if (!llvm::isAddrAligned(llvm::Align(alignment), bytes.data()))
    return DenseResourceElementsAttr::get(
        type, name,
        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, alignment));
  return DenseResourceElementsAttr::get(
      type, name,
      AsmResourceBlob(
          bytes, alignment,
          [owner = std::move(owner)](void *, size_t, size_t) {},
          /*dataIsMutable=*/false));
}

std::optional<WeightBytes> transformer::bytesOf(Attribute value,
                                                RankedTensorType type) {
  std::optional<DataType> dataType = dataTypeOf(type.getElementType());
  if (!dataType || !type.hasStaticShape())
    return std::nullopt;
  std::optional<uint64_t> size = byteCount(*dataType, type.getShape());
  if (!size)
    return std::nullopt;
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != *size)
      return std::nullopt;
    return WeightBytes{blob->getData()};
  }
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense || dense.getType() != type)
    return std::nullopt;
  return WeightBytes{dense.getRawData(), dense.isSplat()};
}
