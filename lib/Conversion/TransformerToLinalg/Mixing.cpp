//===- Mixing.cpp - fft_mix and token_mix to linalg -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Sequences.h"
#include "transformer/Conversion/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

Value transformer::mapSequences(ImplicitLocOpBuilder &b, Value input,
                                Value offsets,
                                function_ref<Value(Value)> body) {
  auto type = cast<RankedTensorType>(input.getType());
  auto index = [&](int64_t v) -> Value {
    return arith::ConstantIndexOp::create(b, v);
  };
  Value zero = index(0), one = index(1);
  OpFoldResult unit = b.getIndexAttr(1), origin = b.getIndexAttr(0);
  OpFoldResult width = sizeOf(b, input, type.getRank() - 1);
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    sizes.push_back(sizeOf(b, input, i));
  Value out = tensor::EmptyOp::create(b, sizes, type.getElementType());
  Value count;
  if (offsets) {
    Value bounds = tensor::DimOp::create(b, offsets, zero);
    count =
        arith::SubIOp::create(b, arith::MaxUIOp::create(b, bounds, one), one);
  } else {
    count = getValueOrCreateConstantIndexOp(b, b.getLoc(), sizes[0]);
  }
  auto loop = scf::ForOp::create(b, zero, count, one, ValueRange{out});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value s = loop.getInductionVar();
  SmallVector<OpFoldResult> from, extent;
  if (offsets) {
    auto bound = [&](Value at) -> Value {
      Value v = tensor::ExtractOp::create(b, offsets, ValueRange{at});
      return arith::IndexCastOp::create(b, b.getIndexType(), v);
    };
    Value begin = bound(s), end = bound(arith::AddIOp::create(b, s, one));
    Value rows = arith::SubIOp::create(b, end, begin);
    from = {begin, origin}, extent = {rows, width};
  } else {
    from = {s, origin, origin}, extent = {unit, sizes[1], width};
  }
  SmallVector<OpFoldResult> strides(from.size(), unit);
  int64_t length = offsets ? ShapedType::kDynamic : type.getDimSize(1);
  auto rowType = RankedTensorType::get({length, type.getShape().back()},
                                       type.getElementType());
  Value sequence =
      tensor::ExtractSliceOp::create(b, rowType, input, from, extent, strides);
  Value mapped = body(sequence);
  Value inserted = tensor::InsertSliceOp::create(
      b, mapped, loop.getRegionIterArgs()[0], from, extent, strides);
  scf::YieldOp::create(b, inserted);
  return loop.getResult(0);
}

namespace {

using Iterator = utils::IteratorType;

/// Re(F_n x F_h) = C_n (x C_h) - S_n (x S_h), where C and S hold the cosines
/// and sines of 2 pi j k / n: the definition, as products.
struct FftMixPattern : OpRewritePattern<FftMixOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(FftMixOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value out = mapSequences(b, op.getInput(), op.getOffsets(), [&](Value x) {
      OpFoldResult n = sizeOf(b, x, 0), h = sizeOf(b, x, 1);
      Value cosines = contract(b, x, table(b, h, false), n, h, {}, false);
      Value sines = contract(b, x, table(b, h, true), n, h, {}, false);
      Value y = contract(b, table(b, n, false), cosines, n, h, {}, false);
      y = contract(b, table(b, n, true), sines, n, h, y, true);
      return finish(b, y, type.getElementType());
    });
    rewriter.replaceOp(op, out);
    return success();
  }

private:
  /// cos or sin of 2 pi (j k mod n) / n, in f64 and then rounded.
  static Value table(ImplicitLocOpBuilder &b, OpFoldResult n, bool sine) {
    Value init = tensor::EmptyOp::create(b, SmallVector<OpFoldResult>{n, n},
                                         b.getF32Type());
    Value size = getValueOrCreateConstantIndexOp(b, b.getLoc(), n);
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{}, init,
               ArrayRef<AffineMap>{b.getMultiDimIdentityMap(2)},
               ArrayRef<Iterator>{Iterator::parallel, Iterator::parallel},
               [&](OpBuilder &inner, Location loc, ValueRange) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value j = linalg::IndexOp::create(ib, 0);
                 Value k = linalg::IndexOp::create(ib, 1);
                 Value turn = arith::RemUIOp::create(
                     ib, arith::MulIOp::create(ib, j, k), size);
                 auto toF64 = [&](Value v) -> Value {
                   Value i = arith::IndexCastOp::create(ib, ib.getI64Type(), v);
                   return arith::SIToFPOp::create(ib, ib.getF64Type(), i);
                 };
                 Value full = arith::ConstantOp::create(
                     ib, ib.getF64FloatAttr(2 * M_PI));
                 Value angle = arith::DivFOp::create(
                     ib, arith::MulFOp::create(ib, toF64(turn), full),
                     toF64(size));
                 Value v = sine ? math::SinOp::create(ib, angle).getResult()
                                : math::CosOp::create(ib, angle).getResult();
                 linalg::YieldOp::create(ib, ValueRange{arith::TruncFOp::create(
                                                 ib, ib.getF32Type(), v)});
               })
        .getResult(0);
  }

  /// init (default zeros) +- x y.
  static Value contract(ImplicitLocOpBuilder &b, Value x, Value y,
                        OpFoldResult rows, OpFoldResult columns, Value init,
                        bool subtract) {
    if (!init) {
      Value empty = tensor::EmptyOp::create(
          b, SmallVector<OpFoldResult>{rows, columns}, b.getF32Type());
      Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0));
      init = linalg::FillOp::create(b, ValueRange{zero}, ValueRange{empty})
                 .getResult(0);
    }
    AffineExpr m, n, k;
    bindDims(b.getContext(), m, n, k);
    SmallVector<AffineMap> maps{AffineMap::get(3, 0, {m, k}, b.getContext()),
                                AffineMap::get(3, 0, {k, n}, b.getContext()),
                                AffineMap::get(3, 0, {m, n}, b.getContext())};
    SmallVector<Iterator> iterators{Iterator::parallel, Iterator::parallel,
                                    Iterator::reduction};
    return linalg::GenericOp::create(
               b, init.getType(), ValueRange{x, y}, init, maps, iterators,
               [&](OpBuilder &inner, Location loc, ValueRange args) {
                 ImplicitLocOpBuilder ib(loc, inner);
                 Value p = arith::MulFOp::create(ib, widen(ib, args[0]),
                                                 widen(ib, args[1]));
                 Value sum =
                     subtract
                         ? arith::SubFOp::create(ib, args[2], p).getResult()
                         : arith::AddFOp::create(ib, args[2], p).getResult();
                 linalg::YieldOp::create(ib, sum);
               })
        .getResult(0);
  }

  static Value finish(ImplicitLocOpBuilder &b, Value y, Type element) {
    auto type = cast<RankedTensorType>(y.getType());
    if (type.getElementType() == element)
      return y;
    return arith::TruncFOp::create(b, type.clone(element), y);
  }
};

