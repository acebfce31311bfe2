//===- TileProduct.h - the inner loops of contractions --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rows x vectors sums of products, by element type and target.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_TILEPRODUCT_H
#define TRANSFORMER_LIB_CODEGEN_TILEPRODUCT_H

#include "Emitter.h"
#include <memory>

namespace mlir::transformer {

class TileProduct {
public:
  /// Null if the combination of types is not supported.
  static std::unique_ptr<TileProduct> get(Emitter &e, Type lhs, Type weight,
                                          Type sum);
  virtual ~TileProduct() = default;

  /// How many consecutive k lie together in a packed panel: the V of the
  /// panel layout.
  virtual int64_t group() const { return 1; }

  /// What the sums of each of a panel's vectors start from; called once per
  /// panel, before its row tiles.
  virtual SmallVector<Value> start(Value weights, Value panel, int64_t depth,
                                   int64_t vectors);

  /// The part of the next panel that a tile fetches while it computes: lines
  /// from `first` on, `each` of them (as many as it takes) per kFetchGroups
  /// groups of k. Without it nothing is fetched.
  struct Ahead {
    Value panel, first, each;
  };

  /// sums[r * vectors + v]: the products of the rows of `lhs` and the v-th
  /// register of columns from the panel on, k ascending.
  SmallVector<Value> sums(Value lhs, ArrayRef<Value> rows, Value weights,
                          Value panel, ArrayRef<Value> start, int64_t depth,
                          int64_t vectors, const Ahead &ahead);

  /// How many groups of k go by between two looks ahead.
  static constexpr int64_t kFetchGroups = 16;

protected:
  TileProduct(Emitter &e, Type sum) : e(e), sum(sum) {}

  /// `count` values of a row from k on, in the form that `step` takes; fewer
  /// than group() at the end of a row.
  virtual Value loadRow(Value lhs, Value row, Value k, int64_t count) = 0;
  virtual Value step(Value acc, Value row, Value weight) = 0;
  /// Fetches what `ahead` says for the groups from `k` on.
  void fetch(Value weights, const Ahead &ahead, Value k);
  /// The v-th register of weights of group k.
  Value loadWeights(Value weights, Value panel, Value group, int64_t v);

  Emitter &e;
  Type sum;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_TILEPRODUCT_H
