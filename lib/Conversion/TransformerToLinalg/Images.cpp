//===- Images.cpp - patches and prepend to linalg -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// `v` with `width` columns, where that is known.
Value withColumns(ImplicitLocOpBuilder &b, Value v, int64_t width) {
  auto type = cast<RankedTensorType>(v.getType());
  return castTo(b, v,
                RankedTensorType::get({type.getDimSize(0), width},
                                      type.getElementType()));
}

/// [B, C, H, W] -> [B, C, H/s, s, W/s, s] -> [B, H/s, W/s, C, s, s] -> rows.
struct PatchesPattern : OpRewritePattern<PatchesOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PatchesOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    for (int64_t i : {1, 2, 3})
      if (type.isDynamicDim(i))
        return rewriter.notifyMatchFailure(op, "the image size is dynamic");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t s = op.getSize(), channels = type.getDimSize(1);
    int64_t down = type.getDimSize(2) / s, across = type.getDimSize(3) / s;
    SmallVector<int64_t> split{
        type.getDimSize(0), channels, down, s, across, s};
    SmallVector<OpFoldResult> sizes{sizeOf(b, op.getInput(), 0)};
    for (int64_t v : ArrayRef<int64_t>(split).drop_front())
      sizes.push_back(b.getIndexAttr(v));
    Value x = tensor::ExpandShapeOp::create(
        b, RankedTensorType::get(split, type.getElementType()), op.getInput(),
        SmallVector<ReassociationIndices>{{0}, {1}, {2, 3}, {4, 5}}, sizes);
    SmallVector<int64_t> order{0, 2, 4, 1, 3, 5};
    SmallVector<OpFoldResult> turned;
    for (int64_t i : order)
      turned.push_back(sizes[i]);
    Value init = tensor::EmptyOp::create(b, turned, type.getElementType());
    Value y = linalg::TransposeOp::create(b, x, init, order)->getResult(0);
    if (down * across == 0) // 0 x ? is not reshaped: see flatten
      y = tensor::EmptyOp::create(b, ArrayRef<int64_t>{0, channels * s * s},
                                  type.getElementType());
    else
      y = tensor::CollapseShapeOp::create(
          b, y, SmallVector<ReassociationIndices>{{0, 1, 2}, {3, 4, 5}});
    rewriter.replaceOp(op, castTo(b, y, op.getType()));
    return success();
  }
};

/// [B * length, hidden] -> [B, length, hidden], put behind the given rows.
struct PrependPattern : OpRewritePattern<PrependOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PrependOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t length = op.getLength();
    auto rowsType = cast<RankedTensorType>(op.getRows().getType());
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    int64_t width = inputType.getDimSize(1);
    if (ShapedType::isDynamic(width))
      width = rowsType.getDimSize(1);
    Value input = withColumns(b, op.getInput(), width);
    Value rows = withColumns(b, op.getRows(), width);
    auto type = cast<RankedTensorType>(input.getType());
    OpFoldResult count = sizeOf(b, rows, 0);
    OpFoldResult hidden = sizeOf(b, input, 1);
    bool isDynamic = type.isDynamicDim(0);
    int64_t staticBatch =
        isDynamic ? ShapedType::kDynamic : type.getDimSize(0) / length;
    OpFoldResult batch = b.getIndexAttr(staticBatch);
    if (isDynamic) {
      Value all = tensor::DimOp::create(b, input, 0);
      Value divisor = arith::ConstantIndexOp::create(b, length);
      batch = arith::DivUIOp::create(b, all, divisor).getResult();
    }
    auto index = [&](int64_t v) -> OpFoldResult { return b.getIndexAttr(v); };
    OpFoldResult total = index(length);
    if (auto known = getConstantIntValue(count))
      total = index(length + *known);
    else
      total = arith::AddIOp::create(b, cast<Value>(count),
                                    arith::ConstantIndexOp::create(b, length))
                  .getResult();
    Value x = tensor::ExpandShapeOp::create(
        b,
        RankedTensorType::get({staticBatch, length, type.getDimSize(1)},
                              type.getElementType()),
        input, SmallVector<ReassociationIndices>{{0, 1}, {2}},
        SmallVector<OpFoldResult>{batch, index(length), hidden});
    Value out = tensor::EmptyOp::create(
        b, SmallVector<OpFoldResult>{batch, total, hidden},
        type.getElementType());
    Value spread = tensor::EmptyOp::create(
        b, SmallVector<OpFoldResult>{batch, count, hidden},
        type.getElementType());
    Value first =
        linalg::BroadcastOp::create(b, rows, spread, ArrayRef<int64_t>{0})
            ->getResult(0);
    SmallVector<OpFoldResult> strides(3, index(1));
    out = tensor::InsertSliceOp::create(
        b, first, out, SmallVector<OpFoldResult>(3, index(0)),
        SmallVector<OpFoldResult>{batch, count, hidden}, strides);
    out = tensor::InsertSliceOp::create(
        b, x, out, SmallVector<OpFoldResult>{index(0), count, index(0)},
        SmallVector<OpFoldResult>{batch, index(length), hidden}, strides);
    Value y = tensor::CollapseShapeOp::create(
        b, out, SmallVector<ReassociationIndices>{{0, 1}, {2}});
    rewriter.replaceOp(op, castTo(b, y, op.getType()));
    return success();
  }
};

} // namespace

void transformer::populateImageToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<PatchesPattern, PrependPattern>(patterns.getContext());
}
