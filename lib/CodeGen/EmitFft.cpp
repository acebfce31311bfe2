//===- EmitFft.cpp - transformer_kernel.fft_mix to vectors ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// y = Re(FFT_rows(FFT_columns(x))) of one sequence [n, H], in two sweeps.
//
// 1. Along the sequence, with lanes = columns. The input is real, so two groups
//    of columns share one complex transform. The spectrum of a real column is
//    conjugate-symmetric: its real parts go to rows 0..n/2 of the output and
//    its imaginary parts to the rows that mirror them.
// 2. Along the hidden dimension, with lanes = row pairs (s, n - s). The
// transform
//    of row n - s is the mirrored conjugate of that of row s, so one transform
//    gives both rows.
//
// Source: the symmetries of the discrete Fourier transform of real data, as in
// Sorensen et al., "Real-valued fast Fourier transform algorithms", 1987.
//===----------------------------------------------------------------------===//
#include "FftStages.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITFFT
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Emits one op; the members are the values that both sweeps share.
class FftMixEmitter {
public:
  FftMixEmitter(kernel::FftMixOp op, int64_t lanes)
      : op(op), b(op.getLoc(), op), lanes(lanes),
        vec(VectorType::get({lanes}, b.getF32Type())) {}

  void emit() {
    x = op.getInput(), y = op.getInit();
    hidden = cast<MemRefType>(x.getType()).getDimSize(1);
    n = memref::DimOp::create(b, x, 0);
    auto module = op->getParentOfType<ModuleOp>();
    fft = getOrEmitFft(module, lanes);
    Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, n, idx(0));
    auto guard = scf::IfOp::create(b, any, /*withElseRegion=*/false);
    b.setInsertionPointToStart(guard.thenBlock());
    allocate();
    func::CallOp::create(b, getOrEmitTwiddles(module), ValueRange{rowTable, n});
    half = div(n, idx(2));
    alongSequence();
    alongHidden(module);
    op.erase();
  }

