//===- PackedColumns.cpp - weights of 4 bits to panels of i8 --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The columns of a tile are unpacked into a buffer that the second-level cache
// holds, once for all rows: what comes from memory has 4 bits per number, and
// the products are those of i8. Numbers are multiplied as pairs of i16, for
// which every level has an instruction; bytes of a word are taken apart by
// shifts that keep the sign.
//===----------------------------------------------------------------------===//
#include "PackedColumns.h"

using namespace mlir;
using namespace mlir::transformer;

/// How many words share what is read for them: half of a group, since blocks
/// of k may begin there.
constexpr int64_t kWords = 4;

int64_t PackedColumns::groups() const {
  return llvm::divideCeil(depth, kNibbles) * 2;
}

bool PackedColumns::inPanels() const {
  return llvm::all_of(ValueRange{packed, multipliers}, [](Value v) {
    return cast<MemRefType>(v.getType()).getRank() == 3;
  });
}

namespace {
/// Arithmetic on the halves of a register's words.
struct Halves {
  Emitter &e;
  VectorType type = VectorType::get({2 * e.target.lanes}, e.getI16Type());

  Value constant(int64_t number) {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(type, APInt(16, number, true)));
  }
  Value left(Value v, int64_t bits) {
    return bits ? arith::ShLIOp::create(e, v, constant(bits)).getResult() : v;
  }
  /// The four bits that end `bits` below the top, with their sign.
  Value nibble(Value v, int64_t bits) {
    return arith::ShRSIOp::create(e, left(v, bits), constant(12));
  }
  /// The low bytes of two, side by side.
  Value join(Value even, Value odd) {
    return arith::OrIOp::create(
        e, arith::AndIOp::create(e, even, constant(255)), left(odd, 8));
  }
};
} // namespace

/// In both halves of each column's word.
Value PackedColumns::multipliersOf(const TileColumns &from, int64_t v,
                                   Value group) {
  auto bytes = VectorType::get({4 * e.target.lanes}, e.getI8Type());
  VectorType words = e.vectorOf(e.getI32Type());
  auto [panel, at] = placeOf(e, from, v, 4);
  Value word = vector::BitCastOp::create(
      e, words,
      vector::LoadOp::create(e, bytes, multipliers,
                             ValueRange{panel, e.div(group, 4), at}));
  // The byte of this group to the top, and down with its sign.
  Value place = arith::RemUIOp::create(e, group, e.index(4));
  Value up = arith::IndexCastOp::create(e, e.getI32Type(),
                                        e.sub(e.index(24), e.mul(place, 8)));
  word = arith::ShLIOp::create(e, word, e.broadcast(up));
  Value high =
      arith::ShRSIOp::create(e, word, e.splat(e.getI32IntegerAttr(24)));
  Value sixteen = e.splat(e.getI32IntegerAttr(16));
  Value low =
      arith::AndIOp::create(e, high, e.splat(e.getI32IntegerAttr(0xffff)));
  Value both =
      arith::OrIOp::create(e, arith::ShLIOp::create(e, high, sixteen), low);
  return vector::BitCastOp::create(e, Halves{e}.type, both);
}

void PackedColumns::forEachWord(const TileColumns &from, int64_t v, Value begin,
                                Value end, StoreWord store) {
  auto bytes = VectorType::get({4 * e.target.lanes}, e.getI8Type());
  std::pair<Value, Value> place = placeOf(e, from, v, 4);
  Halves halves{e};
  auto unpackWord = [&](Value k, Value multiplier) {
    Value word = vector::BitCastOp::create(
        e, halves.type,
        vector::LoadOp::create(e, bytes, packed,
                               ValueRange{place.first, k, place.second}));
    SmallVector<Value> pairs;
    for (int64_t bits : {12, 4, 8, 0})
      pairs.push_back(
          arith::MulIOp::create(e, halves.nibble(word, bits), multiplier));
    store(k, pairs);
  };
  auto multiplierAt = [&](Value k) {
    return multipliersOf(from, v, e.div(k, UnpackI4Op::kGroup / kNibbles));
  };
  Value whole = e.add(begin, e.mul(e.div(e.sub(end, begin), kWords), kWords));
  e.loop(begin, whole, kWords, [&](Value first) {
    Value multiplier = multiplierAt(first);
    for (int64_t i = 0; i < kWords; ++i)
      unpackWord(e.add(first, i), multiplier);
  });
  e.loop(whole, end, 1, [&](Value k) { unpackWord(k, multiplierAt(k)); });
}

