//===- PackedColumns.h - weights of 4 bits to panels of i8 ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_PACKEDCOLUMNS_H
#define TRANSFORMER_LIB_CODEGEN_PACKEDCOLUMNS_H

#include "TileProduct.h"

namespace mlir::transformer {

/// The operands of a `transformer.unpack_i4` of `depth` columns as a kernel
/// has them: each logical, or packed like an i8 weight.
class PackedColumns {
public:
  /// In the word of a column.
  static constexpr int64_t kNibbles = 8;

  PackedColumns(Emitter &e, Value packed, Value multipliers, int64_t depth)
      : e(e), packed(packed), multipliers(multipliers), depth(depth) {}

  /// Groups of four k that `unpack` stores.
  int64_t groups() const;

  /// Stores `columns` columns from `first` on, a multiple of the lanes, as the
  /// panels of an i8 weight, from the first of `panels` on.
  void unpack(Value first, int64_t columns, Value panels);

  /// Stores groups [from, to) of four k of the columns as pairs of i16, from
  /// the first panel and group of `scratch` on, as TileProduct::widenColumns
  /// does it of an i8 weight by i16 products. `from` is a multiple of eight.
  void widen(const TileColumns &columns, Value from, Value to, Value scratch);

private:
  bool inPanels() const;
  /// Gets the number of a word, and its bytes (k, k + 2), (k + 1, k + 3),
  /// (k + 4, k + 6), (k + 5, k + 7) as numbers in the halves of words.
  using StoreWord = llvm::function_ref<void(Value word, ArrayRef<Value> pairs)>;
  void forEachWord(const TileColumns &from, int64_t v, Value begin, Value end,
                   StoreWord store);
  Value multipliersOf(const TileColumns &from, int64_t v, Value group);
  using StoreByte = llvm::function_ref<void(Value n, Value k, Value number)>;
  void forEachByte(Value first, int64_t columns, Value begin, Value end,
                   StoreByte store);
  Value element(Value matrix, Value row, Value column);

  Emitter &e;
  Value packed, multipliers;
  int64_t depth;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_PACKEDCOLUMNS_H
