//===- FftStages.cpp - a mixed-radix FFT over vector lanes ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One Stockham stage of radix r on data of current length c = r * m with
// stride s (c * s = n), for p in 0..m, k in 0..r, q in 0..s:
//
//   y[q + s (r p + k)] = w_n^(p k s) * sum_j w_r^(j k) x[q + s (p + m j)]
//
// (decimation in frequency). Then c becomes m and s becomes s r; x and y swap.
//===----------------------------------------------------------------------===//
#include "FftStages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct Complex {
  Value re, im;
};

/// Arithmetic on lane vectors and indices at one insertion point.
struct Emitter {
  ImplicitLocOpBuilder &b;
  int64_t lanes;

  Value idx(int64_t v) { return arith::ConstantIndexOp::create(b, v); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivUIOp::create(b, x, y); }
  Value rem(Value x, Value y) { return arith::RemUIOp::create(b, x, y); }
  VectorType vec() { return VectorType::get({lanes}, b.getF32Type()); }
  Value splat(double v) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vec(), static_cast<float>(v)));
  }
  Value fadd(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value fsub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value fmul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) {
    return vector::FMAOp::create(b, x, y, z);
  }
  Complex add(Complex x, Complex y) {
    return {fadd(x.re, y.re), fadd(x.im, y.im)};
  }
  Complex sub(Complex x, Complex y) {
    return {fsub(x.re, y.re), fsub(x.im, y.im)};
  }
  /// -i z.
  Complex rotate(Complex z) { return {z.im, fsub(splat(0.0), z.re)}; }
  Complex mul(Complex x, Complex w) {
    return {fma(x.re, w.re, fsub(splat(0.0), fmul(x.im, w.im))),
            fma(x.re, w.im, fmul(x.im, w.re))};
  }
  Complex load(Value buffer, Value i) {
    return {
        vector::LoadOp::create(b, vec(), buffer, ValueRange{i, idx(0), idx(0)}),
        vector::LoadOp::create(b, vec(), buffer,
                               ValueRange{i, idx(1), idx(0)})};
  }
  void store(Complex z, Value buffer, Value i) {
    vector::StoreOp::create(b, z.re, buffer, ValueRange{i, idx(0), idx(0)});
    vector::StoreOp::create(b, z.im, buffer, ValueRange{i, idx(1), idx(0)});
  }
  Complex twiddle(Value table, Value i) {
    auto part = [&](int64_t p) -> Value {
      return vector::BroadcastOp::create(
          b, vec(), memref::LoadOp::create(b, table, ValueRange{i, idx(p)}));
    };
    return {part(0), part(1)};
  }
  void loop(Value upper, function_ref<void(Value)> body) {
    auto op = scf::ForOp::create(b, idx(0), upper, idx(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op.getBody()->getTerminator());
    body(op.getInductionVar());
  }
};

/// sum_j w_r^(j k) a_j for k = 0..r-1, in place, for r = 2, 3, 4, 5.
void butterfly(Emitter &e, MutableArrayRef<Complex> a) {
  if (a.size() == 2) {
    Complex sum = e.add(a[0], a[1]), diff = e.sub(a[0], a[1]);
    a[0] = sum, a[1] = diff;
    return;
  }
  if (a.size() == 4) {
    Complex s02 = e.add(a[0], a[2]), d02 = e.sub(a[0], a[2]);
    Complex s13 = e.add(a[1], a[3]), d13 = e.rotate(e.sub(a[1], a[3]));
    a[0] = e.add(s02, s13), a[1] = e.add(d02, d13);
    a[2] = e.sub(s02, s13), a[3] = e.sub(d02, d13);
    return;
  }
  // Odd primes: the pairs a_j +- a_(r-j) make every sum real-weighted.
  int64_t r = a.size(), half = r / 2;
  SmallVector<Complex> sum, diff, out(r);
  for (int64_t j = 1; j <= half; ++j) {
    sum.push_back(e.add(a[j], a[r - j]));
    diff.push_back(e.sub(a[j], a[r - j]));
  }
  out[0] = a[0];
  for (Complex s : sum)
    out[0] = e.add(out[0], s);
  for (int64_t k = 1; k <= half; ++k) {
    Complex even = a[0];
    Complex odd;
    for (int64_t j = 1; j <= half; ++j) {
      double angle = 2 * M_PI * ((j * k) % r) / r;
      Value c = e.splat(std::cos(angle)), s = e.splat(std::sin(angle));
      even = {e.fma(sum[j - 1].re, c, even.re),
              e.fma(sum[j - 1].im, c, even.im)};
      odd = j == 1 ? Complex{e.fmul(diff[0].re, s), e.fmul(diff[0].im, s)}
                   : Complex{e.fma(diff[j - 1].re, s, odd.re),
                             e.fma(diff[j - 1].im, s, odd.im)};
    }
    Complex turned = e.rotate(odd);
    out[k] = e.add(even, turned);
    out[r - k] = e.sub(even, turned);
  }
  llvm::copy(out, a.begin());
}

