//===- TileProduct.cpp - the inner loops of contractions ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileProduct.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// f32: one value at a time.
class FloatProduct : public TileProduct {
public:
  explicit FloatProduct(Emitter &e) : TileProduct(e, e.getF32Type()) {}

  Value loadRow(Value lhs, Value row, Value k, int64_t) override {
    return e.broadcast(memref::LoadOp::create(e, lhs, ValueRange{row, k}));
  }
  Value step(Value acc, Value row, Value weight) override {
    return e.multiplyAdd(row, weight, acc);
  }
};

/// Groups of small values, which a row has as one word that is broadcast.
class GroupProduct : public TileProduct {
public:
  GroupProduct(Emitter &e, Type element, Type sum, int64_t values)
      : TileProduct(e, sum), element(element), values(values) {}

  int64_t group() const override { return values; }

  Value loadRow(Value lhs, Value row, Value k, int64_t count) override {
    auto word = VectorType::get({values}, element);
    Value part;
    if (count == values) {
      part = vector::LoadOp::create(e, word, lhs, ValueRange{row, k});
    } else {
      part = arith::ConstantOp::create(e, e.getZeroAttr(word));
      for (int64_t i = 0; i < count; ++i) {
        Value value =
            memref::LoadOp::create(e, lhs, ValueRange{row, e.add(k, i)});
        part = vector::InsertOp::create(e, value, part, ArrayRef<int64_t>{i});
      }
    }
    return spread(part);
  }

protected:
  /// The register that has the group in each of its 32-bit lanes.
  virtual Value spread(Value part) {
    auto one = VectorType::get({1}, e.getI32Type());
    Value word = vector::ExtractOp::create(
        e, vector::BitCastOp::create(e, one, part), ArrayRef<int64_t>{0});
    return vector::BitCastOp::create(e, groupsOf(element), e.broadcast(word));
  }
  VectorType groupsOf(Type type) {
    return VectorType::get({e.target.lanes * values}, type);
  }

  Type element;
  int64_t values;
};

/// bf16 by vdpbf16ps: pairs, with f32 sums.
class Bf16Product : public GroupProduct {
public:
  explicit Bf16Product(Emitter &e)
      : GroupProduct(e, e.getBF16Type(), e.getF32Type(), 2) {}

  Value step(Value acc, Value row, Value weight) override {
    return LLVM::CallIntrinsicOp::create(
               e, acc.getType(),
               e.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
               ValueRange{acc, row, weight})
        .getResult(0);
  }
};

/// Small values widened to the type of the sums: exact, on any target.
class WideningProduct : public GroupProduct {
public:
  using GroupProduct::GroupProduct;

  Value spread(Value part) override { return part; }

  Value step(Value acc, Value row, Value weight) override {
    for (int64_t i = 0; i < values; ++i) {
      SmallVector<int64_t> lanes;
      for (int64_t lane = 0; lane < e.target.lanes; ++lane)
        lanes.push_back(lane * values + i);
      Value b = vector::ShuffleOp::create(e, weight, weight, lanes);
      Value a = vector::ExtractOp::create(e, row, ArrayRef<int64_t>{i});
      VectorType wide = e.vectorOf(sum);
      if (sum.isInteger()) {
        a = e.broadcast(arith::ExtSIOp::create(e, sum, a));
        b = arith::ExtSIOp::create(e, wide, b);
        acc = arith::AddIOp::create(e, acc, arith::MulIOp::create(e, a, b));
      } else {
        a = e.broadcast(arith::ExtFOp::create(e, sum, a));
        b = arith::ExtFOp::create(e, wide, b);
        acc = e.multiplyAdd(a, b, acc);
      }
    }
    return acc;
  }
};

/// i8 by vpdpbusd, which takes unsigned times signed: rows are shifted by 128,
/// and sums start from what that adds, negated. 32 bits hold it exactly up to
/// k = 66,000.
class VnniProduct : public GroupProduct {
public:
  explicit VnniProduct(Emitter &e)
      : GroupProduct(e, e.getI8Type(), e.getI32Type(), 4) {}

  SmallVector<Value> start(Value weights, Value panel, int64_t depth,
                           int64_t vectors) override {
    Value shift = arith::ConstantOp::create(
        e,
        DenseElementsAttr::get(groupsOf(element), static_cast<int8_t>(-128)));
    Value zero = e.splat(e.getI32IntegerAttr(0));
    SmallVector<Value> sums =
        e.loop(e.index(0), e.index((depth + 3) / 4), 1,
               SmallVector<Value>(vectors, zero), [&](Value k, ValueRange acc) {
                 SmallVector<Value> next;
                 for (int64_t v = 0; v < vectors; ++v)
                   next.push_back(
                       dot(acc[v], shift, loadWeights(weights, panel, k, v)));
                 return next;
               });
    for (Value &value : sums)
      value = arith::SubIOp::create(e, zero, value);
    return sums;
  }

