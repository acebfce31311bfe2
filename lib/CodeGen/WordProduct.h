//===- WordProduct.h - sums of products of 32-bit words -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention multiplies are rows that it has rounded itself, so that the
// form of a row may follow the instruction that takes it: words of one f32, two
// bf16 or i16, four u8, with which a register of words is multiplied lane by
// lane.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_WORDPRODUCT_H
#define TRANSFORMER_LIB_CODEGEN_WORDPRODUCT_H

#include "Emitter.h"
#include "transformer/IR/TransformerDialect.h"
#include <memory>

namespace mlir::transformer {

class WordProduct {
public:
  static std::unique_ptr<WordProduct> get(Emitter &e, Products products);
  virtual ~WordProduct() = default;

  /// Values in a word.
  virtual int64_t group() const = 0;
  /// The type that words have in memory.
  virtual Type word() const { return e.getI32Type(); }
  virtual Type sum() const { return e.getF32Type(); }
  /// What is added to the values of the rows on the left, to have no sign.
  virtual int64_t rowOffset() const { return 0; }

  /// A register of values, as words of neighbours: lanes / group of them.
  /// Values of integer products are given as registers of i32, of which the low
  /// bits count; all others as f32, which is rounded here.
  virtual Value packLanes(Value values) = 0;
  /// `group` registers of values, as one register of words.
  virtual Value packAcross(ArrayRef<Value> values) = 0;

  /// How many registers `prepare` makes of one, and how many others a step
  /// takes, for constants and for what lies between its instructions.
  virtual int64_t parts() const { return 1; }
  virtual int64_t spare() const { return e.target.fma ? 0 : 1; }

  /// A word in every lane, and a register of words, in the form that `step`
  /// takes: shared by all steps that have one or the other in common.
  virtual SmallVector<Value> prepare(Value words) { return {words}; }
  virtual Value step(Value acc, ArrayRef<Value> row, ArrayRef<Value> words) = 0;

protected:
  explicit WordProduct(Emitter &e) : e(e) {}

  /// A register of i32 with the same value in every lane.
  Value integer(int32_t value) { return e.splat(e.getI32IntegerAttr(value)); }
  /// The low half, or quarter, of each lane, side by side.
  Value narrowLanes(Value values);
  Value joinAcross(ArrayRef<Value> values);

  Emitter &e;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_WORDPRODUCT_H