struct Stage {
  Value x, y, table, n, s, m;
};

/// One stage of a fixed radix.
void fixedStage(Emitter &e, const Stage &st, int64_t r) {
  e.loop(st.m, [&](Value p) {
    Value step = e.mul(p, st.s);
    SmallVector<Complex> w(r);
    for (int64_t k = 1; k < r; ++k)
      w[k] = e.twiddle(st.table, e.mul(step, e.idx(k)));
    Value to = e.mul(e.mul(p, e.idx(r)), st.s);
    e.loop(st.s, [&](Value q) {
      SmallVector<Complex> a;
      for (int64_t j = 0; j < r; ++j) {
        Value row = e.add(p, e.mul(st.m, e.idx(j)));
        a.push_back(e.load(st.x, e.add(q, e.mul(st.s, row))));
      }
      butterfly(e, a);
      for (int64_t k = 0; k < r; ++k)
        e.store(k ? e.mul(a[k], w[k]) : a[k], st.y,
                e.add(e.add(q, to), e.mul(st.s, e.idx(k))));
    });
  });
}

/// One stage of radix `r`, an odd prime known at run time only, by definition.
void primeStage(Emitter &e, const Stage &st, Value r) {
  Value unit = e.div(st.n, r);
  e.loop(st.m, [&](Value p) {
    Value step = e.mul(p, st.s);
    e.loop(r, [&](Value k) {
      Complex w = e.twiddle(st.table, e.mul(step, k));
      Value to = e.mul(st.s, e.add(e.mul(p, r), k));
      e.loop(st.s, [&](Value q) {
        auto sum = scf::ForOp::create(e.b, e.idx(0), r, e.idx(1),
                                      ValueRange{e.splat(0.0), e.splat(0.0)});
        {
          OpBuilder::InsertionGuard guard(e.b);
          e.b.setInsertionPointToStart(sum.getBody());
          Value j = sum.getInductionVar();
          Complex a =
              e.load(st.x, e.add(q, e.mul(st.s, e.add(p, e.mul(st.m, j)))));
          Complex c = e.twiddle(st.table, e.mul(unit, e.rem(e.mul(j, k), r)));
          Complex t = e.mul(a, c);
          scf::YieldOp::create(
              e.b, ValueRange{e.fadd(sum.getRegionIterArgs()[0], t.re),
                              e.fadd(sum.getRegionIterArgs()[1], t.im)});
        }
        Complex total{sum.getResult(0), sum.getResult(1)};
        e.store(e.mul(total, w), st.y, e.add(q, to));
      });
    });
  });
}

