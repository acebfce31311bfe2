//===- Linear.cpp - linear and activations to linalg ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// y[m, n] = act(scales * sum over k of x[m, k] * w[n, k] + bias[n]).
struct LinearPattern : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    RowBuilder rows(rewriter, op.getLoc());
    Value x = rows.flatten(op.getInput());
    OpFoldResult width = rows.size(op.getWeight(), 0);
    Value sum = contract(rows, x, op.getWeight(), width);
    Type element = op.getType().getElementType();
    bool isI8 = bool(op.getInputScales());
    Value result = sum;
    if (isI8 || op.getBias() || op.getActivation() != Activation::none ||
        element != getElementTypeOrSelf(sum))
      result = finish(op, rows, x, sum, width);
    rewriter.replaceOp(op, rows.unflatten(result,
                                          cast<RankedTensorType>(op.getType()),
                                          op.getInput()));
    return success();
  }

private:
  static Value contract(RowBuilder &rows, Value x, Value weight,
                        OpFoldResult width) {
    ImplicitLocOpBuilder &b = rows.b;
    bool isI8 = getElementTypeOrSelf(x).isInteger(8);
    Type sumType = isI8 ? Type(b.getI32Type()) : Type(b.getF32Type());
    Value zero =
        arith::ConstantOp::create(b, cast<TypedAttr>(b.getZeroAttr(sumType)));
    Value init =
        linalg::FillOp::create(b, ValueRange{zero},
                               ValueRange{rows.empty(x, width, sumType)})
            .getResult(0);
    AffineExpr m, n, k;
    bindDims(b.getContext(), m, n, k);
    SmallVector<AffineMap> maps{AffineMap::get(3, 0, {m, k}, b.getContext()),
                                AffineMap::get(3, 0, {n, k}, b.getContext()),
                                AffineMap::get(3, 0, {m, n}, b.getContext())};
    SmallVector<utils::IteratorType> iterators{utils::IteratorType::parallel,
                                               utils::IteratorType::parallel,
                                               utils::IteratorType::reduction};
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{x, weight}, init, maps, iterators,
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value sum;
                 if (isI8) {
                   Value u = arith::ExtSIOp::create(ib, sumType, args[0]);
                   Value v = arith::ExtSIOp::create(ib, sumType, args[1]);
                   Value product = arith::MulIOp::create(ib, u, v);
                   sum = arith::AddIOp::create(ib, args[2], product);
                 } else {
                   Value product = arith::MulFOp::create(ib, widen(ib, args[0]),
                                                         widen(ib, args[1]));
                   sum = arith::AddFOp::create(ib, args[2], product);
                 }
                 linalg::YieldOp::create(ib, sum);
               })
        .getResult(0);
  }

  static Value finish(LinearOp op, RowBuilder &rows, Value x, Value sum,
                      OpFoldResult width) {
    SmallVector<RowOperand> operands{{sum, Access::Element}};
    if (op.getInputScales()) {
      operands.push_back(
          {rows.flatten(op.getInputScales(), /*hasColumns=*/false),
           Access::Row});
      operands.push_back({op.getWeightScales(), Access::Column});
    }
    if (op.getBias())
      operands.push_back({op.getBias(), Access::Column});
    return rows.map(operands, x, width, op.getType().getElementType(),
                    [&](ImplicitLocOpBuilder &b, ValueRange args) {
                      Value y = args[0];
                      if (op.getInputScales()) {
                        y = arith::SIToFPOp::create(b, b.getF32Type(), y);
                        Value scale =
                            arith::MulFOp::create(b, args[1], args[2]);
                        y = arith::MulFOp::create(b, y, scale);
                      }
                      if (op.getBias())
                        y = arith::AddFOp::create(b, y, args.back());
                      return emitActivation(b, op.getActivation(), y);
                    });
  }
};

template <typename OpT, Activation kind>
struct ActivationPattern : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    RowBuilder rows(rewriter, op.getLoc());
    SmallVector<ReassociationIndices> none;
    Value input = op.getInput();
    bool isScalar = type.getRank() == 0;
    if (isScalar) {
      type = type.clone(ArrayRef<int64_t>{1});
      input = tensor::ExpandShapeOp::create(rows.b, type, input, none);
    }
    Value x = rows.flatten(input);
    Value y = rows.map({{x, Access::Element}}, x, rows.size(x, 1),
                       type.getElementType(),
                       [](ImplicitLocOpBuilder &b, ValueRange args) {
                         return emitActivation(b, kind, args[0]);
                       });
    y = rows.unflatten(y, type, input);
    if (isScalar)
      y = tensor::CollapseShapeOp::create(rows.b, op.getType(), y, none);
    rewriter.replaceOp(op, y);
    return success();
  }
};

} // namespace

void transformer::populateLinearToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LinearPattern>(patterns.getContext());
}

void transformer::populateActivationToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<ActivationPattern<GeluOp, Activation::gelu>,
               ActivationPattern<GeluTanhOp, Activation::gelu_tanh>,
               ActivationPattern<ReluOp, Activation::relu>,
               ActivationPattern<SiluOp, Activation::silu>,
               ActivationPattern<TanhOp, Activation::tanh>>(
      patterns.getContext());
}
