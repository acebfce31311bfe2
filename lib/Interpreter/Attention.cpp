//===- Attention.cpp - attention, by definition ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

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

static double roundTo(double value, Products products) {
  if (products != Products::bf16)
    return value;
  APFloat rounded(static_cast<float>(value));
  bool lossy;
  rounded.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &lossy);
  return rounded.convertToDouble();
}

/// The head of one row, as the products take it: rounded, and its scale.
static double headOf(const double *row, MutableArrayRef<double> out,
                     Products products) {
  if (products == Products::i8) {
    std::vector<float> values(row, row + out.size());
    return roundToI8(values, out.data());
  }
  for (size_t d = 0; d < out.size(); ++d)
    out[d] = roundTo(row[d], products);
  return 1;
}

/// Scores to weights exp(score - max) in place; their sum, or 0 for a row that
/// is zeros: no key, or only keys whose score is -inf, as PyTorch's safe
/// softmax has it.
static double softmax(std::vector<double> &scores) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double top = -infinity, sum = 0;
  bool anyNan = false;
  for (double score : scores) {
    anyNan |= std::isnan(score);
    top = score > top ? score : top;
  }
  if (top == -infinity && !anyNan)
    return 0;
  for (double &score : scores) {
    score = std::exp(score - top);
    sum += score;
  }
  return sum;
}

/// The weights of one row as its products take them; returns the factor that
/// the sum of the products is due.
static double roundWeights(std::vector<double> &weights,
                           const std::vector<double> &valueScales,
                           Products products) {
  for (double &weight : weights)
    weight = roundTo(weight, products);
  if (products != Products::i8)
    return 1;
  double top = 0;
  for (auto [weight, scale] : llvm::zip_equal(weights, valueScales)) {
    weight *= scale;
    top = std::isnan(weight) ? weight : std::max(top, weight);
  }
  if (top == 0)
    return 0;
  for (double &weight : weights)
    weight = std::nearbyint(weight * (255 / top));
  return top / 255;
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
  Products products = op.getProducts();
  std::vector<double> a(qkDim), b(qkDim), c(valueDim);
  for (size_t s = 0; s < queries->size(); ++s)
    for (int64_t h = 0; h < heads; ++h) {
      Span query = (*queries)[s], key = (*keys)[s];
      int64_t kvHead = h * kvHeads / heads;
      for (int64_t i = 0; i < query.length(); ++i) {
        double rowScale =
            headOf(q.row(query.begin + i) + h * qkDim, a, products);
        std::vector<double> scores, valueScales;
        std::vector<std::vector<double>> values;
        for (int64_t j = 0; j < key.length(); ++j) {
          double bias, dot = 0;
          if (!visible(s, h, i, j, query.length(), key.length(), bias))
            continue;
          double keyScale =
              headOf(k.row(key.begin + j) + kvHead * qkDim, b, products);
          for (int64_t d = 0; d < qkDim; ++d)
            dot += a[d] * b[d];
          scores.push_back(dot * rowScale * keyScale * scale + bias);
          double valueScale =
              headOf(v.row(key.begin + j) + kvHead * valueDim, c, products);
          // A row that was too small for its values has a scale all the same.
          bool none = products == Products::i8 && valueScale == 1 &&
                      llvm::all_of(c, [](double x) { return x == 0; });
          valueScales.push_back(none ? 0 : valueScale);
          values.push_back(c);
        }
        double sum = softmax(scores);
        if (sum == 0)
          continue;
        double factor = roundWeights(scores, valueScales, products) / sum;
        double *out = y->row(query.begin + i) + h * valueDim;
        for (size_t j = 0; j < values.size(); ++j)
          for (int64_t d = 0; d < valueDim; ++d)
            out[d] += scores[j] * values[j][d];
        for (int64_t d = 0; d < valueDim; ++d)
          out[d] *= factor;
      }
    }
  return success();
}
