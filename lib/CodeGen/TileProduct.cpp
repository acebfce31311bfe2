//===- TileProduct.cpp - the inner loops of contractions ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a level has no dot product for is widened with two shifts or masks per
// register of weights, which all rows of the tile share; with many rows, once
// for all of them.
//===----------------------------------------------------------------------===//
#include "TileProduct.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// f32: one value at a time.
class FloatProduct : public TileProduct {
public:
  FloatProduct(Emitter &e, int64_t depth)
      : TileProduct(e, e.getF32Type(), depth) {}

  Parts loadRow(Value lhs, Value row, Value k, int64_t) override {
    return {e.broadcast(memref::LoadOp::create(e, lhs, ValueRange{row, k}))};
  }
  Value step(Value acc, Value row, Value weight) override {
    return e.multiplyAdd(row, weight, acc);
  }
};

/// Groups of small values, which a row has as one word that is broadcast.
class GroupProduct : public TileProduct {
public:
  GroupProduct(Emitter &e, Type element, Type sum, int64_t values,
               int64_t depth)
      : TileProduct(e, sum, depth), element(element), values(values) {}

  int64_t group() const override { return values; }

  Parts loadRow(Value lhs, Value row, Value k, int64_t count) override {
    return split(spread(loadGroup(lhs, row, k, count)));
  }

protected:
  Value loadGroup(Value lhs, Value row, Value k, int64_t count) {
    auto word = VectorType::get({values}, element);
    if (count == values)
      return vector::LoadOp::create(e, word, lhs, ValueRange{row, k});
    Value part = arith::ConstantOp::create(e, e.getZeroAttr(word));
    for (int64_t i = 0; i < count; ++i) {
      Value value =
          memref::LoadOp::create(e, lhs, ValueRange{row, e.add(k, i)});
      part = vector::InsertOp::create(e, value, part, ArrayRef<int64_t>{i});
    }
    return part;
  }
  /// The register that has the group in each of its 32-bit lanes.
  Value spread(Value part) {
    auto one = VectorType::get({1}, e.getI32Type());
    Value word = vector::ExtractOp::create(
        e, vector::BitCastOp::create(e, one, part), ArrayRef<int64_t>{0});
    return vector::BitCastOp::create(e, groupsOf(element), e.broadcast(word));
  }
  Value bits(Type element, Value value) {
    int64_t width = cast<VectorType>(value.getType()).getNumElements() *
                    cast<VectorType>(value.getType()).getElementTypeBitWidth();
    return vector::BitCastOp::create(
        e, VectorType::get({width / element.getIntOrFloatBitWidth()}, element),
        value);
  }
  Value constantLike(Value value, int64_t number) {
    auto type = cast<VectorType>(value.getType());
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(
               type, APInt(type.getElementTypeBitWidth(), number, true)));
  }

  Type element;
  int64_t values;
};

/// bf16 by vdpbf16ps: pairs, with f32 sums.
class Bf16Product : public GroupProduct {
public:
  Bf16Product(Emitter &e, int64_t depth)
      : GroupProduct(e, e.getBF16Type(), e.getF32Type(), 2, depth) {}

  Value step(Value acc, Value row, Value weight) override {
    return e.dotBf16(acc, row, weight);
  }
};

/// bf16 without it: a value is the upper half of an f32.
class WideBf16Product : public GroupProduct {
public:
  WideBf16Product(Emitter &e, int64_t depth)
      : GroupProduct(e, e.getBF16Type(), e.getF32Type(), 2, depth) {}

  std::unique_ptr<TileProduct> widened() override {
    return std::make_unique<FloatProduct>(e, depth);
  }
  Type wideElement() const override { return e.getF32Type(); }
  Value widenRow(Value values) override {
    auto type = cast<VectorType>(values.getType());
    auto wide = type.clone(e.getI32Type());
    Value bits = arith::ExtUIOp::create(
        e, wide,
        arith::BitcastOp::create(e, type.clone(e.getI16Type()), values));
    return arith::BitcastOp::create(
        e, type.clone(e.getF32Type()),
        arith::ShLIOp::create(e, bits, constantLike(bits, 16)));
  }
  bool splits() const override { return true; }
  Parts split(Value pairs) override {
    Value words = bits(e.getI32Type(), pairs);
    Value first = arith::ShLIOp::create(e, words, constantLike(words, 16));
    Value second = arith::AndIOp::create(e, words, constantLike(words, -65536));
    return {bits(sum, first), bits(sum, second)};
  }
  Value step(Value acc, Value row, Value weight) override {
    return e.multiplyAdd(row, weight, acc);
  }
};

