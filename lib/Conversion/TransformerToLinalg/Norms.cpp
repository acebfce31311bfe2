//===- Norms.cpp - layer_norm, rms_norm, l2_normalize to linalg -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

Value add(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value sub(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value mul(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value constant(ImplicitLocOpBuilder &b, double v) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(v));
}

/// 1 / sqrt(v), by a square root and a division: exact to 1 ulp everywhere.
Value inverseRoot(ImplicitLocOpBuilder &b, Value v) {
  return arith::DivFOp::create(b, constant(b, 1.0), math::SqrtOp::create(b, v));
}

/// The input as f32 rows, with the residual added.
template <typename OpT> Value inputRows(OpT op, RowBuilder &rows) {
  Value x = rows.flatten(op.getInput());
  if (!op.getResidual())
    return x;
  return rows.map(
      {{x, Access::Element}, {rows.flatten(op.getResidual()), Access::Element}},
      x, rows.size(x, 1), rows.b.getF32Type(),
      [](ImplicitLocOpBuilder &b, ValueRange args) {
        return add(b, args[0], args[1]);
      });
}

/// v / width, by the reciprocal.
class Mean {
public:
  Mean(RowBuilder &rows, Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    if (!type.isDynamicDim(1)) {
      reciprocal = 1.0 / type.getDimSize(1);
      return;
    }
    ImplicitLocOpBuilder &b = rows.b;
    Value width = arith::IndexCastOp::create(b, b.getI64Type(),
                                             tensor::DimOp::create(b, x, 1));
    width = arith::SIToFPOp::create(b, b.getF32Type(), width);
    computed = arith::DivFOp::create(b, constant(b, 1.0), width);
  }
  Value operator()(ImplicitLocOpBuilder &b, Value v) const {
    return mul(b, v, computed ? computed : constant(b, reciprocal));
  }

private:
  double reciprocal = 0;
  Value computed;
};

struct LayerNormPattern : OpRewritePattern<LayerNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LayerNormOp op,
                                PatternRewriter &rewriter) const override {
    RowBuilder rows(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    Value x = inputRows(op, rows);
    OpFoldResult width = rows.size(x, 1);
    Mean mean(rows, x);
    double epsilon = op.getEpsilon().convertToFloat();
    Value sum = rows.sum(
        {{x, Access::Element}}, x,
        [](ImplicitLocOpBuilder &b, ValueRange args) { return args[0]; });
    Value squares = rows.sum({{x, Access::Element}, {sum, Access::Row}}, x,
                             [&](ImplicitLocOpBuilder &b, ValueRange args) {
                               Value d = sub(b, args[0], mean(b, args[1]));
                               return mul(b, d, d);
                             });
    SmallVector<RowOperand> operands{{x, Access::Element},
                                     {sum, Access::Row},
                                     {squares, Access::Row},
                                     {op.getWeight(), Access::Column}};
    if (op.getBias())
      operands.push_back({op.getBias(), Access::Column});
    Value y = rows.map(
        operands, x, width, type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) {
          Value variance = mean(b, args[2]);
          Value scale = inverseRoot(b, add(b, variance, constant(b, epsilon)));
          Value n =
              mul(b, mul(b, sub(b, args[0], mean(b, args[1])), scale), args[3]);
          return op.getBias() ? add(b, n, args[4]) : n;
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }
};

Value sumOfSquares(RowBuilder &rows, Value x) {
  return rows.sum({{x, Access::Element}}, x,
                  [](ImplicitLocOpBuilder &b, ValueRange args) {
                    return mul(b, args[0], args[0]);
                  });
}

struct RmsNormPattern : OpRewritePattern<RmsNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RmsNormOp op,
                                PatternRewriter &rewriter) const override {
    RowBuilder rows(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    Value x = inputRows(op, rows);
    OpFoldResult width = rows.size(x, 1);
    Mean mean(rows, x);
    double epsilon = op.getEpsilon().convertToFloat();
    Value y = rows.map({{x, Access::Element},
                        {sumOfSquares(rows, x), Access::Row},
                        {op.getWeight(), Access::Column}},
                       x, width, type.getElementType(),
                       [&](ImplicitLocOpBuilder &b, ValueRange args) {
                         Value scale = inverseRoot(
                             b, add(b, mean(b, args[1]), constant(b, epsilon)));
                         return mul(b, mul(b, args[0], scale), args[2]);
                       });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }
};

struct L2NormalizePattern : OpRewritePattern<L2NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(L2NormalizeOp op,
                                PatternRewriter &rewriter) const override {
    RowBuilder rows(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    Value x = rows.flatten(op.getInput());
    double epsilon = op.getEpsilon().convertToFloat();
    Value y = rows.map(
        {{x, Access::Element}, {sumOfSquares(rows, x), Access::Row}}, x,
        rows.size(x, 1), type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) {
          Value norm = arith::MaximumFOp::create(
              b, math::SqrtOp::create(b, args[1]), constant(b, epsilon));
          return Value(arith::DivFOp::create(b, args[0], norm));
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }
};

} // namespace

void transformer::populateNormToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LayerNormPattern, RmsNormPattern, L2NormalizePattern>(
      patterns.getContext());
}