void PackedColumns::unpack(Value first, int64_t columns, Value panels) {
  Value zero = e.index(0);
  auto bytes = VectorType::get({4 * e.target.lanes}, e.getI8Type());
  if (!inPanels())
    return forEachByte(
        first, columns, zero, e.index(depth),
        [&](Value n, Value k, Value number) {
          Value at = e.add(
              e.mul(arith::RemUIOp::create(e, n, e.index(kPanelWidth)), 4),
              arith::RemUIOp::create(e, k, e.index(4)));
          memref::StoreOp::create(
              e, number, panels,
              ValueRange{e.div(n, kPanelWidth), e.div(k, 4), at});
        });
  int64_t vectors = llvm::divideCeil(columns, e.target.lanes);
  TileColumns from{packed, first, vectors, {}}, to{panels, zero, vectors, {}};
  Halves halves{e};
  for (int64_t v = 0; v < vectors; ++v) {
    std::pair<Value, Value> place = placeOf(e, to, v, 4);
    forEachWord(from, v, zero, e.index(groups() / 2),
                [&](Value k, ArrayRef<Value> pairs) {
                  for (int64_t half : {0, 1}) {
                    Value number =
                        halves.join(pairs[2 * half], pairs[2 * half + 1]);
                    vector::StoreOp::create(
                        e, vector::BitCastOp::create(e, bytes, number), panels,
                        ValueRange{place.first, e.add(e.mul(k, 2), half),
                                   place.second});
                  }
                });
  }
}

void PackedColumns::widen(const TileColumns &columns, Value from, Value to,
                          Value scratch) {
  if (!inPanels())
    return forEachByte(
        columns.first, columns.vectors * e.target.lanes, e.mul(from, 4),
        e.mul(to, 4), [&](Value n, Value k, Value number) {
          // k of a group are (0, 2), (1, 3).
          Value in = arith::RemUIOp::create(e, k, e.index(4));
          Value pair = arith::RemUIOp::create(e, in, e.index(2));
          Value at = e.add(
              e.mul(arith::RemUIOp::create(e, n, e.index(kPanelWidth)), 2),
              e.div(in, 2));
          Value group = e.add(e.mul(e.sub(e.div(k, 4), from), 2), pair);
          memref::StoreOp::create(
              e, arith::ExtSIOp::create(e, e.getI16Type(), number), scratch,
              ValueRange{e.div(n, kPanelWidth), group, at});
        });
  TileColumns source{packed, columns.first, columns.vectors, {}};
  TileColumns wide{scratch, e.index(0), columns.vectors, {}};
  Value begin = e.div(from, 2);
  Value end = e.div(e.add(to, 1), 2);
  for (int64_t v = 0; v < columns.vectors; ++v) {
    std::pair<Value, Value> place = placeOf(e, wide, v, 2);
    forEachWord(source, v, begin, end, [&](Value k, ArrayRef<Value> pairs) {
      Value first = e.mul(e.sub(k, begin), 4);
      for (auto [i, pair] : llvm::enumerate(pairs))
        vector::StoreOp::create(
            e, pair, scratch,
            ValueRange{place.first, e.add(first, i), place.second});
    });
  }
}

/// Of an i8 matrix, logical or in panels.
Value PackedColumns::element(Value matrix, Value row, Value column) {
  if (cast<MemRefType>(matrix.getType()).getRank() == 2)
    return memref::LoadOp::create(e, matrix, ValueRange{row, column});
  Value at =
      e.add(e.mul(arith::RemUIOp::create(e, row, e.index(kPanelWidth)), 4),
            arith::RemUIOp::create(e, column, e.index(4)));
  return memref::LoadOp::create(
      e, matrix, ValueRange{e.div(row, kPanelWidth), e.div(column, 4), at});
}

void PackedColumns::forEachByte(Value first, int64_t columns, Value begin,
                                Value end, StoreByte store) {
  auto rest = [&](Value v, int64_t by) -> Value {
    return arith::RemUIOp::create(e, v, e.index(by));
  };
  // Columns of a register beyond the last are not there.
  Value rows = memref::DimOp::create(e, packed, 0);
  Value count = cast<MemRefType>(packed.getType()).getRank() == 2
                    ? e.min(e.index(columns), e.sub(rows, first))
                    : e.index(columns);
  e.loop(e.index(0), count, 1, [&](Value n) {
    Value row = e.add(first, n);
    e.loop(begin, end, 1, [&](Value k) {
      Value byte =
          element(packed, row, e.add(e.mul(e.div(k, kNibbles), 4), rest(k, 4)));
      Value four = arith::ConstantIntOp::create(e, 4, 8);
      Value high = arith::ShRSIOp::create(e, byte, four);
      Value low =
          arith::ShRSIOp::create(e, arith::ShLIOp::create(e, byte, four), four);
      Value isLow = arith::CmpIOp::create(e, arith::CmpIPredicate::ult,
                                          rest(k, kNibbles), e.index(4));
      Value number = arith::SelectOp::create(e, isLow, low, high);
      Value multiplier =
          element(multipliers, row, e.div(k, UnpackI4Op::kGroup));
      store(n, k, arith::MulIOp::create(e, number, multiplier));
    });
  });
}