class ByteProduct : public GroupProduct {
public:
  ByteProduct(Emitter &e, int64_t depth)
      : GroupProduct(e, e.getI8Type(), e.getI32Type(), 4, depth) {}
};

/// i8 by vpdpbusd, which takes unsigned times signed: rows are shifted by 128,
/// and sums start from what that adds, negated. 32 bits hold it exactly up to
/// k = 66,000.
class VnniProduct : public ByteProduct {
public:
  using ByteProduct::ByteProduct;

  SmallVector<Value> start(const TileColumns &columns) override {
    Value shift = constantLike(zeroGroups(), -128);
    Value zero = e.splat(e.getI32IntegerAttr(0));
    // Enough sums for none to wait for itself: integers add up in any order.
    int64_t groups = (depth + 3) / 4, vectors = columns.vectors;
    int64_t parts = std::max<int64_t>(1, kStartSums / vectors);
    int64_t whole = groups / parts * parts;
    auto add = [&](Value k, int64_t part, SmallVector<Value> &sums) {
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = sums[part * vectors + v];
        sum = step(sum, shift, loadWeights(columns, k, v));
      }
    };
    SmallVector<Value> sums =
        e.loop(e.index(0), e.index(whole), parts,
               SmallVector<Value>(parts * vectors, zero),
               [&](Value k, ValueRange acc) {
                 SmallVector<Value> next(acc);
                 for (int64_t part = 0; part < parts; ++part)
                   add(e.add(k, part), part, next);
                 return next;
               });
    for (int64_t k = whole; k < groups; ++k)
      add(e.index(k), k - whole, sums);
    SmallVector<Value> start(vectors, zero);
    for (auto [i, sum] : llvm::enumerate(sums))
      start[i % vectors] = arith::SubIOp::create(e, start[i % vectors], sum);
    return start;
  }
  Parts loadRow(Value lhs, Value row, Value k, int64_t count) override {
    Value signedRow = spread(loadGroup(lhs, row, k, count));
    return {arith::XOrIOp::create(e, signedRow, constantLike(signedRow, -128))};
  }
  Value step(Value acc, Value row, Value weight) override {
    return e.dotBytes(acc, row, weight);
  }

private:
  /// One after the other would take the latency of vpdpbusd for each.
  static constexpr int64_t kStartSums = 8;

  Value zeroGroups() {
    return arith::ConstantOp::create(e, e.getZeroAttr(groupsOf(element)));
  }
};

/// i8 by sdot, which takes both signed.
class DotProduct : public ByteProduct {
public:
  using ByteProduct::ByteProduct;

  Value step(Value acc, Value row, Value weight) override {
    return e.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", acc.getType(),
                       {acc, weight, row});
  }
};

/// i8 by smull and sadalp: the products of eight bytes are exact in 16 bits,
/// and are added in pairs. A register of weights becomes its first and its
/// second pairs of k, and a row the same.
class NeonProduct : public ByteProduct {
public:
  using ByteProduct::ByteProduct;

  bool splits() const override { return true; }
  Parts split(Value groups) override {
    Value pairs = bits(e.getI16Type(), groups);
    Parts parts;
    for (int64_t part : {0, 1}) {
      SmallVector<int64_t> lanes;
      for (int64_t lane = 0; lane < e.target.lanes; ++lane)
        lanes.push_back(2 * lane + part);
      parts.push_back(
          bits(element, vector::ShuffleOp::create(e, pairs, pairs, lanes)));
    }
    return parts;
  }
  Value step(Value acc, Value row, Value weight) override {
    Value products =
        e.intrinsic("llvm.aarch64.neon.smull.v8i16",
                    VectorType::get({8}, e.getI16Type()), {row, weight});
    return arith::AddIOp::create(
        e, acc,
        e.intrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", acc.getType(),
                    {products}));
  }
};

/// Pairs of i16 by pmaddwd, which multiplies them and adds: exact, where
/// pmaddubsw would saturate.
class PairProduct : public GroupProduct {
public:
  PairProduct(Emitter &e, int64_t depth)
      : GroupProduct(e, e.getI16Type(), e.getI32Type(), 2, depth) {}

  Value step(Value acc, Value row, Value weight) override {
    return e.dotI16(acc, row, weight);
  }
};