private:
  Value idx(int64_t v) { return arith::ConstantIndexOp::create(b, v); }
  Value add(Value u, Value v) { return arith::AddIOp::create(b, u, v); }
  Value sub(Value u, Value v) { return arith::SubIOp::create(b, u, v); }
  Value div(Value u, Value v) { return arith::DivUIOp::create(b, u, v); }
  Value fadd(Value u, Value v) { return arith::AddFOp::create(b, u, v); }
  Value fsub(Value u, Value v) { return arith::SubFOp::create(b, u, v); }
  Value zero() {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vec, 0.0f));
  }
  Value halve(Value v) {
    return arith::MulFOp::create(
        b, v, arith::ConstantOp::create(b, DenseElementsAttr::get(vec, 0.5f)));
  }
  void loop(Value lower, Value upper, int64_t step,
            function_ref<void(Value)> body) {
    auto loop = scf::ForOp::create(b, lower, upper, idx(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    body(loop.getInductionVar());
  }
  Value loadLanes(Value buffer, Value i, int64_t part) {
    return vector::LoadOp::create(b, vec, buffer,
                                  ValueRange{i, idx(part), idx(0)});
  }
  void storeLanes(Value v, Value buffer, Value i, int64_t part) {
    vector::StoreOp::create(b, v, buffer, ValueRange{i, idx(part), idx(0)});
  }

  /// A run of columns [column, column + lanes) of a row, cut at the row's end.
  Value loadRow(Value from, Value row, Value column, Value mask) {
    if (!mask)
      return vector::LoadOp::create(b, vec, from, ValueRange{row, column});
    return vector::MaskedLoadOp::create(b, vec, from, ValueRange{row, column},
                                        mask, zero());
  }
  void storeRow(Value v, Value row, Value column, Value mask) {
    if (mask)
      vector::MaskedStoreOp::create(b, y, ValueRange{row, column}, mask, v);
    else
      vector::StoreOp::create(b, v, y, ValueRange{row, column});
  }
  Value maskFrom(Value column) {
    return vector::CreateMaskOp::create(b,
                                        VectorType::get({lanes}, b.getI1Type()),
                                        ValueRange{sub(idx(hidden), column)});
  }

  void allocate() {
    MLIRContext *context = op.getContext();
    auto buffer = [&](MemRefType type, int64_t atLeast) -> Value {
      SmallVector<int64_t> shape(type.getShape());
      std::optional<uint64_t> rows = op.getMaxRows();
      if (rows) {
        shape[0] = std::max<int64_t>(*rows, atLeast);
        auto fixed = MemRefType::get(shape, type.getElementType());
        Value v = memref::AllocOp::create(b, fixed, b.getI64IntegerAttr(64));
        return memref::CastOp::create(b, type, v);
      }
      Value size = arith::MaxUIOp::create(b, n, idx(atLeast));
      return memref::AllocOp::create(b, type, ValueRange{size},
                                     b.getI64IntegerAttr(64));
    };
    MemRefType type = getFftBufferType(context, lanes);
    front = buffer(type, hidden), back = buffer(type, hidden);
    rowTable = buffer(getFftTwiddleType(context), 1);
  }

  /// Transforms `front`; returns the buffer that holds the result.
  Value transform(Value table, Value length) {
    Value inBack =
        func::CallOp::create(b, fft, ValueRange{front, back, table, length})
            .getResult(0);
    return arith::SelectOp::create(b, inBack, back, front);
  }

  void alongSequence() {
    bool masked = hidden % (2 * lanes) != 0;
    loop(idx(0), idx(hidden), 2 * lanes, [&](Value c0) {
      Value c1 = add(c0, idx(lanes));
      Value m0 = masked ? maskFrom(c0) : Value();
      Value m1 = masked ? maskFrom(c1) : Value();
      loop(idx(0), n, 1, [&](Value i) {
        storeLanes(loadRow(x, i, c0, m0), front, i, 0);
        storeLanes(loadRow(x, i, c1, m1), front, i, 1);
      });
      Value z = transform(rowTable, n);
      // Rows that mirror themselves (0, and n/2 for even n) are real.
      auto real = [&](Value s) {
        storeRow(loadLanes(z, s, 0), s, c0, m0);
        storeRow(loadLanes(z, s, 1), s, c1, m1);
      };
      real(idx(0));
      Value pairs = div(add(n, idx(1)), idx(2));
      loop(idx(1), pairs, 1, [&](Value s) {
        Value t = sub(n, s);
        Value re1 = loadLanes(z, s, 0), im1 = loadLanes(z, s, 1);
        Value re2 = loadLanes(z, t, 0), im2 = loadLanes(z, t, 1);
        storeRow(halve(fadd(re1, re2)), s, c0, m0);
        storeRow(halve(fsub(im1, im2)), t, c0, m0);
        storeRow(halve(fadd(im1, im2)), s, c1, m1);
        storeRow(halve(fsub(re2, re1)), t, c1, m1);
      });
      loop(pairs, add(half, idx(1)), 1, real);
    });
  }

  Value hiddenTable(ModuleOp module) {
    MLIRContext *context = op.getContext();
    std::string name = "transformer_fft_table_" + std::to_string(hidden);
    if (!module.lookupSymbol(name)) {
      SmallVector<float> values;
      for (int64_t k = 0; k < hidden; ++k) {
        double angle = 2 * M_PI * k / hidden;
        values.push_back(std::cos(angle));
        values.push_back(-std::sin(angle));
      }
      OpBuilder at(context);
      at.setInsertionPointToStart(module.getBody());
      auto shape =
          RankedTensorType::get({hidden, 2}, Float32Type::get(context));
      memref::GlobalOp::create(
          at, op.getLoc(), name, at.getStringAttr("private"),
          MemRefType::get(shape.getShape(), shape.getElementType()),
          DenseElementsAttr::get<float>(shape, values), /*constant=*/true,
          at.getI64IntegerAttr(64));
    }
    Value table = memref::GetGlobalOp::create(
        b, MemRefType::get({hidden, 2}, b.getF32Type()), name);
    return memref::CastOp::create(b, getFftTwiddleType(context), table);
  }

  /// Calls `body` for each run of `lanes` columns, with the number of columns
  /// in it and the mask of the last, short one.
  void columnRuns(function_ref<void(Value, int64_t, Value)> body) {
    int64_t full = hidden / lanes * lanes;
    if (full)
      loop(idx(0), idx(full), lanes, [&](Value c) { body(c, lanes, Value()); });
    if (full != hidden)
      body(idx(full), hidden - full, maskFrom(idx(full)));
  }
  Value transpose(ArrayRef<Value> rows) {
    auto square = VectorType::get({lanes, lanes}, b.getF32Type());
    Value m =
        arith::ConstantOp::create(b, DenseElementsAttr::get(square, 0.0f));
    for (auto [i, row] : llvm::enumerate(rows))
      m = vector::InsertOp::create(b, row, m, ArrayRef<int64_t>{(int64_t)i});
    return vector::TransposeOp::create(b, m, ArrayRef<int64_t>{1, 0});
  }
  Value line(Value matrix, int64_t i) {
    return vector::ExtractOp::create(b, matrix, ArrayRef<int64_t>{i});
  }

  void alongHidden(ModuleOp module) {
    Value table = hiddenTable(module);
    loop(idx(0), add(half, idx(1)), lanes, [&](Value p0) {
      // Lane r works on rows (s, t) = (p0 + r, n - p0 - r); lanes beyond the
      // last pair repeat it. A row that mirrors itself has no row t.
      SmallVector<Value> s, t, paired;
      Value mask = arith::ConstantOp::create(
          b, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()),
                                    false));
      for (int64_t r = 0; r < lanes; ++r) {
        s.push_back(arith::MinUIOp::create(b, add(p0, idx(r)), half));
        Value mirror = sub(n, s[r]);
        Value isPair = arith::AndIOp::create(
            b,
            arith::CmpIOp::create(b, arith::CmpIPredicate::ult, s[r], mirror),
            arith::CmpIOp::create(b, arith::CmpIPredicate::ne, s[r], idx(0)));
        paired.push_back(isPair);
        t.push_back(arith::SelectOp::create(b, isPair, mirror, s[r]));
        mask = vector::InsertOp::create(b, isPair, mask, ArrayRef<int64_t>{r});
      }
      auto gather = [&](ArrayRef<Value> rows, Value column, Value cut) {
        SmallVector<Value> loaded;
        for (Value row : rows)
          loaded.push_back(loadRow(y, row, column, cut));
        return transpose(loaded);
      };
      columnRuns([&](Value column, int64_t count, Value cut) {
        Value re = gather(s, column, cut), im = gather(t, column, cut);
        for (int64_t j = 0; j < count; ++j) {
          Value at = add(column, idx(j));
          storeLanes(line(re, j), front, at, 0);
          storeLanes(arith::SelectOp::create(b, mask, line(im, j), zero()),
                     front, at, 1);
        }
      });
      Value z = transform(table, idx(hidden));
      columnRuns([&](Value column, int64_t count, Value cut) {
        SmallVector<Value> straight, mirrored;
        for (int64_t j = 0; j < count; ++j) {
          Value at = add(column, idx(j));
          straight.push_back(loadLanes(z, at, 0));
          Value back =
              arith::RemUIOp::create(b, sub(idx(hidden), at), idx(hidden));
          mirrored.push_back(loadLanes(z, back, 0));
        }
        Value direct = transpose(straight), mirror = transpose(mirrored);
        for (int64_t r = 0; r < lanes; ++r) {
          storeRow(line(direct, r), s[r], column, cut);
          auto both = scf::IfOp::create(b, paired[r], /*withElseRegion=*/false);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(both.thenBlock());
          storeRow(line(mirror, r), t[r], column, cut);
        }
      });
    });
  }

  kernel::FftMixOp op;
  ImplicitLocOpBuilder b;
  int64_t lanes, hidden = 0;
  VectorType vec;
  func::FuncOp fft;
  Value x, y, n, half, front, back, rowTable;
};

struct EmitFftPass
    : public transformer::impl::TransformerEmitFftBase<EmitFftPass> {
  using TransformerEmitFftBase::TransformerEmitFftBase;

  void runOnOperation() override {
    SmallVector<kernel::FftMixOp> ops;
    getOperation().walk([&](kernel::FftMixOp op) { ops.push_back(op); });
    for (kernel::FftMixOp op : ops) {
      auto type = dyn_cast<MemRefType>(op.getInput().getType());
      if (!type || !type.getElementType().isF32()) {
        op.emitError("is only emitted for f32 memrefs, but works on ")
            << op.getInput().getType();
        return signalPassFailure();
      }
      FftMixEmitter(op, lanes).emit();
      ++numEmitted;
    }
  }
};

} // namespace
