//===- UnshareInits.cpp - one fresh destination per op --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERUNSHAREINITS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

struct UnshareInitsPass
    : public transformer::impl::TransformerUnshareInitsBase<UnshareInitsPass> {
  using TransformerUnshareInitsBase::TransformerUnshareInitsBase;

  /// Gives every use of `op`'s result but the first a clone of its own.
  void unshare(Operation *op) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : op->getResult(0).getUses())
      uses.push_back(&use);
    for (OpOperand *use : llvm::drop_begin(uses)) {
      OpBuilder b(op);
      b.setInsertionPointAfter(op);
      use->set(b.clone(*op)->getResult(0));
      ++numCloned;
    }
  }

  void runOnOperation() override {
    SmallVector<Operation *> fills, empties;
    getOperation()->walk([&](Operation *op) {
      auto fill = dyn_cast<linalg::FillOp>(op);
      if (fill && fill.hasPureTensorSemantics())
        fills.push_back(op);
    });
    for (Operation *op : fills)
      unshare(op);
    getOperation()->walk([&](tensor::EmptyOp op) { empties.push_back(op); });
    for (Operation *op : empties)
      unshare(op);
  }
};

} // namespace
