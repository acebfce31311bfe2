//===- ExpandCopies.cpp - memref.copy as a linalg op ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Conversion/Passes.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREXPANDCOPIES
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

struct ExpandCopiesPass
    : public transformer::impl::TransformerExpandCopiesBase<ExpandCopiesPass> {
  using TransformerExpandCopiesBase::TransformerExpandCopiesBase;

  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation()->walk([&](memref::CopyOp op) { copies.push_back(op); });
    for (memref::CopyOp op : copies) {
      if (op.getSource() != op.getTarget()) {
        OpBuilder b(op);
        linalg::makeMemRefCopyOp(b, op.getLoc(), op.getSource(),
                                 op.getTarget());
      }
      op.erase();
      ++numExpanded;
    }
  }
};

} // namespace
