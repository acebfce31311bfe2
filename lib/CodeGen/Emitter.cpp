//===- Emitter.cpp - what the register-tile emitters share ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emitter.h"
#include "BufferPlan.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}
Value Emitter::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value Emitter::add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }
Value Emitter::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value Emitter::mul(Value a, int64_t b) {
  return arith::MulIOp::create(*this, a, index(b));
}
Value Emitter::div(Value a, int64_t b) {
  return arith::DivUIOp::create(*this, a, index(b));
}
Value Emitter::min(Value a, Value b) {
  return arith::MinSIOp::create(*this, a, b);
}
Value Emitter::max(Value a, Value b) {
  return arith::MaxSIOp::create(*this, a, b);
}

Value Emitter::splat(TypedAttr value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(vectorOf(value.getType()),
                                    ArrayRef<Attribute>(value)));
}

Value Emitter::broadcast(Value scalar) {
  Attribute constant;
  if (matchPattern(scalar, m_Constant(&constant)))
    return splat(cast<TypedAttr>(constant));
  return vector::BroadcastOp::create(*this, vectorOf(scalar.getType()), scalar);
}

Value Emitter::multiplyAdd(Value a, Value b, Value acc) {
  if (target.fma)
    return math::FmaOp::create(*this, a, b, acc);
  return arith::AddFOp::create(*this, arith::MulFOp::create(*this, a, b), acc);
}

Value Emitter::firstLanes(int64_t count) {
  if (count >= target.lanes)
    return {};
  return vector::ConstantMaskOp::create(*this, vectorOf(getI1Type()),
                                        ArrayRef<int64_t>{count});
}

Value Emitter::intrinsic(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value Emitter::dotBf16(Value acc, Value a, Value b) {
  return intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", acc.getType(),
                   {acc, a, b});
}

Value Emitter::dotI16(Value acc, Value a, Value b) {
  StringRef name = target.lanes == 4   ? "llvm.x86.sse2.pmadd.wd"
                   : target.lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                       : "llvm.x86.avx512.pmaddw.d.512";
  return arith::AddIOp::create(*this, acc,
                               intrinsic(name, acc.getType(), {a, b}));
}

Value Emitter::dotBytes(Value acc, Value a, Value b) {
  return intrinsic(target.lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512"
                                      : "llvm.x86.avx512.vpdpbusd.256",
                   acc.getType(), {acc, a, b});
}

Value Emitter::allocate(ArrayRef<int64_t> shape, Type element,
                        ValueRange sizes) {
  return memref::AllocOp::create(*this, MemRefType::get(shape, element), sizes,
                                 getI64IntegerAttr(kBufferAlignment));
}

Value Emitter::load(Value buffer, ValueRange indices, Value mask) {
  VectorType type =
      vectorOf(cast<MemRefType>(buffer.getType()).getElementType());
  if (!mask)
    return vector::LoadOp::create(*this, type, buffer, indices);
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return vector::MaskedLoadOp::create(*this, type, buffer, indices, mask, zero);
}

void Emitter::store(Value value, Value buffer, ValueRange indices, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(*this, buffer, indices, mask, value);
  else
    vector::StoreOp::create(*this, value, buffer, indices);
}

SmallVector<Value> Emitter::loop(Value lower, Value upper, int64_t step,
                                 ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), carried);
  OpBuilder::InsertionGuard guard(*this);
  if (carried.empty())
    setInsertionPoint(loop.getBody()->getTerminator());
  else
    setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void Emitter::loop(Value lower, Value upper, int64_t step,
                   function_ref<void(Value)> body) {
  loop(lower, upper, step, {}, [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

void Emitter::switchRows(Value rest, int64_t limit,
                         function_ref<void(int64_t)> body, int64_t first) {
  if (limit <= first)
    return;
  SmallVector<int64_t> cases;
  for (int64_t rows = first; rows < limit; ++rows)
    cases.push_back(rows);
  auto choice =
      scf::IndexSwitchOp::create(*this, TypeRange{}, rest, cases, cases.size());
  OpBuilder::InsertionGuard guard(*this);
  for (auto [rows, region] : llvm::zip(cases, choice.getCaseRegions())) {
    createBlock(&region);
    body(rows);
    scf::YieldOp::create(*this);
  }
  createBlock(&choice.getDefaultRegion());
  scf::YieldOp::create(*this);
}

Value Emitter::reduceLanes(Value vector,
                           function_ref<Value(Value, Value)> combine) {
  for (int64_t half = target.lanes / 2; half; half /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < half; ++lane) {
      low.push_back(lane);
      high.push_back(lane + half);
    }
    Value a = vector::ShuffleOp::create(*this, vector, vector, low);
    Value b = vector::ShuffleOp::create(*this, vector, vector, high);
    vector = combine(a, b);
  }
  return vector::ExtractOp::create(*this, vector, ArrayRef<int64_t>{0});
}

static SmallVector<Value> indicesOf(Emitter &e, AffineMap map,
                                    const Place &place, bool &hasColumn) {
  SmallVector<Value> indices;
  hasColumn = false;
  for (AffineExpr expr : map.getResults()) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      indices.push_back(e.index(constant.getValue()));
      continue;
    }
    bool isColumn = cast<AffineDimExpr>(expr).getPosition() == 1;
    hasColumn |= isColumn;
    indices.push_back(isColumn ? place.column : place.row);
  }
  return indices;
}

Value transformer::loadAt(Emitter &e, Value buffer, AffineMap map,
                          const Place &place) {
  if (!isa<MemRefType>(buffer.getType()))
    return buffer;
  bool hasColumn;
  SmallVector<Value> indices = indicesOf(e, map, place, hasColumn);
  if (hasColumn)
    return e.load(buffer, indices, place.mask);
  return memref::LoadOp::create(e, buffer, indices);
}

void transformer::storeAt(Emitter &e, Value value, Value buffer, AffineMap map,
                          const Place &place) {
  bool hasColumn;
  SmallVector<Value> indices = indicesOf(e, map, place, hasColumn);
  if (hasColumn)
    e.store(value, buffer, indices, place.mask);
  else
    memref::StoreOp::create(e, value, buffer, indices);
}

bool transformer::isRowMap(AffineMap map, Type buffer) {
  auto type = dyn_cast<MemRefType>(buffer);
  if (!type)
    return map.getNumResults() == 0;
  if (map.getNumDims() > 2 || map.getNumResults() != type.getRank())
    return false;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim && !isa<AffineConstantExpr>(expr))
      return false;
    // Columns are read a register at a time.
    if (dim && dim.getPosition() == 1 &&
        (i + 1 != map.getNumResults() || !type.isLastDimUnitStride()))
      return false;
  }
  return true;
}
