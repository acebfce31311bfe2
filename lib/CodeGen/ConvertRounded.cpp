//===- ConvertRounded.cpp - roundeven and fptosi in one instruction -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ConvertRounded.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::transformer;

static Value convert(arith::FPToSIOp op, Value x) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto call = [&](StringRef name, ValueRange operands) -> Value {
    return LLVM::CallIntrinsicOp::create(b, op.getType(), b.getStringAttr(name),
                                         operands)
        .getResult(0);
  };
  if (cast<VectorType>(x.getType()).getNumElements() == 8)
    return call("llvm.x86.avx.cvt.ps2dq.256", x);
  Value nothing = arith::ConstantOp::create(b, b.getZeroAttr(op.getType()));
  Value all = arith::ConstantOp::create(b, b.getI16IntegerAttr(-1));
  // Rounding as the thread has it, which is to nearest even, as in all that is
  // computed here.
  Value mode = arith::ConstantOp::create(b, b.getI32IntegerAttr(4));
  return call("llvm.x86.avx512.mask.cvtps2dq.512", {x, nothing, all, mode});
}

int64_t transformer::convertRounded(Operation *root, const Target &target) {
  if (!target.isX86() || (target.lanes != 8 && target.lanes != 16))
    return 0;
  SmallVector<arith::FPToSIOp> found;
  root->walk([&](arith::FPToSIOp op) {
    auto type = dyn_cast<VectorType>(op.getType());
    if (type && type.getRank() == 1 && type.getDimSize(0) == target.lanes &&
        type.getElementType().isInteger(32) &&
        getElementTypeOrSelf(op.getIn()).isF32() &&
        op.getIn().getDefiningOp<math::RoundEvenOp>())
      found.push_back(op);
  });
  for (arith::FPToSIOp op : found) {
    auto round = op.getIn().getDefiningOp<math::RoundEvenOp>();
    op.replaceAllUsesWith(convert(op, round.getOperand()));
    op.erase();
    if (round->use_empty())
      round.erase();
  }
  return found.size();
}
