//===- ExpandMathF64.cpp - exp, sin and cos of f64 ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ExpandMathF64.h"
#include "MathBuilder.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

class F64Expander : public MathBuilder {
public:
  F64Expander(Operation *op, bool hasFma) : MathBuilder(op, hasFma) {
    floats = op->getResult(0).getType();
    integers = withElement(floats, getI64Type());
  }

  /// 2^n e^r with r within ln 2 / 2 of zero.
  Value exp(Value x) {
    // 2^1023 and 2^-1022 are the ends of what the exponent's bits can say.
    Value low = real(-708.0), high = real(709.0);
    Value inside = arith::MaximumFOp::create(*this, x, low);
    inside = arith::MinimumFOp::create(*this, inside, high);
    Value bits, n = nearest(mul(inside, real(1.4426950408889634)), bits);
    Value r = fma(n, real(-6.93147180369123816490e-01), inside);
    r = fma(n, real(-1.90821492927058770002e-10), r);
    Value y = real(1.0 / 39916800); // 1 / 11!
    double factorial = 39916800;
    for (int i = 11; i > 0; --i) {
      factorial /= i;
      y = fma(y, r, real(1 / factorial));
    }
    Value power = arith::ShLIOp::create(
        *this, arith::AddIOp::create(*this, bits, integer(1023)), integer(52));
    y = mul(y, realOf(power));
    y = pick(arith::CmpFPredicate::OLT, x, low, real(0.0), y);
    return pick(arith::CmpFPredicate::OGT, x, high,
                real(std::numeric_limits<double>::infinity()), y);
  }

  Value sine(Value x, int64_t quadrants) {
    Value bits, n = nearest(mul(x, real(0.63661977236758134308)), bits);
    // pi / 2 in two parts; the product of n with the first is exact.
    Value r = fma(n, real(-1.57079632673412561417), x);
    r = fma(n, real(-6.07710050650619224932e-11), r);
    Value u = mul(r, r);
    Value odd = polynomial(
        u, {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800});
    odd = fma(mul(r, u), odd, r);
    Value even = polynomial(
        u, {-0.5, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800});
    even = fma(u, even, real(1.0));
    Value quadrant = arith::AddIOp::create(*this, bits, integer(quadrants));
    auto isSet = [&](int64_t bit) -> Value {
      return arith::CmpIOp::create(
          *this, arith::CmpIPredicate::ne,
          arith::AndIOp::create(*this, quadrant, integer(bit)), integer(0));
    };
    Value y = arith::SelectOp::create(*this, isSet(1), even, odd);
    Value negated = arith::NegFOp::create(*this, y);
    return arith::SelectOp::create(*this, isSet(2), negated, y);
  }

private:
  /// The nearest whole number, and the same as an integer: adding 1.5 * 2^52
  /// leaves no bits for the fraction.
  Value nearest(Value x, Value &bits) {
    Value magic = real(0x1.8p52);
    Value shifted = add(x, magic);
    bits = arith::SubIOp::create(*this, bitsOf(shifted), bitsOf(magic));
    return sub(shifted, magic);
  }
};

} // namespace

bool transformer::isF64Math(Operation *op) {
  if (!isa<math::ExpOp, math::SinOp, math::CosOp>(op))
    return false;
  Type type = op->getResult(0).getType();
  return getElementTypeOrSelf(type).isF64() &&
         (isa<VectorType>(type) || type.isF64());
}

Value transformer::expandF64Math(Operation *op, bool hasFma) {
  F64Expander expander(op, hasFma);
  Value x = op->getOperand(0);
  if (isa<math::ExpOp>(op))
    return expander.exp(x);
  return expander.sine(x, isa<math::CosOp>(op) ? 1 : 0);
}