/// i8 widened to such pairs. Shifts take the even and the odd bytes of weights
/// apart, so that pairs are (k, k+2) and (k+1, k+3). Rows are widened to that
/// order once per tile: in registers it would cost as much as the products.
class WordProduct : public ByteProduct {
public:
  WordProduct(Emitter &e, int64_t depth)
      : ByteProduct(e, depth), pairs(e, depth) {
    scratch = e.allocate({rowTile(), (depth + 3) / 4 * 4}, e.getI16Type());
  }

  std::unique_ptr<TileProduct> widened() override {
    return std::make_unique<PairProduct>(e, depth);
  }
  Type wideElement() const override { return e.getI16Type(); }
  Value widenRow(Value bytes) override {
    auto type = cast<VectorType>(bytes.getType());
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < type.getNumElements(); i += 4)
      order.append({i, i + 2, i + 1, i + 3});
    return arith::ExtSIOp::create(
        e, type.clone(e.getI16Type()),
        vector::ShuffleOp::create(e, bytes, bytes, order));
  }
  void prepareRows(Value &lhs, SmallVector<Value> &rows) override {
    int64_t whole = depth / kWidenedAtOnce * kWidenedAtOnce;
    int64_t groups = depth / 4 * 4;
    for (size_t r = 0; r < rows.size(); ++r) {
      Value to = e.index(r);
      auto store = [&](Value bytes, Value k) {
        vector::StoreOp::create(e, widenRow(bytes), scratch, ValueRange{to, k});
      };
      auto widen = [&](Value k, int64_t count) {
        auto type = VectorType::get({count}, element);
        store(vector::LoadOp::create(e, type, lhs, ValueRange{rows[r], k}), k);
      };
      e.loop(e.index(0), e.index(whole), kWidenedAtOnce,
             [&](Value k) { widen(k, kWidenedAtOnce); });
      for (int64_t k = whole; k < groups; k += 4)
        widen(e.index(k), 4);
      if (depth > groups)
        store(loadGroup(lhs, rows[r], e.index(groups), depth - groups),
              e.index(groups));
      rows[r] = to;
    }
    lhs = scratch;
  }
  Parts loadRow(Value lhs, Value row, Value k, int64_t) override {
    Parts parts = pairs.loadRow(lhs, row, k, 2);
    parts.append(pairs.loadRow(lhs, row, e.add(k, 2), 2));
    return parts;
  }
  bool splits() const override { return true; }
  Parts split(Value groups) override {
    Value words = bits(e.getI16Type(), groups);
    Value byte = constantLike(words, 8);
    Value even = arith::ShLIOp::create(e, words, byte);
    return {arith::ShRSIOp::create(e, even, byte),
            arith::ShRSIOp::create(e, words, byte)};
  }
  Value step(Value acc, Value row, Value weight) override {
    return pairs.step(acc, row, weight);
  }

private:
  PairProduct pairs;
  Value scratch;
};

} // namespace

std::unique_ptr<TileProduct> TileProduct::get(Emitter &e, Type lhs, Type weight,
                                              Type sum, int64_t depth) {
  if (lhs != weight)
    return nullptr;
  const Target &target = e.target;
  if (lhs.isF32() && sum.isF32())
    return std::make_unique<FloatProduct>(e, depth);
  if (lhs.isBF16() && sum.isF32()) {
    if (target.bf16)
      return std::make_unique<Bf16Product>(e, depth);
    return std::make_unique<WideBf16Product>(e, depth);
  }
  if (lhs.isInteger(8) && sum.isInteger(32)) {
    if (target.vnni)
      return std::make_unique<VnniProduct>(e, depth);
    if (target.dotprod)
      return std::make_unique<DotProduct>(e, depth);
    if (target.isX86())
      return std::make_unique<WordProduct>(e, depth);
    return std::make_unique<NeonProduct>(e, depth);
  }
  return nullptr;
}

SmallVector<Value> TileProduct::start(const TileColumns &columns) {
  TypedAttr zero = e.getZeroAttr(sum);
  return SmallVector<Value>(columns.vectors, e.splat(zero));
}

std::pair<Value, Value> transformer::placeOf(Emitter &e,
                                             const TileColumns &columns,
                                             int64_t v, int64_t group) {
  Value column = e.add(columns.first, v * e.target.lanes);
  Value at = e.index(0);
  if (e.target.lanes < kPanelWidth)
    at = e.mul(arith::RemUIOp::create(e, column, e.index(kPanelWidth)), group);
  return {e.div(column, kPanelWidth), at};
}

