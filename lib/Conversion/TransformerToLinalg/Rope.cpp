//===- Rope.cpp - rotary position embedding to linalg ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"
#include "transformer/Conversion/Patterns.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Channel c of a head turns with its partner by position * theta^(-2i / r):
/// y = x cos + partner * sin, the partner negated for the first of a pair. The
/// angle is computed in f64: positions are large where frequencies are high.
struct RopePattern : OpRewritePattern<RopeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RopeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    RowBuilder rows(rewriter, op.getLoc());
    Value x = rows.flatten(op.getInput());
    Value positions = rows.flatten(op.getPositions(), /*hasColumns=*/false);
    auto divide = [&](Value v, int64_t by) -> Value {
      return rows.b.createOrFold<arith::DivUIOp>(
          v, arith::ConstantIndexOp::create(rows.b, by));
    };
    Value width = getValueOrCreateConstantIndexOp(rows.b, rows.b.getLoc(),
                                                  rows.size(x, 1));
    Value dim = divide(width, op.getNumHeads()), rotary = dim;
    if (op.getRotaryDim())
      rotary = arith::ConstantIndexOp::create(rows.b, *op.getRotaryDim());
    Value half = divide(rotary, 2);
    double logTheta = std::log(op.getTheta().convertToDouble());
    bool interleaved = op.getInterleaved();
    Value y = rows.map(
        {{x, Access::Element}, {positions, Access::Row}}, x, rows.size(x, 1),
        type.getElementType(),
        [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
          auto index = [&](int64_t v) -> Value {
            return arith::ConstantIndexOp::create(b, v);
          };
          Value row = linalg::IndexOp::create(b, 0);
          Value column = linalg::IndexOp::create(b, 1);
          Value c = arith::RemUIOp::create(b, column, dim);
          Value turns = compare(b, arith::CmpIPredicate::ult, c, rotary);
          // The pair's number, and whether c is the first of the pair.
          Value pair, isFirst;
          if (interleaved) {
            pair = arith::DivUIOp::create(b, c, index(2));
            isFirst = compare(b, arith::CmpIPredicate::eq,
                              arith::RemUIOp::create(b, c, index(2)), index(0));
          } else {
            pair = arith::RemUIOp::create(
                b, c, arith::MaxUIOp::create(b, half, index(1)));
            isFirst = compare(b, arith::CmpIPredicate::ult, c, half);
          }
          Value step = interleaved ? index(1) : half;
          Value partner = arith::SelectOp::create(
              b, isFirst, arith::AddIOp::create(b, column, step),
              arith::SubIOp::create(b, column, step));
          partner = arith::SelectOp::create(b, turns, partner, column);
          Value other = widen(
              b, tensor::ExtractOp::create(b, x, ValueRange{row, partner}));
          Value negated = arith::NegFOp::create(b, other);
          other = arith::SelectOp::create(b, isFirst, negated, other);
          Value angle = angleOf(b, args[1], pair, rotary, logTheta);
          Value cosine = arith::TruncFOp::create(b, b.getF32Type(),
                                                 math::CosOp::create(b, angle));
          Value sine = arith::TruncFOp::create(b, b.getF32Type(),
                                               math::SinOp::create(b, angle));
          Value turned = arith::AddFOp::create(
              b, arith::MulFOp::create(b, args[0], cosine),
              arith::MulFOp::create(b, other, sine));
          return arith::SelectOp::create(b, turns, turned, args[0]);
        });
    rewriter.replaceOp(op, rows.unflatten(y, type, op.getInput()));
    return success();
  }

private:
  static Value compare(ImplicitLocOpBuilder &b, arith::CmpIPredicate p, Value x,
                       Value y) {
    return arith::CmpIOp::create(b, p, x, y);
  }
  static Value angleOf(ImplicitLocOpBuilder &b, Value position, Value pair,
                       Value rotary, double logTheta) {
    Type f64 = b.getF64Type();
    auto toF64 = [&](Value v) -> Value {
      v = arith::IndexCastOp::create(b, b.getI64Type(), v);
      return arith::SIToFPOp::create(b, f64, v);
    };
    Value turned = arith::MulFOp::create(
        b, toF64(pair),
        arith::ConstantOp::create(b, b.getF64FloatAttr(-2.0 * logTheta)));
    // Nothing turns, and nothing uses the angle, when rotary is 0.
    Value exponent = arith::DivFOp::create(b, turned, toF64(rotary));
    Value p = arith::SIToFPOp::create(b, f64, position);
    return arith::MulFOp::create(b, p, math::ExpOp::create(b, exponent));
  }
};

} // namespace

void transformer::populateRopeToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<RopePattern>(patterns.getContext());
}
