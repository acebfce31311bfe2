//===- Halves.h - numbers of 16 bits --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_GPU_HALVES_H
#define TRANSFORMER_UNITTESTS_GPU_HALVES_H

#include "llvm/ADT/APFloat.h"

#include <cstdint>
#include <cstring>

namespace mlir::transformer::test {

inline float fromBf16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

inline float fromF16(uint16_t bits) {
  llvm::APFloat value(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
  return value.convertToDouble();
}

inline __bf16 toBf16(float value) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  uint16_t bits = number.bitcastToAPInt().getZExtValue();
  __bf16 result;
  memcpy(&result, &bits, 2);
  return result;
}

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_HALVES_H
