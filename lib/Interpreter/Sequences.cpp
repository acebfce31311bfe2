//===- Sequences.cpp - ops that know where sequences begin ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

#include <cmath>
#include <complex>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

/// exp(-2 pi i k / n) for every k, so that a long transform reads the angle of
/// (k * t mod n) instead of rounding a large product.
static std::vector<std::complex<double>> rootsOfUnity(int64_t n) {
  std::vector<std::complex<double>> roots(n);
  for (int64_t k = 0; k < n; ++k)
    roots[k] = std::polar(1.0, -2 * M_PI * double(k) / double(n));
  return roots;
}

LogicalResult interp::evaluate(FftMixOp op, Frame &frame) {
  using Complex = std::complex<double>;
  const TensorValue &x = frame[op.getInput()];
  auto spans = sequences(op, x, frame.find(op.getOffsets()));
  if (failed(spans))
    return failure();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), x.shape);
  if (!y)
    return failure();
  int64_t width = x.width();
  std::vector<Complex> hiddenRoots = rootsOfUnity(width);
  std::vector<Complex> rows(x.rows() * width);
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t f = 0; f < width; ++f)
      for (int64_t c = 0; c < width; ++c)
        rows[t * width + f] += x.row(t)[c] * hiddenRoots[f * c % width];
  for (Span span : *spans) {
    int64_t length = span.length();
    std::vector<Complex> roots = rootsOfUnity(length);
    for (int64_t g = 0; g < length; ++g)
      for (int64_t f = 0; f < width; ++f) {
        double sum = 0;
        for (int64_t t = 0; t < length; ++t) {
          const Complex &value = rows[(span.begin + t) * width + f];
          const Complex &root = roots[g * t % length];
          sum += value.real() * root.real() - value.imag() * root.imag();
        }
        y->row(span.begin + g)[f] = sum;
      }
  }
  return success();
}

LogicalResult interp::evaluate(TokenMixOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()], &w = frame[op.getWeight()];
  auto spans = sequences(op, x, frame.find(op.getOffsets()));
  if (failed(spans))
    return failure();
  int64_t width = x.width(), lags = w.rank() ? w.shape[0] : 0;
  bool full = w.rank() == 3;
  SmallVector<int64_t> expected = {lags, width};
  if (full)
    expected.push_back(width);
  if (lags % 2 == 0)
    return op.emitOpError("has an even number of lags ") << lags;
  if (failed(expectShape(op, "a weight", w, expected)))
    return failure();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), x.shape);
  if (!y)
    return failure();
  for (Span span : *spans)
    for (int64_t t = span.begin; t < span.end; ++t)
      for (int64_t i = 0; i < lags; ++i) {
        int64_t from = t + i - lags / 2;
        if (from < span.begin || from >= span.end)
          continue;
        for (int64_t n = 0; n < width; ++n) {
          if (!full) {
            y->row(t)[n] += w.row(i)[n] * x.row(from)[n];
            continue;
          }
          for (int64_t c = 0; c < width; ++c)
            y->row(t)[n] += w.row(i * width + n)[c] * x.row(from)[c];
        }
      }
  return success();
}

LogicalResult interp::evaluate(PositionsOp op, Frame &frame) {
  int64_t tokens = static_cast<int64_t>(frame[op.getTokens()].data[0]);
  auto spans = sequences(op, tokens, frame[op.getOffsets()]);
  const TensorValue *ids = frame.find(op.getIds());
  if (failed(spans) || (ids && failed(expectShape(op, "ids", *ids, {tokens}))))
    return failure();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), {tokens});
  if (!y)
    return failure();
  for (Span span : *spans) {
    int64_t next = op.getStart();
    for (int64_t t = span.begin; t < span.end; ++t) {
      bool padding = ids && op.getPaddingId() &&
                     ids->data[t] == double(*op.getPaddingId());
      y->data[t] = padding ? op.getStart() - 1 : next++;
    }
  }
  return success();
}

