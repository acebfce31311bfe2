//===- DeviceMasks.cpp - what masks say of a key --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;

Value DeviceBuilder::maskRow(const MaskForm &form, Value mask, Value sequence,
                             Value head, int64_t heads, Value query,
                             Value firstKey) {
  if (form.isPerKey)
    return offset(mask, firstKey, form.element);
  Value matrix = form.hasBatch ? sequence : i32(0);
  if (form.hasHeads)
    matrix = add(mul(matrix, heads), head);
  Value row = add(mul(matrix, form.length), query);
  return offset(mask, rowStart(row, form.length), form.element);
}

Value DeviceBuilder::isSeen(Value number) {
  if (isa<FloatType>(number.getType()))
    return compare(arith::CmpFPredicate::UNE, widened(number), f32(-INFINITY));
  Value zero =
      arith::ConstantOp::create(*this, getIntegerAttr(number.getType(), 0));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, number, zero);
}