Value TileProduct::loadWeights(const TileColumns &columns, Value k, int64_t v) {
  auto type =
      groupsOf(cast<MemRefType>(columns.weights.getType()).getElementType());
  auto [panel, at] = placeOf(e, columns, v, group());
  if (columns.origin)
    k = e.sub(k, columns.origin);
  return vector::LoadOp::create(e, type, columns.weights,
                                ValueRange{panel, k, at});
}

void TileProduct::widenColumns(const TileColumns &columns, Value from, Value to,
                               Value scratch) {
  TileColumns wide{scratch, e.index(0), columns.vectors, {}};
  e.loop(from, to, 1, [&](Value k) {
    for (int64_t v = 0; v < columns.vectors; ++v) {
      Parts parts = split(loadWeights(columns, k, v));
      int64_t count = parts.size();
      auto [panel, at] = placeOf(e, wide, v, group() / count);
      for (auto [p, part] : llvm::enumerate(parts))
        vector::StoreOp::create(
            e, part, scratch,
            ValueRange{panel, e.add(e.mul(e.sub(k, from), count), p), at});
    }
  });
}

void TileProduct::fetch(const TileColumns &columns, const Ahead &ahead,
                        Value k) {
  if (columns.origin)
    k = e.sub(k, columns.origin);
  Value look = e.div(k, kFetchGroups);
  Value line = e.add(ahead.first, arith::MulIOp::create(e, look, ahead.each));
  int64_t width = e.target.lanes * columns.vectors;
  auto ask = [&](int32_t locality) {
    e.loop(e.index(0), ahead.each, 1, [&](Value i) {
      // A group of one panel is one line.
      for (int64_t panel = 0; panel * kPanelWidth < width; ++panel)
        memref::PrefetchOp::create(
            e, ahead.weights,
            ValueRange{e.add(ahead.panel, panel), e.add(line, i), e.index(0)},
            /*isWrite=*/false, locality, /*isDataCache=*/true);
    });
  };
  constexpr int32_t kSecondLevel = 2, kFirstLevel = 3;
  if (!ahead.shared)
    return ask(kSecondLevel);
  auto choice = scf::IfOp::create(e, ahead.shared, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(choice.thenBlock());
  ask(kFirstLevel);
  e.setInsertionPointToStart(choice.elseBlock());
  ask(kSecondLevel);
}

SmallVector<Value> TileProduct::sums(Value lhs, ArrayRef<Value> tileRows,
                                     const TileColumns &columns,
                                     ArrayRef<Value> start, const Ahead &ahead,
                                     const Groups &range) {
  int64_t vectors = columns.vectors;
  SmallVector<Value> rows(tileRows);
  prepareRows(lhs, rows);
  auto terms = [&](Value k, int64_t count, ValueRange acc) {
    SmallVector<Parts> registers;
    for (int64_t v = 0; v < vectors; ++v)
      registers.push_back(split(loadWeights(columns, k, v)));
    Value at = group() == 1 ? k : e.mul(k, group());
    SmallVector<Value> next(acc);
    for (auto [r, row] : llvm::enumerate(rows))
      for (auto [p, a] : llvm::enumerate(loadRow(lhs, row, at, count)))
        for (int64_t v = 0; v < vectors; ++v) {
          Value &value = next[r * vectors + v];
          value = step(value, a, registers[v][p]);
        }
    return next;
  };
  auto groups = [&](Value from, Value to, ValueRange acc) {
    return e.loop(from, to, 1, acc, [&](Value k, ValueRange inner) {
      return terms(k, group(), inner);
    });
  };
  int64_t whole = depth / group();
  SmallVector<Value> sums(start);
  auto looking = [&](Value from, Value to) {
    sums = e.loop(from, to, kFetchGroups, sums, [&](Value k, ValueRange acc) {
      fetch(columns, ahead, k);
      return groups(k, e.add(k, kFetchGroups), acc);
    });
  };
  if (range.to) {
    ahead.weights ? looking(range.from, range.to)
                  : void(sums = groups(range.from, range.to, sums));
    return sums;
  }
  int64_t blocks = ahead.weights ? whole / kFetchGroups * kFetchGroups : 0;
  if (blocks)
    looking(e.index(0), e.index(blocks));
  if (whole > blocks)
    sums = groups(e.index(blocks), e.index(whole), sums);
  if (int64_t left = depth % group())
    sums = terms(e.index(whole), left, sums);
  return sums;
}
