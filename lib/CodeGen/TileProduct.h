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

/// A tile's columns of packed weights: `vectors` registers from column `first`
/// on, a multiple of the lanes.
struct TileColumns {
  Value weights, first;
  int64_t vectors;
};

class TileProduct {
public:
  /// Null if the combination of types is not supported. `depth` is k's extent.
  static std::unique_ptr<TileProduct> get(Emitter &e, Type lhs, Type weight,
                                          Type sum, int64_t depth);
  virtual ~TileProduct() = default;

  /// How many consecutive k lie together in a packed panel: the V of the
  /// panel layout.
  virtual int64_t group() const { return 1; }
  /// The rows of a tile: fewer where weights are split, which takes registers.
  int64_t rowTile() const {
    return splits() && e.target.lanes < 16 ? 4 : e.target.rowTile;
  }

  /// How many tiles' columns one row takes at once: as many as it has
  /// registers for.
  int64_t fewRowsTiles() const { return splits() ? 2 : 4; }

  /// What the sums of each of a tile's vectors start from; called once for its
  /// columns, before its rows.
  virtual SmallVector<Value> start(const TileColumns &columns);

  /// The part of the next columns' weights that a tile fetches while it
  /// computes: groups from `first` on, `each` of them (as many as it takes) per
  /// kFetchGroups groups of k. Without a panel nothing is fetched.
  struct Ahead {
    Value panel, first, each;
  };

  /// sums[r * vectors + v]: the products of the rows of `lhs` and the v-th
  /// register of columns, k ascending.
  SmallVector<Value> sums(Value lhs, ArrayRef<Value> rows,
                          const TileColumns &columns, ArrayRef<Value> start,
                          const Ahead &ahead);

  /// How many groups of k go by between two looks ahead.
  static constexpr int64_t kFetchGroups = 16;

protected:
  TileProduct(Emitter &e, Type sum, int64_t depth)
      : e(e), sum(sum), depth(depth) {}

  /// Registers that together hold one group of values, each for one `step`.
  using Parts = SmallVector<Value, 2>;
  /// Called before the loop over k; may put the rows into another form.
  virtual void prepareRows(Value &, SmallVector<Value> &) {}
  /// `count` values of a row from k on; fewer than group() at the end of a row.
  virtual Parts loadRow(Value lhs, Value row, Value k, int64_t count) = 0;
  /// Whether `split` gives two parts.
  virtual bool splits() const { return false; }
  /// A register of weights in the form that `step` takes.
  virtual Parts split(Value weights) { return {weights}; }
  virtual Value step(Value acc, Value row, Value weight) = 0;
  /// Fetches what `ahead` says for the groups from `k` on.
  void fetch(const TileColumns &columns, const Ahead &ahead, Value k);
  /// The v-th register of weights of group k.
  Value loadWeights(const TileColumns &columns, Value group, int64_t v);
  VectorType groupsOf(Type element) const {
    return VectorType::get({e.target.lanes * group()}, element);
  }

  Emitter &e;
  Type sum;
  int64_t depth;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_TILEPRODUCT_H
