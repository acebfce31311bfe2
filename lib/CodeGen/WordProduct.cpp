//===- WordProduct.cpp - sums of products of 32-bit words -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WordProduct.h"

using namespace mlir;
using namespace mlir::transformer;

Value WordProduct::narrowLanes(Value values) {
  int64_t lanes = e.target.lanes;
  auto narrow = VectorType::get({lanes}, e.getIntegerType(32 / group()));
  auto words = VectorType::get({lanes / group()}, e.getI32Type());
  return vector::BitCastOp::create(e, words,
                                   arith::TruncIOp::create(e, narrow, values));
}

Value WordProduct::joinAcross(ArrayRef<Value> values) {
  int64_t bits = 32 / group();
  Value low = integer(static_cast<int32_t>((1u << bits) - 1)), words;
  for (auto [i, value] : llvm::enumerate(values)) {
    Value part = value;
    // What lies above the last part is shifted out.
    if (i + 1 != values.size())
      part = arith::AndIOp::create(e, part, low);
    if (i)
      part = arith::ShLIOp::create(e, part, integer(i * bits));
    words = i ? arith::OrIOp::create(e, words, part).getResult() : part;
  }
  return words;
}

namespace {

class F32Product : public WordProduct {
public:
  explicit F32Product(Emitter &e) : WordProduct(e) {}

  int64_t group() const override { return 1; }
  Type word() const override { return e.getF32Type(); }
  Value packLanes(Value values) override { return values; }
  Value packAcross(ArrayRef<Value> values) override { return values[0]; }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    return e.multiplyAdd(row[0], words[0], acc);
  }
};

/// Pairs of bf16, widened to f32 by shifts.
class Bf16Product : public WordProduct {
public:
  explicit Bf16Product(Emitter &e) : WordProduct(e) {}

  int64_t group() const override { return 2; }
  Value packLanes(Value values) override { return narrowLanes(bitsOf(values)); }
  Value packAcross(ArrayRef<Value> values) override {
    SmallVector<Value> bits;
    for (Value value : values)
      bits.push_back(bitsOf(value));
    return joinAcross(bits);
  }
  int64_t parts() const override { return 2; }
  int64_t spare() const override { return e.target.fma ? 2 : 3; }
  SmallVector<Value> prepare(Value words) override {
    Value first = arith::ShLIOp::create(e, words, integer(16));
    Value second = arith::AndIOp::create(
        e, words, integer(static_cast<int32_t>(0xffff0000)));
    VectorType floats = e.vectorOf(e.getF32Type());
    return {arith::BitcastOp::create(e, floats, first),
            arith::BitcastOp::create(e, floats, second)};
  }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    return e.multiplyAdd(row[1], words[1],
                         e.multiplyAdd(row[0], words[0], acc));
  }

protected:
  /// Rounded to nearest even, in the low half. NaN stays NaN.
  virtual Value bitsOf(Value value) {
    VectorType integers = e.vectorOf(e.getI32Type());
    Value bits = arith::BitcastOp::create(e, integers, value);
    Value shifted = arith::ShRUIOp::create(e, bits, integer(16));
    Value odd = arith::AndIOp::create(e, shifted, integer(1));
    Value rounded = arith::AddIOp::create(
        e, arith::AddIOp::create(e, bits, integer(0x7fff)), odd);
    rounded = arith::ShRUIOp::create(e, rounded, integer(16));
    Value isNan =
        arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, value, value);
    return arith::SelectOp::create(e, isNan, integer(0x7fc0), rounded);
  }
};

/// The same by vdpbf16ps.
class Bf16DotProduct : public Bf16Product {
public:
  using Bf16Product::Bf16Product;

  int64_t parts() const override { return 1; }
  int64_t spare() const override { return 0; }
  SmallVector<Value> prepare(Value words) override {
    auto type = VectorType::get({e.target.lanes * 2}, e.getBF16Type());
    return {vector::BitCastOp::create(e, type, words)};
  }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    return e.dotBf16(acc, row[0], words[0]);
  }

protected:
  Value bitsOf(Value value) override {
    Value narrow =
        arith::TruncFOp::create(e, e.vectorOf(e.getBF16Type()), value);
    VectorType halves = e.vectorOf(e.getIntegerType(16));
    return arith::ExtUIOp::create(e, e.vectorOf(e.getI32Type()),
                                  arith::BitcastOp::create(e, halves, narrow));
  }
};

/// Eight-bit values as pairs of i16: exact on any target.
class I16Product : public WordProduct {
public:
  explicit I16Product(Emitter &e) : WordProduct(e) {}

  int64_t group() const override { return 2; }
  Type sum() const override { return e.getI32Type(); }
  Value packLanes(Value values) override { return narrowLanes(values); }
  Value packAcross(ArrayRef<Value> values) override {
    return joinAcross(values);
  }
  int64_t parts() const override { return 2; }
  int64_t spare() const override { return 2; }
  SmallVector<Value> prepare(Value words) override {
    Value first = arith::ShLIOp::create(e, words, integer(16));
    return {arith::ShRSIOp::create(e, first, integer(16)),
            arith::ShRSIOp::create(e, words, integer(16))};
  }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    for (auto [a, b] : llvm::zip(row, words))
      acc = arith::AddIOp::create(e, acc, arith::MulIOp::create(e, a, b));
    return acc;
  }
};

/// The same by pmaddwd, which adds two products of i16 in each lane.
class I16PairProduct : public I16Product {
public:
  using I16Product::I16Product;

  int64_t parts() const override { return 1; }
  int64_t spare() const override { return 1; }
  SmallVector<Value> prepare(Value words) override {
    auto type = VectorType::get({e.target.lanes * 2}, e.getIntegerType(16));
    return {vector::BitCastOp::create(e, type, words)};
  }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    return e.dotI16(acc, row[0], words[0]);
  }
};

/// Eight-bit values by vpdpbusd, which takes rows without a sign.
class VnniProduct : public WordProduct {
public:
  explicit VnniProduct(Emitter &e) : WordProduct(e) {}

  int64_t group() const override { return 4; }
  Type sum() const override { return e.getI32Type(); }
  int64_t rowOffset() const override { return 128; }
  Value packLanes(Value values) override { return narrowLanes(values); }
  Value packAcross(ArrayRef<Value> values) override {
    return joinAcross(values);
  }
  SmallVector<Value> prepare(Value words) override {
    auto type = VectorType::get({e.target.lanes * 4}, e.getI8Type());
    return {vector::BitCastOp::create(e, type, words)};
  }
  Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) override {
    return e.dotBytes(acc, row[0], words[0]);
  }
};

} // namespace

std::unique_ptr<WordProduct> WordProduct::get(Emitter &e, Products products) {
  switch (products) {
  case Products::f32:
    return std::make_unique<F32Product>(e);
  case Products::bf16:
    if (e.target.bf16)
      return std::make_unique<Bf16DotProduct>(e);
    return std::make_unique<Bf16Product>(e);
  case Products::i8:
    if (e.target.vnni)
      return std::make_unique<VnniProduct>(e);
    if (e.target.isX86())
      return std::make_unique<I16PairProduct>(e);
    return std::make_unique<I16Product>(e);
  }
  llvm_unreachable("all products are above");
}
