//===- Numbers.h - constants as numbers and back --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_NUMBERS_H
#define TRANSFORMER_LIB_TRANSFORMS_NUMBERS_H

#include "transformer/IR/Weights.h"
#include "transformer/Support/LinearAlgebra.h"

#include "llvm/ADT/bit.h"

#include <cstring>

namespace mlir::transformer {

template <typename T> std::vector<T> fromBytes(ArrayRef<char> bytes) {
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

/// The numbers of a known constant; the caller has checked that it is one.
template <typename T = float> std::vector<T> numbersOf(Value value) {
  return fromBytes<T>(*copyOfBytes(value));
}

/// The numbers of an f32 constant; nothing if they are not known or not f32.
inline std::optional<std::vector<float>> knownNumbersOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.getElementType().isF32())
    return std::nullopt;
  std::optional<std::vector<char>> bytes = copyOfBytes(value);
  if (!bytes)
    return std::nullopt;
  return fromBytes<float>(*bytes);
}

/// Those of an i8 constant, or of 4-bit ones that are unpacked; nothing if they
/// are not known.
std::optional<std::vector<int8_t>> knownIntegersOf(Value value);

/// Those of a known f32 matrix.
inline Matrix matrixOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return Matrix(type.getDimSize(0), type.getDimSize(1), numbersOf(value));
}

template <typename T> std::vector<char> rawBytes(ArrayRef<T> values) {
  auto *begin = reinterpret_cast<const char *>(values.data());
  return std::vector<char>(begin, begin + values.size() * sizeof(T));
}

/// Numbers that bf16 holds, as bf16.
inline std::vector<char> upperHalves(ArrayRef<float> values) {
  std::vector<uint16_t> halves;
  for (float value : values)
    halves.push_back(llvm::bit_cast<uint32_t>(value) >> 16);
  return rawBytes<uint16_t>(halves);
}

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_NUMBERS_H
