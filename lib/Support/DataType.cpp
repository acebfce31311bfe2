//===- DataType.cpp - element types of stored tensors ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/DataType.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace mlir::transformer;

namespace {
struct Row {
  DataType type;
  StringLiteral name;
  unsigned bytes;
};
} // namespace

static constexpr Row rows[] = {
    {DataType::F64, "F64", 8},   {DataType::F32, "F32", 4},
    {DataType::F16, "F16", 2},   {DataType::BF16, "BF16", 2},
    {DataType::I64, "I64", 8},   {DataType::I32, "I32", 4},
    {DataType::I16, "I16", 2},   {DataType::I8, "I8", 1},
    {DataType::U64, "U64", 8},   {DataType::U32, "U32", 4},
    {DataType::U16, "U16", 2},   {DataType::U8, "U8", 1},
    {DataType::Bool, "BOOL", 1},
};

StringRef mlir::transformer::dataTypeName(DataType type) {
  return rows[static_cast<unsigned>(type)].name;
}

std::optional<DataType> mlir::transformer::parseDataType(StringRef name) {
  const Row *row = find_if(rows, [&](const Row &r) { return r.name == name; });
  return row == std::end(rows) ? std::nullopt : std::optional(row->type);
}

StringRef mlir::transformer::supportedDataTypes() {
  return "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL";
}

unsigned mlir::transformer::bytesPerElement(DataType type) {
  return rows[static_cast<unsigned>(type)].bytes;
}

static std::optional<uint64_t> product(uint64_t start,
                                       ArrayRef<int64_t> shape) {
  if (any_of(shape, [](int64_t dim) { return dim < 0; }))
    return std::nullopt;
  if (is_contained(shape, 0))
    return 0;
  int64_t result = start;
  for (int64_t dim : shape)
    if (__builtin_mul_overflow(result, dim, &result))
      return std::nullopt;
  return result;
}

std::optional<uint64_t>
mlir::transformer::elementCount(ArrayRef<int64_t> shape) {
  return product(1, shape);
}

std::optional<uint64_t> mlir::transformer::byteCount(DataType type,
                                                     ArrayRef<int64_t> shape) {
  return product(bytesPerElement(type), shape);
}
