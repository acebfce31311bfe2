//===- Masks.cpp - what masks are made of ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Masks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

static bool isZero(Value value) {
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    value = splat.getInput();
  return matchPattern(value, m_Zero());
}

Value mlir::transformer::maskSource(Value mask) {
  auto compare = mask.getDefiningOp<arith::CmpIOp>();
  if (compare && compare.getPredicate() == arith::CmpIPredicate::ne &&
      isZero(compare.getRhs()))
    return compare.getLhs();
  return mask;
}
