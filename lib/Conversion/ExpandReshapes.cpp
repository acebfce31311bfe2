//===- ExpandReshapes.cpp - memref.expand_shape of unknown sizes ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Conversion/Passes.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREXPANDRESHAPES
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

struct ExpandReshapesPass
    : public transformer::impl::TransformerExpandReshapesBase<
          ExpandReshapesPass> {
  using TransformerExpandReshapesBase::TransformerExpandReshapesBase;

  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> reshapes;
    getOperation()->walk([&](memref::ExpandShapeOp op) {
      if (hasUnknownSizes(op))
        reshapes.push_back(op);
    });
    for (memref::ExpandShapeOp op : reshapes) {
      expand(op);
      ++numExpanded;
    }
  }

private:
  /// Upstream computes one unknown size of a group from the others.
  static bool hasUnknownSizes(memref::ExpandShapeOp op) {
    MemRefType type = op.getResultType();
    return llvm::any_of(op.getReassociationIndices(),
                        [&](const ReassociationIndices &group) {
                          return llvm::count_if(group, [&](int64_t i) {
                                   return type.isDynamicDim(i);
                                 }) > 1;
                        });
  }

  static void expand(memref::ExpandShapeOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), OpBuilder(op));
    auto [strides, offset] = op.getResultType().getStridesAndOffset();
    auto source =
        memref::ExtractStridedMetadataOp::create(b, op.getLoc(), op.getSrc());
    auto known = [&](int64_t number, Value computed) -> OpFoldResult {
      if (ShapedType::isDynamic(number))
        return computed;
      return b.getIndexAttr(number);
    };
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    SmallVector<OpFoldResult> steps(sizes.size());
    for (auto [i, group] : llvm::enumerate(op.getReassociationIndices())) {
      Value step = source.getStrides()[i];
      for (int64_t d : llvm::reverse(group)) {
        steps[d] = known(strides[d], step);
        Value size = getValueOrCreateConstantIndexOp(b, op.getLoc(), sizes[d]);
        step = arith::MulIOp::create(b, step, size);
      }
    }
    Value result = memref::ReinterpretCastOp::create(
        b, op.getResultType(), source.getBaseBuffer(),
        known(offset, source.getOffset()), sizes, steps);
    op.replaceAllUsesWith(result);
    op.erase();
  }
};

} // namespace