/// y[t] = sum over lags of W[l] x[t + l - K], reading nothing outside.
struct TokenMixPattern : OpRewritePattern<TokenMixOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TokenMixOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value out = mapSequences(b, op.getInput(), op.getOffsets(), [&](Value x) {
      return mix(b, x, op.getWeight(), type.getElementType());
    });
    rewriter.replaceOp(op, out);
    return success();
  }

private:
  static Value mix(ImplicitLocOpBuilder &b, Value x, Value weight,
                   Type element) {
    auto weightType = cast<RankedTensorType>(weight.getType());
    bool full = weightType.getRank() == 3;
    Value reach = arith::DivUIOp::create(
        b, getValueOrCreateConstantIndexOp(b, b.getLoc(), sizeOf(b, weight, 0)),
        arith::ConstantIndexOp::create(b, 2));
    OpFoldResult n = sizeOf(b, x, 0), h = sizeOf(b, x, 1);
    Value length = getValueOrCreateConstantIndexOp(b, b.getLoc(), n);
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0.0));
    Value empty = tensor::EmptyOp::create(b, SmallVector<OpFoldResult>{n, h},
                                          b.getF32Type());
    Value init = linalg::FillOp::create(b, ValueRange{zero}, ValueRange{empty})
                     .getResult(0);
    // Loops: token, output channel, lag (, input channel).
    int64_t loops = full ? 4 : 3;
    MLIRContext *context = b.getContext();
    auto d = [&](int64_t i) { return b.getAffineDimExpr(i); };
    SmallVector<AffineExpr> w{d(2), d(1)};
    if (full)
      w.push_back(d(3));
    SmallVector<AffineMap> maps{
        AffineMap::get(loops, 0, w, context),
        AffineMap::get(loops, 0, {d(0), d(1)}, context)};
    SmallVector<Iterator> iterators(loops, Iterator::reduction);
    iterators[0] = iterators[1] = Iterator::parallel;
    Value sum =
        linalg::GenericOp::create(
            b, init.getType(), ValueRange{weight}, init, maps, iterators,
            [&](OpBuilder &inner, Location loc, ValueRange args) {
              ImplicitLocOpBuilder ib(loc, inner);
              Value at = arith::SubIOp::create(
                  ib,
                  arith::AddIOp::create(ib, linalg::IndexOp::create(ib, 0),
                                        linalg::IndexOp::create(ib, 2)),
                  reach);
              // Negative places are large unsigned ones.
              Value inside = arith::CmpIOp::create(
                  ib, arith::CmpIPredicate::ult, at, length);
              Value safe = arith::SelectOp::create(
                  ib, inside, at, arith::ConstantIndexOp::create(ib, 0));
              Value channel = linalg::IndexOp::create(ib, full ? 3 : 1);
              Value v =
                  tensor::ExtractOp::create(ib, x, ValueRange{safe, channel});
              Value p =
                  arith::MulFOp::create(ib, widen(ib, args[0]), widen(ib, v));
              Value none = arith::ConstantOp::create(ib, ib.getF32FloatAttr(0));
              p = arith::SelectOp::create(ib, inside, p, none);
              linalg::YieldOp::create(
                  ib, ValueRange{arith::AddFOp::create(ib, args[1], p)});
            })
            .getResult(0);
    auto type = cast<RankedTensorType>(sum.getType());
    if (type.getElementType() == element)
      return sum;
    return arith::TruncFOp::create(b, type.clone(element), sum);
  }
};

} // namespace

void transformer::populateMixingToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<FftMixPattern, TokenMixPattern>(patterns.getContext());
}
