//===- DeviceMath.cpp - exponentials and what is made of them -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// No libdevice: its functions would be undefined in PTX that goes straight to
// the driver.
//===----------------------------------------------------------------------===//
#include "DeviceBuilder.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;

Value DeviceBuilder::exp2(Value x) {
  return intrinsic("ex2.approx.ftz.f", f32(), x);
}
Value DeviceBuilder::reciprocal(Value x) {
  return intrinsic("rcp.approx.ftz.f", f32(), x);
}
Value DeviceBuilder::exp(Value x) {
  return exp2(fmul(x, f32(llvm::numbers::log2e)));
}

/// 1 - 2 / (1 + e^2x): exact to 2^-23 or so of one, and right at infinities.
static Value tanh(DeviceBuilder &b, Value x) {
  Value e = b.exp2(b.fmul(x, b.f32(2 * llvm::numbers::log2e)));
  Value r = b.reciprocal(b.fadd(e, b.f32(1)));
  return b.fma(r, b.f32(-2), b.f32(1));
}

/// x times the normal distribution's part below x. That above |x| is half of
/// erfc(|x| / sqrt 2), by Abramowitz and Stegun 7.1.26: within 1e-7.
static Value gelu(DeviceBuilder &b, Value x) {
  constexpr double root = llvm::numbers::sqrt2;
  Value size = b.fabs(x);
  Value t = b.reciprocal(b.fma(size, b.f32(0.3275911 / root), b.f32(1)));
  Value sum = b.f32(1.061405429 / 2);
  for (double c : {-1.453152027, 1.421413741, -0.284496736, 0.254829592})
    sum = b.fma(sum, t, b.f32(c / 2));
  Value power = b.exp2(b.fmul(b.fmul(x, b.f32(-llvm::numbers::log2e / 2)), x));
  Value above = b.fmul(b.fmul(sum, t), power);
  return b.fma(b.fsub(b.f32(0), size), above, b.maximum(x, b.f32(0)));
}

/// Of so many quarters of a turn, modulo 4, and of x, at most an eighth of one,
/// where few terms of the series are enough (1e-9).
static std::pair<Value, Value> turned(DeviceBuilder &b, Value quarter,
                                      Value x) {
  Value square = b.fmul(x, x);
  auto series = [&](std::initializer_list<double> terms) {
    Value sum = b.f32(0);
    for (double term : terms)
      sum = b.fma(sum, square, b.f32(term));
    return sum;
  };
  Value sine =
      b.fmul(x, series({1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0}));
  Value cosine =
      series({-1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1.0});
  Value one = b.equal(quarter, 1), two = b.equal(quarter, 2),
        three = b.equal(quarter, 3);
  auto negative = [&](Value y) { return b.fsub(b.f32(0), y); };
  auto choose = [&](Value zeroth, Value first) {
    Value y = b.select(one, first, zeroth); // 0 and 4 are the same
    y = b.select(two, negative(zeroth), y);
    return b.select(three, negative(first), y);
  };
  return {choose(cosine, negative(sine)), choose(sine, cosine)};
}

/// The nearest quarter of a turn is found among integers: the rest is exact.
std::pair<Value, Value> DeviceBuilder::turn(Value index, Value count,
                                            Value inverse) {
  Value eight = mul(index, 8), quarter = i32(0);
  for (int64_t odd : {1, 3, 5, 7})
    quarter =
        add(quarter, select(less(eight, mul(count, odd)), i32(0), i32(1)));
  Value rest = sub(mul(index, 4), mul(quarter, count));
  Value x = fmul(fmul(arith::SIToFPOp::create(*this, f32(), rest), inverse),
                 f32(llvm::numbers::pi / 2));
  return turned(*this, quarter, x);
}

/// The product of both is kept as two numbers, of which the first loses its
/// whole turns without an error.
std::pair<Value, Value> DeviceBuilder::turns(Value count, Value high,
                                             Value low) {
  auto rounded = [&](Value x) -> Value {
    return LLVM::RoundEvenOp::create(*this, f32(), ValueRange{x});
  };
  Value factor = arith::SIToFPOp::create(*this, f32(), count);
  Value product = fmul(factor, high);
  Value rest = fma(factor, low, fma(factor, high, fsub(f32(0), product)));
  Value part = fadd(fsub(product, rounded(product)), rest);
  Value quarters = rounded(fmul(part, f32(4)));
  Value x = fmul(fma(quarters, f32(-0.25), part), f32(2 * llvm::numbers::pi));
  Value quarter = arith::AndIOp::create(
      *this, arith::FPToSIOp::create(*this, getI32Type(), quarters), i32(3));
  return turned(*this, quarter, x);
}

Value DeviceBuilder::activate(StringRef name, Value x) {
  if (name == "relu")
    return maximum(x, f32(0));
  if (name == "tanh")
    return tanh(*this, x);
  if (name == "silu")
    return fmul(x, reciprocal(fadd(exp(fsub(f32(0), x)), f32(1))));
  if (name == "gelu")
    return gelu(*this, x);
  if (name != "gelu_tanh")
    return x;
  Value half = fmul(x, f32(0.5)),
        cubic = fmul(fmul(x, x), fmul(x, f32(0.044715)));
  Value s =
      tanh(*this, fmul(fadd(x, cubic), f32(std::sqrt(2 / llvm::numbers::pi))));
  return fma(half, s, half);
}

RowRounding::RowRounding(DeviceBuilder &b, Value largest, Value given)
    : b(b), given(given) {
  isFinite = b.compare(arith::CmpFPredicate::OLT, largest, b.f32(INFINITY));
  hasValues = b.both(isFinite, b.compare(arith::CmpFPredicate::OGE, largest,
                                         b.f32(std::ldexp(1.0, -100))));
  Value divisor = b.select(hasValues, largest, b.f32(127));
  factor = b.fdiv(b.f32(127), divisor);
  scale = given ? given : b.fdiv(divisor, b.f32(127)); // tiny rows: 1
  scale = b.select(isFinite, scale, b.f32(NAN));
}

Value RowRounding::round(Value x) const {
  Value nearest = LLVM::RoundEvenOp::create(
      b, b.f32(), ValueRange{given ? b.fdiv(x, given) : b.fmul(x, factor)});
  if (given)
    nearest = b.clamp(nearest, -127, 127);
  nearest = b.select(given ? isFinite : hasValues, nearest, b.f32(0));
  return arith::FPToSIOp::create(b, b.getI32Type(), nearest);
}
