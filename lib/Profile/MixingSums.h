//===- MixingSums.h - sums for what replaces attention --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PROFILE_MIXINGSUMS_H
#define TRANSFORMER_LIB_PROFILE_MIXINGSUMS_H

#include "Turns.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Support/Profile.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>

namespace mlir::transformer {

/// Of what a norm reads: one over the variance of each row.
std::vector<float> weightsBehind(bool isRms, const float *rows, int64_t count,
                                 int64_t width, int64_t stride);

/// Rows that lie `stride` floats apart.
struct ObservedRows {
  const float *rows;
  int64_t count, width, stride;
};

struct BatchPlace {
  size_t number;
  int64_t firstSequence;
  ArrayRef<int32_t> offsets;
};

/// MixingStatistics of the attentions of a module, out of what is observed at
/// the inputs of its linears.
class MixingSums {
public:
  /// `linears` names the site of each linear, `sites` numbers them.
  MixingSums(ModuleOp module,
             const std::function<unsigned(AttentionOp)> &wanted,
             const std::map<std::string, std::string, std::less<>> &linears,
             ArrayRef<std::string> sites);
  ~MixingSums();

  /// What a thread keeps until all of a batch is there.
  struct Waiting {
    DenseMap<int64_t, std::vector<float>> rows, weights; // by site
    GramPart fitted, heldOut;
  };
  void add(const BatchPlace &batch, int64_t site, ObservedRows rows,
           Waiting &waiting);
  void giveUp() { turns.giveUp(); }
  void take(std::map<std::string, MixingStatistics, std::less<>> &to);

private:
  struct Attention;
  void addBatch(const BatchPlace &batch, size_t which, Waiting &waiting);

  std::vector<std::unique_ptr<Attention>> attentions;
  DenseMap<int64_t, SmallVector<size_t, 1>> readers; // of sites
  Turns turns;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PROFILE_MIXINGSUMS_H
