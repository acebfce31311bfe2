//===- FftTwiddles.cpp - tables of roots of unity -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FftStages.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

Value FftStages::constantTable(int64_t n) {
  std::string name = "transformer_fft_table_" + std::to_string(n);
  auto type = MemRefType::get({2 * n}, e.getF32Type());
  if (!module.lookupSymbol(name)) {
    SmallVector<float> values;
    for (int64_t k = 0; k < n; ++k) {
      // Of an eighth of the circle at a time, so that symmetric entries are
      // exactly so.
      int64_t octant = 8 * k / n, left = 8 * k % n;
      if (octant % 2)
        left = n - left;
      double x = M_PI / 4 * static_cast<double>(left) / n;
      double c = std::cos(x), s = std::sin(x);
      bool swap = octant % 4 == 1 || octant % 4 == 2;
      double re = swap ? s : c, im = swap ? c : s;
      values.push_back(octant >= 2 && octant < 6 ? -re : re);
      values.push_back(octant < 4 ? -im : im);
    }
    OpBuilder at(module.getContext());
    at.setInsertionPointToStart(module.getBody());
    auto shape = RankedTensorType::get({2 * n}, e.getF32Type());
    memref::GlobalOp::create(at, module.getLoc(), name,
                             at.getStringAttr("private"), type,
                             DenseElementsAttr::get<float>(shape, values),
                             /*constant=*/true, at.getI64IntegerAttr(64));
  }
  Value table = memref::GetGlobalOp::create(e, type, name);
  return memref::CastOp::create(e, e.tableType(), table);
}

func::FuncOp FftStages::getOrEmitTwiddles() {
  int64_t lanes = e.target.lanes;
  std::string name = "transformer_fft_twiddles_" + std::to_string(lanes);
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  func::FuncOp func = declare(name, {e.tableType(), e.getIndexType()}, {});
  OpBuilder::InsertionGuard guard(e);
  Block &entry = func.getBody().front();
  e.setInsertionPointToStart(&entry);
  Value table = entry.getArgument(0), n = entry.getArgument(1);

  Type f64 = e.getF64Type();
  VectorType doubles = e.vectorOf(f64), ints = e.vectorOf(e.getI32Type());
  auto constant = [&](double v) { return e.splat(e.getF64FloatAttr(v)); };
  auto toDouble = [&](Value v) -> Value {
    Value i = arith::IndexCastOp::create(e, e.getI64Type(), v);
    return e.broadcast(arith::SIToFPOp::create(e, f64, i));
  };
  auto has = [&](Value v, int32_t mask, int32_t value) -> Value {
    Value bits =
        arith::AndIOp::create(e, v, e.splat(e.getI32IntegerAttr(mask)));
    return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, bits,
                                 e.splat(e.getI32IntegerAttr(value)));
  };
  auto select = [&](Value flag, Value a, Value b) -> Value {
    return arith::SelectOp::create(e, flag, a, b);
  };
  SmallVector<double> steps;
  for (int64_t i = 0; i < lanes; ++i)
    steps.push_back(8.0 * i);
  Value eights = arith::ConstantOp::create(
      e, DenseElementsAttr::get(doubles, ArrayRef<double>(steps)));
  Value length = toDouble(n);
  e.loop(e.index(0), n, lanes, [&](Value k) {
    // 2 pi k / n = (octant + left / n) pi / 4. All of it is exact: a quotient
    // is only rounded to a whole number that it is.
    Value k8 = e.fadd(toDouble(e.mul(k, 8)), eights);
    Value octant =
        arith::FPToSIOp::create(e, ints, arith::DivFOp::create(e, k8, length));
    Value left =
        e.fsub(k8, e.fmul(arith::SIToFPOp::create(e, doubles, octant), length));
    // In odd octants measure from the other end, so that x is in [0, pi/4].
    left = select(has(octant, 1, 1), e.fsub(length, left), left);
    Value x =
        e.fmul(arith::DivFOp::create(e, left, length), constant(M_PI / 4));
    Value z = e.fmul(x, x);
    auto series = [&](double first) -> Value {
      // 1 - z/(a(a+1)) (1 - z/((a+2)(a+3)) (...)), the Taylor series of
      // cos (a = 1) and sin(x)/x (a = 2).
      Value one = constant(1.0), v = one;
      for (double a = first + 12; a >= first; a -= 2)
        v = e.fsub(one, e.fmul(e.fmul(z, constant(1 / (a * (a + 1)))), v));
      return v;
    };
    Value c = series(1), s = e.fmul(x, series(2));
    // Octants 1, 2, 5, 6 swap the roles of sine and cosine.
    Value bumped =
        arith::AddIOp::create(e, octant, e.splat(e.getI32IntegerAttr(1)));
    Value swap = has(bumped, 2, 2);
    Value re = select(swap, s, c), im = select(swap, c, s);
    // Octants 2 to 5 are left of the axis, and exp(-i angle) is below it in 0
    // to 3.
    Value two =
        arith::AddIOp::create(e, octant, e.splat(e.getI32IntegerAttr(2)));
    re = select(has(two, 4, 4), arith::NegFOp::create(e, re), re);
    im = select(has(octant, 4, 0), arith::NegFOp::create(e, im), im);
    VectorType floats = e.vectorOf(e.getF32Type());
    Value pairs =
        vector::InterleaveOp::create(e, arith::TruncFOp::create(e, floats, re),
                                     arith::TruncFOp::create(e, floats, im));
    vector::StoreOp::create(e, pairs, table, e.mul(k, 2));
  });
  func::ReturnOp::create(e);
  return func;
}