/// The smallest divisor of `c` that is at least 7, for c without 2, 3 and 5.
Value smallestPrime(Emitter &e, Value c) {
  auto search = scf::WhileOp::create(e.b, TypeRange{e.b.getIndexType()},
                                     ValueRange{e.idx(7)});
  OpBuilder::InsertionGuard guard(e.b);
  Block *before = e.b.createBlock(
      &search.getBefore(), {}, TypeRange{e.b.getIndexType()}, {e.b.getLoc()});
  Value left = e.rem(c, before->getArgument(0));
  Value go =
      arith::CmpIOp::create(e.b, arith::CmpIPredicate::ne, left, e.idx(0));
  scf::ConditionOp::create(e.b, go, before->getArguments());
  Block *after = e.b.createBlock(&search.getAfter(), {},
                                 TypeRange{e.b.getIndexType()}, {e.b.getLoc()});
  scf::YieldOp::create(e.b, ValueRange{e.add(after->getArgument(0), e.idx(2))});
  return search.getResult(0);
}

func::FuncOp declare(ModuleOp module, StringRef name, TypeRange inputs,
                     TypeRange results) {
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto func = func::FuncOp::create(b, module.getLoc(), name,
                                   b.getFunctionType(inputs, results));
  func.setPrivate();
  func.addEntryBlock();
  return func;
}

} // namespace

MemRefType transformer::getFftBufferType(MLIRContext *context, int64_t lanes) {
  return MemRefType::get({ShapedType::kDynamic, 2, lanes},
                         Float32Type::get(context));
}

MemRefType transformer::getFftTwiddleType(MLIRContext *context) {
  return MemRefType::get({ShapedType::kDynamic, 2}, Float32Type::get(context));
}

func::FuncOp transformer::getOrEmitFft(ModuleOp module, int64_t lanes) {
  std::string name = "transformer_fft_" + std::to_string(lanes);
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  MLIRContext *context = module.getContext();
  Type buffer = getFftBufferType(context, lanes);
  Type index = IndexType::get(context), flag = IntegerType::get(context, 1);
  func::FuncOp func =
      declare(module, name, {buffer, buffer, getFftTwiddleType(context), index},
              {flag});
  Block &entry = func.getBody().front();
  ImplicitLocOpBuilder b(module.getLoc(), context);
  b.setInsertionPointToStart(&entry);
  Emitter e{b, lanes};
  Value table = entry.getArgument(2), n = entry.getArgument(3);
  Value isFalse = arith::ConstantIntOp::create(b, 0, 1);

  // State: current length c, source, destination, "result is in y".
  SmallVector<Type> types{index, buffer, buffer, flag};
  SmallVector<Location> locs(4, b.getLoc());
  auto stages = scf::WhileOp::create(
      b, types,
      ValueRange{n, entry.getArgument(0), entry.getArgument(1), isFalse});
  {
    OpBuilder::InsertionGuard guard(b);
    Block *before = b.createBlock(&stages.getBefore(), {}, types, locs);
    Value more = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt,
                                       before->getArgument(0), e.idx(1));
    scf::ConditionOp::create(b, more, before->getArguments());

    Block *body = b.createBlock(&stages.getAfter(), {}, types, locs);
    Value c = body->getArgument(0);
    // The index of the first radix of {4, 2, 3, 5} that divides c, else 4.
    const int64_t radices[] = {4, 2, 3, 5};
    Value which = e.idx(4);
    for (int64_t i = 3; i >= 0; --i) {
      Value divides = arith::CmpIOp::create(
          b, arith::CmpIPredicate::eq, e.rem(c, e.idx(radices[i])), e.idx(0));
      which = arith::SelectOp::create(b, divides, e.idx(i), which);
    }
    Value s = e.div(n, c);
    auto pick = scf::IndexSwitchOp::create(b, TypeRange{index}, which,
                                           ArrayRef<int64_t>{0, 1, 2, 3}, 4);
    for (int64_t i = 0; i < 5; ++i) {
      OpBuilder::InsertionGuard inner(b);
      Region &region =
          i < 4 ? pick.getCaseRegions()[i] : pick.getDefaultRegion();
      b.createBlock(&region);
      Value r = i < 4 ? e.idx(radices[i]) : smallestPrime(e, c);
      Value m = e.div(c, r);
      Stage stage{body->getArgument(1), body->getArgument(2), table, n, s, m};
      if (i < 4)
        fixedStage(e, stage, radices[i]);
      else
        primeStage(e, stage, r);
      scf::YieldOp::create(b, ValueRange{m});
    }
    Value isTrue = arith::ConstantIntOp::create(b, 1, 1);
    Value other = arith::XOrIOp::create(b, body->getArgument(3), isTrue);
    scf::YieldOp::create(b, ValueRange{pick.getResult(0), body->getArgument(2),
                                       body->getArgument(1), other});
  }
  func::ReturnOp::create(b, ValueRange{stages.getResult(3)});
  return func;
}

