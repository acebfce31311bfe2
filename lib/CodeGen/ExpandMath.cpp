//===- ExpandMath.cpp - exp, erf, tanh, sin and cos by polynomials --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Minimax polynomials in single precision, evaluated with fused multiply-adds.
// Comparisons are written so that NaN fails them and passes through.
//===----------------------------------------------------------------------===//
#include "ConvertRounded.h"
#include "ErfTable.h"
#include "ExpandMathF64.h"
#include "MathBuilder.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/CodeGen/Target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREXPANDMATH
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Expansions on f32 scalars and vectors of one type.
class MathExpander : public MathBuilder {
public:
  MathExpander(Operation *op, const Target &target)
      : MathBuilder(op, target.fma), target(target) {}

  Value expand(Operation *op) {
    Value x = op->getOperand(0);
    Type type = x.getType(), element = getElementTypeOrSelf(type);
    // Narrow floats are computed as f32, and rounded at the end.
    if (element.isF16() || element.isBF16()) {
      floats = withElement(type, getF32Type());
      integers = withElement(type, getI32Type());
      return arith::TruncFOp::create(
          *this, type, expandF32(op, arith::ExtFOp::create(*this, floats, x)));
    }
    floats = type;
    integers = withElement(type, getI32Type());
    return expandF32(op, x);
  }

  /// f32 to bf16, to nearest even; a NaN stays one.
  Value narrow(Value x, Type result) {
    floats = x.getType();
    integers = withElement(floats, getI32Type());
    Value bits = arith::BitcastOp::create(*this, integers, x);
    auto upper = [&](Value of) -> Value {
      return arith::ShRUIOp::create(*this, of, integer(16));
    };
    Value odd = arith::AndIOp::create(*this, upper(bits), integer(1));
    Value rounded = arith::AddIOp::create(
        *this, bits, arith::AddIOp::create(*this, odd, integer(0x7fff)));
    Value quiet = arith::OrIOp::create(*this, bits, integer(0x400000));
    Value chosen = pick(arith::CmpFPredicate::UNO, x, x, quiet, rounded);
    Value half = arith::TruncIOp::create(
        *this, withElement(result, getIntegerType(16)), upper(chosen));
    return arith::BitcastOp::create(*this, result, half);
  }

private:
  Value expandF32(Operation *op, Value x) {
    if (isa<math::ExpOp>(op))
      return exp(x);
    if (isa<math::Exp2Op>(op))
      return exp2(x);
    if (isa<math::ErfOp>(op))
      return erf(x);
    if (isa<math::TanhOp>(op))
      return tanh(x);
    if (isa<math::SinOp>(op))
      return sine(x, 0);
    if (isa<math::CosOp>(op))
      return sine(x, 1);
    return roundEven(x);
  }

  Value clamp(Value x, double low, double high) {
    Value lowest = real(low), highest = real(high);
    x = pick(arith::CmpFPredicate::OGT, lowest, x, lowest, x);
    return pick(arith::CmpFPredicate::OLT, highest, x, highest, x);
  }
  /// x rounded to an integer n, |n| < 2^22: adding 1.5 * 2^23 leaves n in the
  /// low bits of the significand, `bits`, of which n is recovered.
  Value nearest(Value x, Value &bits) {
    Value magic = real(12582912.0);
    bits = add(x, magic);
    return sub(bits, magic);
  }

  bool isAvx512Register() const {
    auto vector = dyn_cast<VectorType>(floats);
    return target.isX86() && target.lanes == 16 && vector &&
           vector.getRank() == 1 && vector.getDimSize(0) == 16;
  }

  /// y * 2^n, which may overflow to infinity or underflow gradually.
  Value scale(Value y, Value n, Value bits) {
    if (isAvx512Register()) {
      Value all = arith::ConstantOp::create(*this, getI16IntegerAttr(-1));
      Value mode = arith::ConstantOp::create(*this, getI32IntegerAttr(4));
      return LLVM::CallIntrinsicOp::create(
                 *this, floats,
                 getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
                 ValueRange{y, n, y, all, mode})
          .getResult(0);
    }
    // In two steps, since 2^n alone may be no normal number.
    Value exponent =
        arith::SubIOp::create(*this, bitsOf(bits), integer(0x4B400000));
    Value half = arith::ShRSIOp::create(*this, exponent, integer(1));
    Value rest = arith::SubIOp::create(*this, exponent, half);
    for (Value part : {half, rest}) {
      Value biased = arith::AddIOp::create(*this, part, integer(127));
      y = mul(y, realOf(arith::ShLIOp::create(*this, biased, integer(23))));
    }
    return y;
  }

