//===- Products.cpp - linear and attention, by definition -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

LogicalResult interp::evaluate(LinearOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  const TensorValue &w = frame[op.getWeight()];
  const TensorValue *bias = frame.find(op.getBias());
  const TensorValue *inputScales = frame.find(op.getInputScales());
  const TensorValue *weightScales = frame.find(op.getWeightScales());
  if (x.rank() < 1 || w.rank() != 2)
    return op.emitOpError("needs an input of rank 1 or more and a weight of "
                          "rank 2");
  int64_t in = x.width(), out = w.shape[0];
  SmallVector<int64_t> leading(ArrayRef(x.shape).drop_back());
  if (failed(expectEqual(op, "a weight of width", w.width(), in)) ||
      (bias && failed(expectShape(op, "a bias", *bias, {out}))) ||
      (inputScales &&
       failed(expectShape(op, "input scales", *inputScales, leading))) ||
      (weightScales &&
       failed(expectShape(op, "weight scales", *weightScales, {out}))))
    return failure();

  SmallVector<int64_t> shape = leading;
  shape.push_back(out);
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t n = 0; n < out; ++n) {
      const double *xs = x.row(t), *ws = w.row(n);
      double sum = 0;
      for (int64_t k = 0; k < in; ++k)
        sum += xs[k] * ws[k];
      if (inputScales)
        sum *= inputScales->data[t] * weightScales->data[n];
      if (bias)
        sum += bias->data[n];
      y->row(t)[n] = activate(op.getActivation(), sum);
    }
  return success();
}

namespace {
/// What the mask and the causal flag say about one (query, key) pair.
class Visibility {
public:
  Visibility(AttentionOp op, const TensorValue *mask)
      : op(op), mask(mask), numHeads(op.getNumHeads()), causal(op.getCausal()),
        packed(op.isPacked()) {}

  LogicalResult check(int64_t batch, ArrayRef<Span> queries,
                      ArrayRef<Span> keys) const {
    if (!mask)
      return success();
    bool perKey = !packed && mask->rank() == 2;
    if (!perKey && mask->rank() != (packed ? 3 : 4))
      return op->emitOpError("has a mask of an unknown rank ") << mask->rank();
    auto isOneOr = [&](int64_t dim, int64_t size) {
      return dim == size || (!packed && dim == 1);
    };
    int64_t headDim = packed ? 0 : 1;
    bool fits = perKey ? mask->shape[0] == batch
                       : isOneOr(mask->shape[headDim], numHeads) &&
                             (packed || isOneOr(mask->shape[0], batch));
    for (auto [query, key] : llvm::zip_equal(queries, keys)) {
      int64_t rows = perKey ? query.length() : mask->shape[headDim + 1];
      // A packed bias covers the longest sequence, a dense one the exact size.
      fits &= packed ? query.length() <= rows && key.length() <= mask->width()
                     : query.length() == rows && key.length() == mask->width();
    }
    if (!fits)
      return op->emitOpError("has a mask that does not cover its sequences");
    return success();
  }

  /// False if query `i` may not see key `j`; else `bias` is to be added.
  bool operator()(int64_t sequence, int64_t head, int64_t i, int64_t j,
                  int64_t queries, int64_t keys, double &bias) const {
    bias = 0;
    if (causal && j > i + keys - queries)
      return false;
    if (!mask)
      return true;
    double value = mask->data[index(sequence, head, i, j)];
    if (mask->elementType.isInteger(1))
      return value != 0;
    bias = value;
    return value != -std::numeric_limits<double>::infinity();
  }

private:
  int64_t index(int64_t sequence, int64_t head, int64_t i, int64_t j) const {
    ArrayRef<int64_t> shape = mask->shape;
    if (packed)
      return (head * shape[1] + i) * shape[2] + j;
    if (shape.size() == 2)
      return sequence * shape[1] + j;
    int64_t b = shape[0] == 1 ? 0 : sequence, h = shape[1] == 1 ? 0 : head;
    return ((b * shape[1] + h) * shape[2] + i) * shape[3] + j;
  }

  Operation *op;
  const TensorValue *mask;
  int64_t numHeads;
  bool causal, packed;
};
} // namespace

/// Softmax in place; false for a row that is zeros: no key, or only keys whose
/// score is -inf, as PyTorch's safe softmax has it.
static bool softmax(std::vector<double> &scores) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double top = -infinity, sum = 0;
  bool anyNan = false;
  for (double score : scores) {
    anyNan |= std::isnan(score);
    top = score > top ? score : top;
  }
  if (top == -infinity && !anyNan)
    return false;
  for (double &score : scores) {
    score = std::exp(score - top);
    sum += score;
  }
  for (double &score : scores)
    score /= sum;
  return true;
}

LogicalResult interp::evaluate(AttentionOp op, Frame &frame) {
  const TensorValue &q = frame[op.getQuery()], &k = frame[op.getKey()],
                    &v = frame[op.getValue()];
  const TensorValue *queryOffsets = frame.find(op.getQueryOffsets());
  const TensorValue *keyOffsets =
      op.getKeyOffsets() ? frame.find(op.getKeyOffsets()) : queryOffsets;
  auto queries = sequences(op, q, queryOffsets);
  auto keys = sequences(op, k, keyOffsets);
  if (failed(queries) || failed(keys))
    return failure();
  int64_t heads = op.getNumHeads(), kvHeads = op.getNumKvHeads();
  if (heads % kvHeads || q.width() % heads || k.width() % kvHeads ||
      v.width() % kvHeads)
    return op.emitOpError("has heads that do not divide its widths");
  int64_t qkDim = q.width() / heads, valueDim = v.width() / kvHeads;
  if (failed(
          expectEqual(op, "key heads of width", k.width() / kvHeads, qkDim)) ||
      failed(expectEqual(op, "a number of values of", v.rows(), k.rows())) ||
      failed(expectEqual(op, "key sequences in number", keys->size(),
                         queries->size())))
    return failure();
  Visibility visible(op, frame.find(op.getMask()));
  if (failed(visible.check(queries->size(), *queries, *keys)))
    return failure();
  double scale = op.getScale() ? op.getScale()->convertToDouble()
                               : 1 / std::sqrt(double(qkDim));

  SmallVector<int64_t> shape(q.shape);
  shape.back() = heads * valueDim;
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  for (size_t s = 0; s < queries->size(); ++s)
    for (int64_t h = 0; h < heads; ++h) {
      Span query = (*queries)[s], key = (*keys)[s];
      int64_t kvHead = h * kvHeads / heads;
      for (int64_t i = 0; i < query.length(); ++i) {
        std::vector<double> scores;
        std::vector<int64_t> seen;
        for (int64_t j = 0; j < key.length(); ++j) {
          double bias, dot = 0;
          if (!visible(s, h, i, j, query.length(), key.length(), bias))
            continue;
          const double *a = q.row(query.begin + i) + h * qkDim;
          const double *b = k.row(key.begin + j) + kvHead * qkDim;
          for (int64_t d = 0; d < qkDim; ++d)
            dot += a[d] * b[d];
          scores.push_back(dot * scale + bias);
          seen.push_back(key.begin + j);
        }
        if (!softmax(scores))
          continue;
        double *out = y->row(query.begin + i) + h * valueDim;
        for (size_t j = 0; j < seen.size(); ++j)
          for (int64_t d = 0; d < valueDim; ++d)
            out[d] += scores[j] * v.row(seen[j])[kvHead * valueDim + d];
      }
    }
  return success();
}
