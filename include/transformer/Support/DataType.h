//===- DataType.h - element types of stored tensors -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_DATATYPE_H
#define TRANSFORMER_SUPPORT_DATATYPE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace mlir::transformer {

enum class DataType : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  I64,
  I32,
  I16,
  I8,
  U64,
  U32,
  U16,
  U8,
  Bool
};

/// The name in a safetensors header, such as "F32".
llvm::StringRef dataTypeName(DataType type);
std::optional<DataType> parseDataType(llvm::StringRef name);
/// All names, for messages.
llvm::StringRef supportedDataTypes();
unsigned bytesPerElement(DataType type);

/// The one place that turns a shape into sizes: nothing if a dimension is
/// negative or the number of elements (or bytes) does not fit in 63 bits. A
/// shape with a zero in it has size 0, however large the others are.
std::optional<uint64_t> elementCount(llvm::ArrayRef<int64_t> shape);
std::optional<uint64_t> byteCount(DataType type, llvm::ArrayRef<int64_t> shape);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_DATATYPE_H
