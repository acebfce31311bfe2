//===- Quantize.cpp - quantize, dequantize, unpack_i4 to linalg -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

using namespace mlir;
using namespace mlir::transformer;

static Value constant(ImplicitLocOpBuilder &b, double v) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(v));
}

/// roundeven(z) as i8, for |z| below 127.5.
static Value roundToI8(ImplicitLocOpBuilder &b, Value z) {
  Value r = math::RoundEvenOp::create(b, z);
  Value i = arith::FPToSIOp::create(b, b.getI32Type(), r);
  return arith::TruncIOp::create(b, b.getI8Type(), i);
}

/// z within -127..127; NaN gives 0.
static Value clampToI8(ImplicitLocOpBuilder &b, Value z) {
  Value isNumber = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, z, z);
  Value r = arith::SelectOp::create(b, isNumber, z, constant(b, 0.0));
  r = arith::MaximumFOp::create(b, r, constant(b, -127.0));
  return arith::MinimumFOp::create(b, r, constant(b, 127.0));
}

/// True where absmax is neither NaN nor infinite.
static Value isFinite(ImplicitLocOpBuilder &b, Value absmax) {
  return arith::CmpFOp::create(
      b, arith::CmpFPredicate::OLT, absmax,
      constant(b, std::numeric_limits<float>::infinity()));
}

static Value isLarge(ImplicitLocOpBuilder &b, Value absmax) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, absmax,
                               constant(b, 0x1p-100));
}

static Value asFloat(ImplicitLocOpBuilder &b, Value bits) {
  return arith::BitcastOp::create(b, b.getF32Type(), bits);
}

Value transformer::quantizeDynamically(ImplicitLocOpBuilder &b, Value z,
                                       Value absmax) {
  Value factor = arith::DivFOp::create(b, constant(b, 127.0), absmax);
  Value scaled = arith::MulFOp::create(b, z, factor);
  // Then |z| <= absmax, and rounding both factors takes it no further than
  // 127.0001: nothing is left to clamp.
  Value holds =
      arith::AndIOp::create(b, isFinite(b, absmax), isLarge(b, absmax));
  return roundToI8(b,
                   arith::SelectOp::create(b, holds, scaled, constant(b, 0.0)));
}

Value transformer::dynamicScale(ImplicitLocOpBuilder &b, Value absmax,
                                double small) {
  Value scale = arith::DivFOp::create(b, absmax, constant(b, 127.0));
  scale =
      arith::SelectOp::create(b, isLarge(b, absmax), scale, constant(b, small));
  Value nan = constant(b, std::numeric_limits<float>::quiet_NaN());
  return arith::SelectOp::create(b, isFinite(b, absmax), scale, nan);
}

namespace {

struct QuantizePattern : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    RowBuilder rows(rewriter, op.getLoc());
    ImplicitLocOpBuilder &b = rows.b;
    Value x = rows.flatten(op.getInput());
    bool smooth = bool(op.getMultiplier());
    SmallVector<RowOperand> operands{{x, Access::Element}};
    if (smooth)
      operands.push_back({op.getMultiplier(), Access::Column});
    if (smooth && endsInMap(op.getInput())) {
      x = rows.map(operands, x, rows.size(x, 1), b.getF32Type(),
                   [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     return arith::MulFOp::create(b, args[0], args[1]);
                   });
      operands = {{x, Access::Element}};
      smooth = false;
    }
    auto scaled = [smooth](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
      return smooth ? arith::MulFOp::create(b, args[0], args[1]).getResult()
                    : args[0];
    };
    Value absmax = rows.absmaxBits(operands, x, scaled);
    operands.push_back({absmax, Access::Row});
    Value fixed;
    if (op.getScale()) {
      fixed = tensor::ExtractOp::create(b, op.getScale(), ValueRange{});
    }
    Value q = rows.map(
        operands, x, rows.size(x, 1), b.getI8Type(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          Value z = scaled(b, args), top = asFloat(b, args.back());
          if (!fixed)
            return quantizeDynamically(b, z, top);
          z = arith::DivFOp::create(b, z, fixed);
          z = arith::SelectOp::create(b, isFinite(b, top), z, constant(b, 0.0));
          return roundToI8(b, clampToI8(b, z));
        });
    Value scales = rowScales(rows, absmax, fixed);
    rewriter.replaceOp(
        op, {rows.unflatten(q, cast<RankedTensorType>(op.getResult().getType()),
                            op.getInput()),
             rows.unflatten(scales,
                            cast<RankedTensorType>(op.getScales().getType()),
                            op.getInput())});
    return success();
  }

