//===- Mute.cpp - narrowed layers in their old shapes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a plan drops becomes zero in place of going away, so that code that was
// compiled before can compute the narrowed model.
//===----------------------------------------------------------------------===//
#include "KnownWeights.h"
#include "Numbers.h"

#include "transformer/Transforms/Narrow.h"

using namespace mlir;
using namespace mlir::transformer;

/// The columns of `narrow` at the places `kept` of `size`.
static Matrix scattered(const Matrix &narrow, ArrayRef<int64_t> kept,
                        int64_t size) {
  Matrix wide(narrow.rows, size);
  for (int64_t r = 0; r < narrow.rows; ++r)
    for (auto [column, to] : llvm::enumerate(kept))
      wide(r, to) = narrow(r, column);
  return wide;
}

FfnPair transformer::muteFfn(RewriterBase &rewriter, FfnPair pair,
                             const FfnPlan &plan) {
  int64_t neurons =
      cast<RankedTensorType>(pair.down.getWeight().getType()).getDimSize(1);
  pair.down =
      exchangeLinear(rewriter, pair.down, Value(),
                     scattered(plan.weight, plan.kept, neurons), plan.bias);
  return pair;
}

/// Of heads with `from` rows each (the last column is the bias), those at the
/// places `kept` of heads with `to` rows each.
static LinearOp spread(RewriterBase &rewriter, LinearOp op,
                       const Matrix &narrow, ArrayRef<int64_t> heads,
                       int64_t from, int64_t to) {
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  Matrix weight(type.getDimSize(0), type.getDimSize(1));
  std::vector<double> bias(weight.rows);
  for (auto [i, head] : llvm::enumerate(heads))
    for (int64_t r = 0; r < from; ++r) {
      auto row = narrow.row(int64_t(i) * from + r);
      llvm::copy(row.drop_back(), weight.row(head * to + r).begin());
      bias[head * to + r] = row.back();
    }
  return exchangeLinear(rewriter, op, Value(), weight, bias);
}

AttentionSite transformer::muteHeads(RewriterBase &rewriter, AttentionSite site,
                                     const HeadsPlan &plan) {
  AttentionOp op = site.attention;
  int64_t group = op.getNumHeads() / op.getNumKvHeads();
  int64_t qkDim = op.getQkDim(), valueDim = op.getValueDim();
  assert(plan.valueDim == valueDim && "values would need another basis");
  std::vector<int64_t> queries, channels;
  for (int64_t head : plan.kept)
    for (int64_t i = 0; i < group; ++i) {
      queries.push_back(head * group + i);
      for (int64_t c = 0; c < valueDim; ++c)
        channels.push_back(queries.back() * valueDim + c);
    }
  site.query =
      spread(rewriter, site.query, plan.query, queries, plan.qkDim, qkDim);
  site.key = spread(rewriter, site.key, plan.key, plan.kept, plan.qkDim, qkDim);
  site.value =
      spread(rewriter, site.value, plan.value, plan.kept, valueDim, valueDim);
  int64_t inputs =
      cast<RankedTensorType>(site.output.getWeight().getType()).getDimSize(1);
  site.output =
      exchangeLinear(rewriter, site.output, Value(),
                     scattered(plan.output, channels, inputs), plan.outputBias);
  return site;
}