func::FuncOp transformer::getOrEmitTwiddles(ModuleOp module) {
  StringRef name = "transformer_fft_twiddles";
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  MLIRContext *context = module.getContext();
  func::FuncOp func = declare(
      module, name, {getFftTwiddleType(context), IndexType::get(context)}, {});
  Block &entry = func.getBody().front();
  ImplicitLocOpBuilder b(module.getLoc(), context);
  b.setInsertionPointToStart(&entry);
  Emitter e{b, 1};
  Value table = entry.getArgument(0), n = entry.getArgument(1);
  Type f64 = b.getF64Type();
  auto constant = [&](double v) -> Value {
    return arith::ConstantOp::create(b, b.getF64FloatAttr(v));
  };
  auto toFloat = [&](Value v) -> Value {
    Value i = arith::IndexCastOp::create(b, b.getI64Type(), v);
    return arith::SIToFPOp::create(b, f64, i);
  };
  auto is = [&](Value octants, std::initializer_list<int64_t> set) {
    Value any = arith::ConstantIntOp::create(b, 0, 1);
    for (int64_t o : set) {
      Value hit =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, octants, e.idx(o));
      any = arith::OrIOp::create(b, any, hit);
    }
    return any;
  };
  e.loop(n, [&](Value k) {
    // 2 pi k / n = (octant + left / n) pi / 4, with octant and left exact.
    Value k8 = e.mul(k, e.idx(8));
    Value octant = e.div(k8, n);
    Value left = arith::SubIOp::create(b, k8, e.mul(octant, n));
    // In odd octants measure from the other end, so that x is in [0, pi/4].
    Value odd = is(octant, {1, 3, 5, 7});
    left = arith::SelectOp::create(b, odd, arith::SubIOp::create(b, n, left),
                                   left);
    Value x = arith::MulFOp::create(
        b, arith::DivFOp::create(b, toFloat(left), toFloat(n)),
        constant(M_PI / 4));
    Value z = arith::MulFOp::create(b, x, x);
    auto series = [&](double first) -> Value {
      // 1 - z/(a(a+1)) (1 - z/((a+2)(a+3)) (...)), the Taylor series of
      // cos (a = 1) and sin(x)/x (a = 2).
      Value one = constant(1.0), v = one;
      for (double a = first + 12; a >= first; a -= 2)
        v = arith::SubFOp::create(
            b, one,
            arith::MulFOp::create(
                b, arith::MulFOp::create(b, z, constant(1 / (a * (a + 1)))),
                v));
      return v;
    };
    Value c = series(1), s = arith::MulFOp::create(b, x, series(2));
    // Octants 1, 2, 5, 6 swap the roles of sine and cosine.
    Value swap = is(octant, {1, 2, 5, 6});
    Value cosine = arith::SelectOp::create(b, swap, s, c);
    Value sine = arith::SelectOp::create(b, swap, c, s);
    auto negateIf = [&](Value flag, Value v) -> Value {
      return arith::SelectOp::create(b, flag, arith::NegFOp::create(b, v), v);
    };
    cosine = negateIf(is(octant, {2, 3, 4, 5}), cosine);
    sine = negateIf(is(octant, {0, 1, 2, 3}), sine); // exp(-i angle)
    int64_t part = 0;
    for (Value v : {cosine, sine})
      memref::StoreOp::create(b, arith::TruncFOp::create(b, b.getF32Type(), v),
                              table, ValueRange{k, e.idx(part++)});
  });
  func::ReturnOp::create(b);
  return func;
}