private:
  /// Whether what makes `x`, for this op alone, ends in an elementwise op: that
  /// can multiply as well, where here it would be done for the maximum and
  /// once more for the numbers.
  static bool endsInMap(Value x) {
    Operation *maker = x.getDefiningOp();
    if (!maker || !x.hasOneUse())
      return false;
    auto generic = dyn_cast<linalg::GenericOp>(maker);
    return isa<LinearOp, LayerNormOp>(maker) ||
           (generic && generic.getNumParallelLoops() == generic.getNumLoops());
  }

  static Value rowScales(RowBuilder &rows, Value absmax, Value fixed) {
    ImplicitLocOpBuilder &b = rows.b;
    Value init = rows.empty(absmax, std::nullopt, b.getF32Type());
    AffineMap identity = b.getMultiDimIdentityMap(1);
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{absmax}, init,
               ArrayRef<AffineMap>{identity, identity},
               ArrayRef<utils::IteratorType>{utils::IteratorType::parallel},
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value top = asFloat(ib, args[0]);
                 Value scale = dynamicScale(ib, top);
                 if (fixed)
                   scale = arith::SelectOp::create(ib, isFinite(ib, top), fixed,
                                                   scale);
                 linalg::YieldOp::create(ib, scale);
               })
        .getResult(0);
  }
};

struct DequantizePattern : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    RowBuilder rows(rewriter, op.getLoc());
    Value q = rows.flatten(op.getInput());
    Value scales = rows.flatten(op.getScales(), /*hasColumns=*/false);
    Value y = rows.map({{q, Access::Element}, {scales, Access::Row}}, q,
                       rows.size(q, 1), type.getElementType(),
                       [](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                         Value f = arith::SIToFPOp::create(b, b.getF32Type(),
                                                           args[0]);
                         return arith::MulFOp::create(b, f, args[1]);
                       });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }
};

/// Those that linears of a chain read stay: transformer-form-contracts makes
/// them part of the kernels, which unpack as they go.
struct UnpackI4Pattern : OpRewritePattern<UnpackI4Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpackI4Op op,
                                PatternRewriter &rewriter) const override {
    if (op->getParentOp()->hasAttr("transformer.chain"))
      return rewriter.notifyMatchFailure(op, "it is part of a chain");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value init =
        tensor::EmptyOp::create(b, op.getType().getShape(), b.getI8Type());
    rewriter.replaceOpWithNewOp<linalg::GenericOp>(
        op, op.getType(), ValueRange{}, init,
        ArrayRef<AffineMap>{b.getMultiDimIdentityMap(2)},
        SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel),
        [&](OpBuilder &inner, Location loc, ValueRange) {
          ImplicitLocOpBuilder ib(loc, inner);
          Value row = linalg::IndexOp::create(ib, 0);
          Value column = linalg::IndexOp::create(ib, 1);
          linalg::YieldOp::create(ib, unpackI4(ib, op, row, column));
        });
    return success();
  }
};

} // namespace

Value transformer::unpackI4(ImplicitLocOpBuilder &b, UnpackI4Op op, Value row,
                            Value column) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto divide = [&](Value v, int64_t by) -> Value {
    return arith::DivUIOp::create(b, v, index(by));
  };
  auto rest = [&](Value v, int64_t by) -> Value {
    return arith::RemUIOp::create(b, v, index(by));
  };
  Value at = arith::AddIOp::create(
      b, arith::MulIOp::create(b, divide(column, 8), index(4)),
      rest(column, 4));
  Value byte =
      tensor::ExtractOp::create(b, op.getPacked(), ValueRange{row, at});
  Value four = arith::ConstantIntOp::create(b, 4, 8);
  Value high = arith::ShRSIOp::create(b, byte, four);
  Value low =
      arith::ShRSIOp::create(b, arith::ShLIOp::create(b, byte, four), four);
  Value isLow = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                      rest(column, 8), index(4));
  Value number = arith::SelectOp::create(b, isLow, low, high);
  Value multiplier = tensor::ExtractOp::create(
      b, op.getMultipliers(),
      ValueRange{row, divide(column, UnpackI4Op::kGroup)});
  return arith::MulIOp::create(b, number, multiplier);
}

void transformer::populateQuantizeToLinalgPatterns(
    RewritePatternSet &patterns) {
  patterns.add<QuantizePattern, DequantizePattern, UnpackI4Pattern>(
      patterns.getContext());
}
