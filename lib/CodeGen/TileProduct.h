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
/// on, a multiple of the lanes. Group k is the (k - origin)-th of `weights`; a
/// null origin is zero.
struct TileColumns {
  Value weights, first;
  int64_t vectors;
  Value origin;
};

/// Where the v-th register of a tile's columns lies: its panel, and the place
/// in a group of a panel.
std::pair<Value, Value> placeOf(Emitter &e, const TileColumns &columns,
                                int64_t v, int64_t group);

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

  /// Whether `split` gives two parts.
  virtual bool splits() const { return false; }

  /// What the sums of each of a tile's vectors start from; called once for its
  /// columns, before its rows.
  virtual SmallVector<Value> start(const TileColumns &columns);

  /// The product of the same values once both sides are widened, where a tile
  /// would otherwise split each register of weights anew: a group becomes
  /// group() / widened->group() groups, one for each part of `split`. The sums
  /// are the same to the last bit. Null where nothing is split.
  virtual std::unique_ptr<TileProduct> widened() { return nullptr; }
  /// The type of widened values, and the k that `widenRow` takes at once.
  virtual Type wideElement() const { return {}; }
  static constexpr int64_t kWidenedAtOnce = 16;
  /// Values of a row in the order and form that widened() takes.
  virtual Value widenRow(Value values) { return values; }
  /// Stores groups [from, to) of the columns, widened, from the first column
  /// and group of `scratch` on.
  void widenColumns(const TileColumns &columns, Value from, Value to,
                    Value scratch);

  /// The part of the next columns' weights that a tile fetches while it
  /// computes: lines of `weights` from `first` on, `each` of them (as many as
  /// it takes) per kFetchGroups groups of k. Without weights nothing is
  /// fetched. If several tiles are going to read them, as `shared` says when it
  /// is there, they come to the first-level cache. One tile alone asks for more
  /// lines at once than may be on their way there, and would wait for itself
  /// (1.3 times as long for 8 rows).
  struct Ahead {
    Value weights, panel, first, each, shared;
  };
  /// Groups of k, from a multiple of kFetchGroups on; null for all of them.
  struct Groups {
    Value from, to;
  };

  /// sums[r * vectors + v]: `start`, and the products of the rows of `lhs` and
  /// the v-th register of columns, k ascending.
  SmallVector<Value> sums(Value lhs, ArrayRef<Value> rows,
                          const TileColumns &columns, ArrayRef<Value> start,
                          const Ahead &ahead, const Groups &groups = {});

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
