//===- FftLanes.cpp - complex arithmetic on vector lanes ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FftLanes.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

MemRefType FftLanes::bufferType() {
  int64_t lanes = target.lanes;
  return MemRefType::get({ShapedType::kDynamic, 2, lanes}, getF32Type(),
                         StridedLayoutAttr::get(getContext(),
                                                ShapedType::kDynamic,
                                                {2 * lanes, lanes, 1}));
}

MemRefType FftLanes::tableType() {
  return MemRefType::get({ShapedType::kDynamic}, getF32Type());
}

Complex FftLanes::times(Complex z, Complex w) {
  // The negated factor is of z: that of w would be kept in a register of its
  // own through loops.
  Value back = arith::NegFOp::create(*this, z.im);
  return {multiplyAdd(back, w.im, fmul(z.re, w.re)),
          multiplyAdd(z.re, w.im, fmul(z.im, w.re))};
}

Complex FftLanes::loadPoint(Value buffer, Value i) {
  Value zero = index(0);
  return {load(buffer, {i, zero, zero}), load(buffer, {i, index(1), zero})};
}

void FftLanes::storePoint(Complex z, Value buffer, Value i) {
  Value zero = index(0);
  store(z.re, buffer, {i, zero, zero});
  store(z.im, buffer, {i, index(1), zero});
}

Complex FftLanes::twiddle(Value table, Value i) {
  Value at = mul(i, 2);
  auto part = [&](Value where) {
    return broadcast(memref::LoadOp::create(*this, table, where));
  };
  return {part(at), part(add(at, 1))};
}

static void butterflyOf4(FftLanes &e, Complex &a, Complex &b, Complex &c,
                         Complex &d) {
  Complex s02 = e.plus(a, c), d02 = e.minus(a, c);
  Complex s13 = e.plus(b, d), d13 = e.minus(b, d);
  a = e.plus(s02, s13), c = e.minus(s02, s13);
  b = e.minusTurned(d02, d13), d = e.plusTurned(d02, d13);
}

static void butterflyOf8(FftLanes &e, MutableArrayRef<Complex> a) {
  butterflyOf4(e, a[0], a[2], a[4], a[6]);
  butterflyOf4(e, a[1], a[3], a[5], a[7]);
  // The odd half by powers of exp(-pi i / 4).
  double h = std::sqrt(0.5);
  Complex one{e.fmul(e.fadd(a[3].re, a[3].im), h),
              e.fmul(e.fsub(a[3].im, a[3].re), h)};
  Complex three{e.fmul(e.fsub(a[7].im, a[7].re), h),
                e.fmul(e.fadd(a[7].re, a[7].im), -h)};
  Complex even[4] = {a[0], a[2], a[4], a[6]}, odd0 = a[1], odd2 = a[5];
  a[0] = e.plus(even[0], odd0), a[4] = e.minus(even[0], odd0);
  a[1] = e.plus(even[1], one), a[5] = e.minus(even[1], one);
  a[2] = e.minusTurned(even[2], odd2), a[6] = e.plusTurned(even[2], odd2);
  a[3] = e.plus(even[3], three), a[7] = e.minus(even[3], three);
}

void FftLanes::butterfly(MutableArrayRef<Complex> a) {
  int64_t r = a.size(), half = r / 2;
  if (r == 2) {
    Complex sum = plus(a[0], a[1]), difference = minus(a[0], a[1]);
    a[0] = sum, a[1] = difference;
    return;
  }
  if (r == 4)
    return butterflyOf4(*this, a[0], a[1], a[2], a[3]);
  if (r == 8)
    return butterflyOf8(*this, a);
  // Odd primes: the pairs a_j +- a_(r-j) make every factor real.
  SmallVector<Complex> sum, difference, out(r);
  for (int64_t j = 1; j <= half; ++j) {
    sum.push_back(plus(a[j], a[r - j]));
    difference.push_back(minus(a[j], a[r - j]));
  }
  out[0] = a[0];
  for (Complex s : sum)
    out[0] = plus(out[0], s);
  for (int64_t k = 1; k <= half; ++k) {
    Complex even = a[0], odd;
    for (int64_t j = 1; j <= half; ++j) {
      double angle = 2 * M_PI * ((j * k) % r) / r;
      Value c = splat(static_cast<float>(std::cos(angle)));
      Value s = splat(static_cast<float>(std::sin(angle)));
      Complex u = sum[j - 1], v = difference[j - 1];
      even = {multiplyAdd(u.re, c, even.re), multiplyAdd(u.im, c, even.im)};
      odd = j == 1 ? Complex{fmul(v.re, s), fmul(v.im, s)}
                   : Complex{multiplyAdd(v.re, s, odd.re),
                             multiplyAdd(v.im, s, odd.im)};
    }
    out[k] = minusTurned(even, odd), out[r - k] = plusTurned(even, odd);
  }
  llvm::copy(out, a.begin());
}

/// Shuffles two registers to two, by the lanes that `pick` names of both.
static void shuffle(FftLanes &e, Value &a, Value &b,
                    function_ref<int64_t(int64_t lane, bool second)> pick) {
  SmallVector<int64_t> first, second;
  for (int64_t lane = 0; lane < e.target.lanes; ++lane) {
    first.push_back(pick(lane, false));
    second.push_back(pick(lane, true));
  }
  Value low = vector::ShuffleOp::create(e, a, b, first);
  b = vector::ShuffleOp::create(e, a, b, second);
  a = low;
}

void FftLanes::transpose(MutableArrayRef<Value> rows) {
  // Every shuffle is one instruction on x86 and ARM: first inside of 128 bits,
  // by floats and by pairs of them, then of whole 128 bits.
  int64_t lanes = target.lanes;
  SmallVector<Value> r(rows);
  auto inside = [&](Value &a, Value &b, int64_t width) {
    shuffle(*this, a, b, [&](int64_t lane, bool second) {
      int64_t start = lane / 4 * 4, run = lane % 4 / width;
      return run % 2 * lanes + start + 2 * second + run / 2 * width +
             lane % width;
    });
  };
  for (int64_t i = 0; i < lanes; i += 2)
    inside(r[i], r[i + 1], 1);
  for (int64_t i = 0; i < lanes; i += 4)
    for (int64_t j : {i, i + 1})
      inside(r[j], r[j + 2], 2);
  // Column 4 q + c of rows 4 g.. is now the q-th quarter of one register; the
  // quarters of the registers of c are a square to transpose again.
  auto quarters = [&](Value &a, Value &b) {
    shuffle(*this, a, b, [&](int64_t lane, bool second) {
      int64_t quarter = lane / 4, half = lanes / 8;
      return quarter / half * lanes + (quarter % half * 2 + second) * 4 +
             lane % 4;
    });
  };
  constexpr int64_t kOrder[] = {0, 2, 1, 3};
  for (int64_t c = 0; c < 4; ++c) {
    SmallVector<Value> parts;
    for (int64_t g = 0; g < lanes; g += 4)
      parts.push_back(r[g + kOrder[c]]);
    for (size_t near = 1; near < parts.size(); near *= 2)
      for (size_t g = 0; g < parts.size(); ++g)
        if (!(g & near))
          quarters(parts[g], parts[g + near]);
    for (auto [q, part] : llvm::enumerate(parts))
      rows[4 * q + c] = part;
  }
}

Value FftLanes::reversed(Value v, int64_t count) {
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < target.lanes; ++i)
    lanes.push_back(std::max<int64_t>(count - 1 - i, 0));
  return vector::ShuffleOp::create(*this, v, v, lanes);
}
