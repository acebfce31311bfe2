//===- WeightLayout.cpp - weights in panels, and back ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/WeightLayout.h"
#include "transformer/CodeGen/Target.h"

using namespace mlir;
using namespace mlir::transformer;

int64_t transformer::panelDepth(Type element) {
  return element.isInteger(8) ? 4 : element.isF32() ? 1 : 2;
}

RankedTensorType transformer::packedType(RankedTensorType type) {
  constexpr int64_t panel = kPanelWidth;
  int64_t depth = panelDepth(type.getElementType());
  return RankedTensorType::get(
      {int64_t(llvm::divideCeil(type.getDimSize(0), panel)),
       int64_t(llvm::divideCeil(type.getDimSize(1), depth)), panel * depth},
      type.getElementType());
}

/// Calls `visit` with the places of equal bytes, in rows and in panels.
static void
forEachGroup(RankedTensorType type,
             llvm::function_ref<void(size_t, size_t, size_t)> visit) {
  constexpr int64_t panel = kPanelWidth;
  int64_t columns = type.getDimSize(0), length = type.getDimSize(1);
  int64_t depth = panelDepth(type.getElementType());
  size_t size = type.getElementTypeBitWidth() / 8;
  int64_t groups = llvm::divideCeil(length, depth);
  for (int64_t n = 0; n < columns; ++n) {
    size_t row = n * length * size;
    size_t base =
        ((n / panel) * groups * panel * depth + (n % panel) * depth) * size;
    for (int64_t g = 0; g < groups; ++g)
      visit(row + g * depth * size, base + g * panel * depth * size,
            std::min(depth, length - g * depth) * size);
  }
}

void transformer::packBytes(ArrayRef<char> from, MutableArrayRef<char> to,
                            RankedTensorType type) {
  forEachGroup(type, [&](size_t row, size_t panel, size_t count) {
    std::memcpy(to.data() + panel, from.data() + row, count);
  });
}

void transformer::unpackBytes(ArrayRef<char> from, MutableArrayRef<char> to,
                              RankedTensorType type) {
  forEachGroup(type, [&](size_t row, size_t panel, size_t count) {
    std::memcpy(to.data() + row, from.data() + panel, count);
  });
}