  Value exp2(Value x) {
    x = clamp(x, -152.0, 129.0);
    Value bits, n = nearest(x, bits);
    Value y =
        polynomial(sub(x, n), {1.00000000055, 0.693147205737, 0.240226468906,
                               0.0555032877711, 0.00961848895633,
                               0.00133999311772, 0.000153458121613});
    return scale(y, n, bits);
  }

  Value exp(Value x) {
    x = clamp(x, -105.0, 89.5);
    Value bits, n = nearest(mul(x, real(1.4426950408889634)), bits);
    // ln 2 in two parts, of which the first times n is exact.
    Value r = fma(n, real(-0.693145751953125), x);
    r = fma(n, real(-1.428606765330187e-6), r);
    Value y = polynomial(r, {1.00000000055, 1.00000003632, 0.499999920798,
                             0.166664201703, 0.0416682255661, 0.00837481577816,
                             0.00138368461369});
    return scale(y, n, bits);
  }

  /// Each lane's own piece of a table in registers: less than half of the
  /// operations of the form below, and no division.
  Value erfByPieces(Value x) {
    constexpr size_t kPieces = std::size(kErfPieces);
    Value magnitude = math::AbsFOp::create(*this, x);
    // Just below the end of the last piece, where halves round to even.
    Value last = real((kPieces - 0.5) / 4 - 2e-7);
    magnitude =
        pick(arith::CmpFPredicate::OLT, last, magnitude, last, magnitude);
    Value bits, piece = nearest(mul(magnitude, real(4.0)), bits);
    Value t = fma(piece, real(-0.25), magnitude);
    Value sum;
    for (size_t power = std::size(kErfPieces[0]); power-- > 0;) {
      SmallVector<float> column;
      for (const double (&row)[6] : kErfPieces)
        column.push_back(row[power]);
      Value table = arith::ConstantOp::create(
          *this, DenseElementsAttr::get(cast<ShapedType>(floats),
                                        ArrayRef<float>(column)));
      Value coefficient =
          LLVM::CallIntrinsicOp::create(
              *this, floats, getStringAttr("llvm.x86.avx512.permvar.sf.512"),
              ValueRange{table, bitsOf(bits)})
              .getResult(0);
      sum = sum ? fma(sum, t, coefficient) : coefficient;
    }
    return math::CopySignOp::create(*this, sum, x);
  }

  /// An odd rational function up to where erf rounds to 1.
  Value erf(Value x) {
    if (isAvx512Register())
      return erfByPieces(x);
    x = clamp(x, -3.95, 3.95);
    Value u = mul(x, x);
    Value p = polynomial(u, {1.1283791438540953, 0.19154789939580968,
                             0.052875126756596134, 0.0038080570371187015,
                             0.0002846851879046979, 2.0259246631763838e-6});
    Value q = polynomial(u, {1.0, 0.5030875825541617, 0.11455862552991927,
                             0.015054881985323378, 0.0011706999769184247,
                             3.7831839200993775e-5});
    return clamp(div(mul(x, p), q), -1.0, 1.0);
  }

  /// A polynomial near zero, where the other form cancels, and
  /// 1 - 2 / (exp(2 |x|) + 1).
  Value tanh(Value x) {
    Value magnitude = math::AbsFOp::create(*this, x);
    Value u = mul(x, x);
    Value p = polynomial(u, {-0.33333281942, 0.133314421982, -0.0537397150859,
                             0.0206390872449, -0.0057049869936});
    Value small = fma(mul(x, u), p, x);
    Value one = real(1.0);
    Value z = exp2(mul(magnitude, real(2.8853900817779268)));
    Value large = sub(one, div(real(2.0), add(z, one)));
    large = math::CopySignOp::create(*this, large, x);
    return pick(arith::CmpFPredicate::OLT, magnitude, real(0.625), small,
                large);
  }