  Value loadRow(Value lhs, Value row, Value k, int64_t count) override {
    Value signedRow = GroupProduct::loadRow(lhs, row, k, count);
    Value flip = arith::ConstantOp::create(
        e,
        DenseElementsAttr::get(groupsOf(element), static_cast<int8_t>(-128)));
    return arith::XOrIOp::create(e, signedRow, flip);
  }

  Value step(Value acc, Value row, Value weight) override {
    return dot(acc, row, weight);
  }

private:
  Value dot(Value acc, Value row, Value weight) {
    StringRef name = e.target.lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512"
                                          : "llvm.x86.avx512.vpdpbusd.256";
    return LLVM::CallIntrinsicOp::create(e, acc.getType(),
                                         e.getStringAttr(name),
                                         ValueRange{acc, row, weight})
        .getResult(0);
  }
};

} // namespace

std::unique_ptr<TileProduct> TileProduct::get(Emitter &e, Type lhs, Type weight,
                                              Type sum) {
  if (lhs != weight)
    return nullptr;
  if (lhs.isF32() && sum.isF32())
    return std::make_unique<FloatProduct>(e);
  if (lhs.isBF16() && sum.isF32()) {
    if (e.target.bf16)
      return std::make_unique<Bf16Product>(e);
    return std::make_unique<WideningProduct>(e, lhs, sum, 2);
  }
  if (lhs.isInteger(8) && sum.isInteger(32)) {
    if (e.target.vnni)
      return std::make_unique<VnniProduct>(e);
    return std::make_unique<WideningProduct>(e, lhs, sum, 4);
  }
  return nullptr;
}

SmallVector<Value> TileProduct::start(Value, Value, int64_t, int64_t vectors) {
  TypedAttr zero = e.getZeroAttr(sum);
  return SmallVector<Value>(vectors, e.splat(zero));
}

Value TileProduct::loadWeights(Value weights, Value panel, Value k, int64_t v) {
  int64_t size = e.target.lanes * group();
  auto type = VectorType::get(
      {size}, cast<MemRefType>(weights.getType()).getElementType());
  int64_t each = e.target.tileVectors;
  return vector::LoadOp::create(
      e, type, weights,
      ValueRange{e.add(panel, v / each), k, e.index(v % each * size)});
}

void TileProduct::fetch(Value weights, const Ahead &ahead, Value k) {
  constexpr int64_t kLineBytes = 64;
  auto type = cast<MemRefType>(weights.getType());
  int64_t size = type.getElementTypeBitWidth() / 8;
  int64_t step = std::max<int64_t>(1, kLineBytes / size);
  Value look = e.div(k, kFetchGroups);
  Value line = e.add(ahead.first, arith::MulIOp::create(e, look, ahead.each));
  e.loop(e.index(0), ahead.each, 1, [&](Value i) {
    for (int64_t column = 0; column < type.getDimSize(2); column += step)
      memref::PrefetchOp::create(
          e, weights, ValueRange{ahead.panel, e.add(line, i), e.index(column)},
          /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
  });
}

SmallVector<Value> TileProduct::sums(Value lhs, ArrayRef<Value> rows,
                                     Value weights, Value panel,
                                     ArrayRef<Value> start, int64_t depth,
                                     int64_t vectors, const Ahead &ahead) {
  SmallVector<Value> carried;
  for (size_t r = 0; r < rows.size(); ++r)
    carried.append(start.begin(), start.end());
  auto terms = [&](Value k, int64_t count, ValueRange acc) {
    SmallVector<Value> registers, next;
    for (int64_t v = 0; v < vectors; ++v)
      registers.push_back(loadWeights(weights, panel, k, v));
    Value at = group() == 1 ? k : e.mul(k, group());
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value a = loadRow(lhs, row, at, count);
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(step(acc[r * vectors + v], a, registers[v]));
    }
    return next;
  };
  auto groups = [&](Value from, Value to, ValueRange acc) {
    return e.loop(from, to, 1, acc, [&](Value k, ValueRange inner) {
      return terms(k, group(), inner);
    });
  };
  int64_t whole = depth / group();
  int64_t blocks = ahead.panel ? whole / kFetchGroups * kFetchGroups : 0;
  SmallVector<Value> sums = carried;
  if (blocks)
    sums = e.loop(e.index(0), e.index(blocks), kFetchGroups, sums,
                  [&](Value k, ValueRange acc) {
                    fetch(weights, ahead, k);
                    return groups(k, e.add(k, kFetchGroups), acc);
                  });
  if (whole > blocks)
    sums = groups(e.index(blocks), e.index(whole), sums);
  if (int64_t left = depth % group())
    sums = terms(e.index(whole), left, sums);
  return sums;
}
