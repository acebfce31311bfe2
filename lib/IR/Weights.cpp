//===- Weights.cpp - weights as globals of a module -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"
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

Attribute transformer::constantOf(Value value) {
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    return constant.getValue();
  auto load = value.getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!load)
    return {};
  auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
      load, load.getGlobalAttr());
  return global && !isExtern(global) ? global.getValueAttr() : Attribute();
}

std::optional<std::vector<char>> transformer::copyOfBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  std::optional<WeightBytes> from = bytesOf(constantOf(value), type);
  if (!from)
    return std::nullopt;
  int64_t times = from->isSplat ? type.getNumElements() : 1;
  std::vector<char> bytes;
  bytes.reserve(from->bytes.size() * times);
  for (int64_t i = 0; i < times; ++i)
    bytes.insert(bytes.end(), from->bytes.begin(), from->bytes.end());
  return bytes;
}

Value transformer::createWeight(OpBuilder &builder, Location loc,
                                StringRef name, RankedTensorType type,
                                std::vector<char> bytes, Value like) {
  if (like.getDefiningOp<arith::ConstantOp>())
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::getFromRawBuffer(type, bytes));
  Operation *module = SymbolTable::getNearestSymbolTable(
      builder.getInsertionBlock()->getParentOp());
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  OpBuilder detached(builder.getContext());
  auto global = ml_program::GlobalOp::create(
      detached, loc, name, type, /*is_mutable=*/false,
      weightOver(type, name, *owner, owner), builder.getStringAttr("private"));
  // Beside the weight that it came from.
  auto from = like.getDefiningOp<ml_program::GlobalLoadConstOp>();
  SymbolTable symbols(module);
  Operation *old =
      from ? symbols.lookup(from.getGlobal().getLeafReference()) : nullptr;
  StringAttr symbol =
      symbols.insert(global, old ? Block::iterator(old)
                                 : module->getRegion(0).front().begin());
  return ml_program::GlobalLoadConstOp::create(builder, loc, type,
                                               FlatSymbolRefAttr::get(symbol));
}