  /// sin(x + quadrants * pi / 2), for |x| up to some 10,000, the angles of
  /// rotary positions: beyond, multiples of pi / 2 are not known well enough.
  Value sine(Value x, int32_t quadrants) {
    Value bits, n = nearest(mul(x, real(0.6366197723675814)), bits);
    // pi / 2 in three parts; products of n with the first two are exact.
    Value r = fma(n, real(-1.5703125), x);
    r = fma(n, real(-4.837512969970703125e-4), r);
    r = fma(n, real(-7.5497899548918821e-8), r);
    Value u = mul(r, r);
    Value odd =
        polynomial(u, {-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4});
    odd = fma(mul(r, u), odd, r);
    Value even = polynomial(u, {-0.5, 4.166664568298827e-2,
                                -1.388731625493765e-3, 2.443315711809948e-5});
    even = fma(u, even, real(1.0));
    Value quadrant =
        arith::AddIOp::create(*this, bitsOf(bits), integer(quadrants));
    Value swapped = arith::AndIOp::create(*this, quadrant, integer(1));
    Value useOdd = arith::CmpIOp::create(*this, arith::CmpIPredicate::eq,
                                         swapped, integer(0));
    Value y = arith::SelectOp::create(*this, useOdd, odd, even);
    // The second bit of the quadrant is the sign.
    Value sign = arith::ShLIOp::create(
        *this, arith::AndIOp::create(*this, quadrant, integer(2)), integer(30));
    return realOf(arith::XOrIOp::create(*this, bitsOf(y), sign));
  }

  /// Without an instruction for it: numbers of 2^23 and more are integers.
  Value roundEven(Value x) {
    Value magnitude = math::AbsFOp::create(*this, x);
    Value magic = real(8388608.0);
    Value rounded = sub(add(magnitude, magic), magic);
    rounded = math::CopySignOp::create(*this, rounded, x);
    return pick(arith::CmpFPredicate::OLT, magnitude, magic, rounded, x);
  }

  const Target &target;
};

struct ExpandMath : transformer::impl::TransformerExpandMathBase<ExpandMath> {
  using TransformerExpandMathBase::TransformerExpandMathBase;

  void runOnOperation() override {
    std::string error;
    FailureOr<Target> found = lookupTarget(target, error);
    if (failed(found)) {
      getOperation()->emitError(error);
      return signalPassFailure();
    }
    numExpanded += convertRounded(getOperation(), *found);
    bool rounds = !found->isX86() || found->lanes > 4;
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (!isa<math::ExpOp, math::Exp2Op, math::ErfOp, math::TanhOp,
               math::SinOp, math::CosOp>(op) &&
          (rounds || !isa<math::RoundEvenOp>(op)))
        return;
      Type element = getElementTypeOrSelf(op->getOperand(0));
      if (isF64Math(op))
        ops.push_back(op);
      else if (isa<VectorType>(op->getOperand(0).getType()) ||
               op->getOperand(0).getType() == element)
        if (element.isF32() || element.isF16() || element.isBF16())
          ops.push_back(op);
    });
    for (Operation *op : ops) {
      Value expanded = isF64Math(op) ? expandF64Math(op, found->fma)
                                     : MathExpander(op, *found).expand(op);
      op->getResult(0).replaceAllUsesWith(expanded);
      op->erase();
    }
    numExpanded += ops.size();
    if (found->bf16)
      return;
    // Without the instruction LLVM would call its own library.
    SmallVector<arith::TruncFOp> narrowings;
    getOperation()->walk([&](arith::TruncFOp op) {
      if (getElementTypeOrSelf(op.getIn()).isF32() &&
          getElementTypeOrSelf(op.getType()).isBF16())
        narrowings.push_back(op);
    });
    for (arith::TruncFOp op : narrowings) {
      op.replaceAllUsesWith(
          MathExpander(op, *found).narrow(op.getIn(), op.getType()));
      op.erase();
    }
    numExpanded += narrowings.size();
  }
};

} // namespace