LogicalResult interp::evaluate(PoolOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  const TensorValue *mask = frame.find(op.getMask());
  auto spans = sequences(op, x, frame.find(op.getOffsets()));
  if (failed(spans) ||
      (mask &&
       failed(expectShape(op, "a mask", *mask, ArrayRef(x.shape).drop_back()))))
    return failure();
  int64_t width = x.width(), batch = spans->size();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), {batch, width});
  if (!y)
    return failure();
  for (int64_t s = 0; s < batch; ++s) {
    double *out = y->row(s);
    int64_t seen = 0;
    for (int64_t t = (*spans)[s].begin; t < (*spans)[s].end; ++t) {
      if (mask && !mask->data[t])
        continue;
      ++seen;
      for (int64_t c = 0; c < width; ++c) {
        double value = x.row(t)[c];
        if (op.getKind() == PoolKind::mean)
          out[c] += value;
        else if (seen == 1 || (op.getKind() == PoolKind::max &&
                               (value > out[c] || std::isnan(value))))
          out[c] = value;
      }
    }
    if (op.getKind() == PoolKind::mean && seen)
      for (int64_t c = 0; c < width; ++c)
        out[c] /= double(seen);
  }
  return success();
}

LogicalResult interp::evaluate(UnpoolOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  int64_t length = static_cast<int64_t>(frame[op.getLength()].data[0]);
  if (failed(expectEqual(op, "an input of rank", x.rank(), 2)))
    return failure();
  SmallVector<Span> spans;
  SmallVector<int64_t> shape = {length, x.width()};
  if (op.getOffsets()) {
    auto packed = sequences(op, length, frame[op.getOffsets()]);
    if (failed(packed) || failed(expectEqual(op, "sequences in number",
                                             packed->size(), x.shape[0])))
      return failure();
    spans = *packed;
  } else {
    shape.insert(shape.begin(), x.shape[0]);
    for (int64_t b = 0; b < x.shape[0]; ++b)
      spans.push_back({b * length, (b + 1) * length});
  }
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  for (size_t s = 0; s < spans.size(); ++s)
    for (int64_t t = spans[s].begin; t < spans[s].end; ++t)
      std::copy_n(x.row(s), x.width(), y->row(t));
  return success();
}

LogicalResult interp::evaluate(PatchesOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  int64_t size = op.getSize();
  if (failed(expectEqual(op, "an input of rank", x.rank(), 4)))
    return failure();
  int64_t batch = x.shape[0], channels = x.shape[1], height = x.shape[2],
          width = x.shape[3];
  if (height % size || width % size)
    return op.emitOpError("has images that are no multiple of its patches");
  int64_t down = height / size, across = width / size;
  TensorValue *y =
      frame.define(cast<OpResult>(op.getResult()),
                   {batch * down * across, channels * size * size});
  if (!y)
    return failure();
  double *out = y->data.data();
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t p = 0; p < down * across; ++p)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t i = 0; i < size; ++i)
          for (int64_t j = 0; j < size; ++j) {
            int64_t row = p / across * size + i, column = p % across * size + j;
            *out++ =
                x.data[((b * channels + c) * height + row) * width + column];
          }
  return success();
}

LogicalResult interp::evaluate(PrependOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()], &rows = frame[op.getRows()];
  int64_t length = op.getLength();
  if (failed(expectEqual(op, "an input of rank", x.rank(), 2)) ||
      failed(expectEqual(op, "rows of rank", rows.rank(), 2)) ||
      failed(expectEqual(op, "rows of width", rows.width(), x.width())))
    return failure();
  if (x.shape[0] % length)
    return op.emitOpError("has ")
           << x.shape[0] << " rows, no multiple of its length " << length;
  int64_t batch = x.shape[0] / length, added = rows.shape[0];
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()),
                                {batch * (length + added), x.width()});
  if (!y)
    return failure();
  for (int64_t t = 0; t < y->shape[0]; ++t) {
    int64_t b = t / (length + added), i = t % (length + added);
    const double *from =
        i < added ? rows.row(i) : x.row(b * length + i - added);
    std::copy_n(from, x.width(), y->row(t));
  }
  return success();
}
