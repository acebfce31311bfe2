//===- Rows.cpp - ops that treat each row by itself -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::interp;

double interp::activate(Activation activation, double x) {
  switch (activation) {
  case Activation::none:
    return x;
  case Activation::gelu:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::gelu_tanh:
    return x / 2 *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::relu:
    return x < 0 ? 0 : x; // NaN stays
  case Activation::silu:
    return x / (1 + std::exp(-x));
  case Activation::tanh:
    return std::tanh(x);
  }
  llvm_unreachable("all activations are above");
}

template <typename OpTy>
static LogicalResult elementwise(OpTy op, Frame &frame, Activation activation) {
  const TensorValue &x = frame[op.getInput()];
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), x.shape);
  if (!y)
    return failure();
  for (int64_t i = 0; i < x.size(); ++i)
    y->data[i] = activate(activation, x.data[i]);
  return success();
}

LogicalResult interp::evaluate(GeluOp op, Frame &frame) {
  return elementwise(op, frame, Activation::gelu);
}
LogicalResult interp::evaluate(GeluTanhOp op, Frame &frame) {
  return elementwise(op, frame, Activation::gelu_tanh);
}
LogicalResult interp::evaluate(ReluOp op, Frame &frame) {
  return elementwise(op, frame, Activation::relu);
}
LogicalResult interp::evaluate(SiluOp op, Frame &frame) {
  return elementwise(op, frame, Activation::silu);
}
LogicalResult interp::evaluate(TanhOp op, Frame &frame) {
  return elementwise(op, frame, Activation::tanh);
}

/// For the ops that norm each row of `input + residual`: checks the operands
/// and gives the sum as the result, for the caller to work on in place.
static TensorValue *normInput(Operation *op, Frame &frame, Value input,
                              Value weight, Value bias, Value residual) {
  const TensorValue &x = frame[input];
  const TensorValue *r = frame.find(residual);
  for (Value vector : {weight, bias})
    if (vector &&
        failed(expectShape(op, "a weight or bias", frame[vector], {x.width()})))
      return nullptr;
  if (r && failed(expectShape(op, "a residual", *r, x.shape)))
    return nullptr;
  TensorValue *y = frame.define(op->getOpResult(0), x.shape);
  for (int64_t i = 0; y && i < x.size(); ++i)
    y->data[i] = x.data[i] + (r ? r->data[i] : 0);
  return y;
}

LogicalResult interp::evaluate(LayerNormOp op, Frame &frame) {
  TensorValue *y = normInput(op, frame, op.getInput(), op.getWeight(),
                             op.getBias(), op.getResidual());
  if (!y)
    return failure();
  const TensorValue &weight = frame[op.getWeight()];
  const TensorValue *bias = frame.find(op.getBias());
  int64_t width = y->width();
  for (int64_t t = 0; t < y->rows(); ++t) {
    double *row = y->row(t), mean = 0, variance = 0;
    for (int64_t c = 0; c < width; ++c)
      mean += row[c];
    mean /= double(width);
    for (int64_t c = 0; c < width; ++c)
      variance += (row[c] - mean) * (row[c] - mean);
    variance /= double(width);
    double deviation = std::sqrt(variance + op.getEpsilon().convertToFloat());
    for (int64_t c = 0; c < width; ++c)
      row[c] = (row[c] - mean) / deviation * weight.data[c] +
               (bias ? bias->data[c] : 0);
  }
  return success();
}

LogicalResult interp::evaluate(RmsNormOp op, Frame &frame) {
  TensorValue *y =
      normInput(op, frame, op.getInput(), op.getWeight(), {}, op.getResidual());
  if (!y)
    return failure();
  const TensorValue &weight = frame[op.getWeight()];
  int64_t width = y->width();
  for (int64_t t = 0; t < y->rows(); ++t) {
    double *row = y->row(t), squares = 0;
    for (int64_t c = 0; c < width; ++c)
      squares += row[c] * row[c];
    double root =
        std::sqrt(squares / double(width) + op.getEpsilon().convertToFloat());
    for (int64_t c = 0; c < width; ++c)
      row[c] = row[c] / root * weight.data[c];
  }
  return success();
}

LogicalResult interp::evaluate(L2NormalizeOp op, Frame &frame) {
  TensorValue *y = normInput(op, frame, op.getInput(), {}, {}, {});
  if (!y)
    return failure();
  double epsilon = op.getEpsilon().convertToFloat();
  for (int64_t t = 0; t < y->rows(); ++t) {
    double *row = y->row(t), squares = 0;
    for (int64_t c = 0; c < y->width(); ++c)
      squares += row[c] * row[c];
    double norm = std::sqrt(squares);
    if (norm < epsilon) // a NaN norm stays, as in torch.clamp_min
      norm = epsilon;
    // Epsilon may be 0.
    for (int64_t c = 0; c < y->width(); ++c)
      row[c] = norm == 0 ? 0 : row[c] / norm;
  }
  return success();
}

float interp::roundToI8(ArrayRef<float> row, double *out) {
  float largest = 0;
  bool finite = true;
  for (float value : row) {
    finite &= std::isfinite(value);
    largest = std::max(largest, std::fabs(value));
  }
  std::fill_n(out, row.size(), 0.0);
  if (!finite)
    return std::numeric_limits<float>::quiet_NaN();
  if (largest < 0x1p-100f)
    return 1;
  float factor = 127.0f / largest;
  for (size_t c = 0; c < row.size(); ++c)
    out[c] = std::nearbyint(row[c] * factor);
  return largest / 127.0f;
}

LogicalResult interp::evaluate(QuantizeOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  const TensorValue *multiplier = frame.find(op.getMultiplier());
  const TensorValue *given = frame.find(op.getScale());
  if (multiplier &&
      failed(expectShape(op, "a multiplier", *multiplier, {x.width()})))
    return failure();
  TensorValue *q = frame.define(cast<OpResult>(op.getResult()), x.shape);
  TensorValue *scales = frame.define(cast<OpResult>(op.getScales()),
                                     ArrayRef(x.shape).drop_back());
  if (!q || !scales)
    return failure();
  // All of this is f32 by definition: the integers depend on it.
  std::vector<float> z(x.width());
  for (int64_t t = 0; t < x.rows(); ++t) {
    for (int64_t c = 0; c < x.width(); ++c) {
      z[c] = static_cast<float>(x.row(t)[c]);
      if (multiplier)
        z[c] *= static_cast<float>(multiplier->data[c]);
    }
    float own = roundToI8(z, q->row(t));
    scales->data[t] = own;
    if (given && !std::isnan(own)) {
      float scale = static_cast<float>(given->data[0]);
      scales->data[t] = scale;
      for (int64_t c = 0; c < x.width(); ++c) {
        float rounded = std::nearbyint(z[c] / scale);
        q->row(t)[c] = std::isnan(rounded)
                           ? 0
                           : std::min(127.0f, std::max(-127.0f, rounded));
      }
    }
  }
  return success();
}

LogicalResult interp::evaluate(DequantizeOp op, Frame &frame) {
  const TensorValue &q = frame[op.getInput()], &scales = frame[op.getScales()];
  if (failed(expectShape(op, "scales", scales, ArrayRef(q.shape).drop_back())))
    return failure();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), q.shape);
  if (!y)
    return failure();
  for (int64_t t = 0; t < q.rows(); ++t)
    for (int64_t c = 0; c < q.width(); ++c)
      y->row(t)[c] = q.row(t)[c] * scales.data[t];
  return success();
}

LogicalResult interp::evaluate(UnpackI4Op op, Frame &frame) {
  const TensorValue &packed = frame[op.getPacked()];
  const TensorValue &multipliers = frame[op.getMultipliers()];
  TensorValue *w =
      frame.define(cast<OpResult>(op.getResult()),
                   cast<RankedTensorType>(op.getType()).getShape());
  if (!w)
    return failure();
  int64_t columns = w->width();
  if (failed(expectShape(op, "packed numbers", packed,
                         {w->shape[0], UnpackI4Op::packedWidth(columns)})) ||
      failed(expectShape(op, "multipliers", multipliers,
                         {w->shape[0], UnpackI4Op::numGroups(columns)})))
    return failure();
  for (int64_t n = 0; n < w->shape[0]; ++n)
    for (int64_t k = 0; k < columns; ++k) {
      auto byte = uint8_t(int8_t(packed.row(n)[k / 8 * 4 + k % 4]));
      int nibble = k % 8 < 4 ? byte & 15 : byte >> 4;
      nibble = nibble < 8 ? nibble : nibble - 16;
      int group = int(multipliers.row(n)[k / UnpackI4Op::kGroup]);
      w->row(n)[k] = int8_t(nibble * group);
    }
  return success();
}

LogicalResult interp::evaluate(EmbeddingOp op, Frame &frame) {
  const TensorValue &ids = frame[op.getIds()], &table = frame[op.getTable()];
  const TensorValue *scales = frame.find(op.getScales());
  if (failed(expectEqual(op, "a table of rank", table.rank(), 2)) ||
      (scales && scales->size() != 1 &&
       failed(expectShape(op, "scales", *scales, {table.shape[0]}))))
    return failure();
  SmallVector<int64_t> shape(ids.shape);
  shape.push_back(table.width());
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  for (int64_t t = 0; t < ids.size(); ++t) {
    int64_t id = static_cast<int64_t>(ids.data[t]);
    if (id < 0 || id >= table.shape[0])
      return op.emitOpError("has the id ")
             << id << " outside of its table of " << table.shape[0] << " rows";
    for (int64_t c = 0; c < table.width(); ++c)
      y->row(t)[c] = table.row(id)[c] *
                     (scales ? scales->data[scales->size() == 1 ? 0 : id] : 1);
  }
  return success();
}

LogicalResult interp::evaluate(SelectOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()],
                    &indices = frame[op.getIndices()];
  SmallVector<int64_t> shape(x.shape);
  shape.back() = indices.size();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), shape);
  if (!y)
    return failure();
  for (int64_t c = 0; c < indices.size(); ++c) {
    int64_t index = static_cast<int64_t>(indices.data[c]);
    if (index < 0 || index >= x.width())
      return op.emitOpError("has the index ")
             << index << " for rows of " << x.width() << " columns";
    for (int64_t t = 0; t < x.rows(); ++t)
      y->row(t)[c] = x.row(t)[index];
  }
  return success();
}

LogicalResult interp::evaluate(RopeOp op, Frame &frame) {
  const TensorValue &x = frame[op.getInput()];
  const TensorValue &positions = frame[op.getPositions()];
  int64_t heads = op.getNumHeads();
  if (x.width() % heads)
    return op.emitOpError("has heads that do not divide its width");
  int64_t dim = x.width() / heads;
  int64_t turning = op.getRotaryDim().value_or(dim);
  if (turning % 2 || turning < 0 || turning > dim)
    return op.emitOpError("cannot turn ") << turning << " channels of " << dim;
  if (failed(expectShape(op, "positions", positions,
                         ArrayRef(x.shape).drop_back())))
    return failure();
  TensorValue *y = frame.define(cast<OpResult>(op.getResult()), x.shape);
  if (!y)
    return failure();
  y->data = x.data;
  double theta = op.getTheta().convertToFloat();
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < turning / 2; ++i) {
        double angle = positions.data[t] *
                       std::pow(theta, -2.0 * double(i) / double(turning));
        int64_t first = h * dim + (op.getInterleaved() ? 2 * i : i);
        int64_t second = first + (op.getInterleaved() ? 1 : turning / 2);
        double a = x.row(t)[first], b = x.row(t)[second];
        y->row(t)[first] = a * std::cos(angle) - b * std::sin(angle);
        y->row(t)[second] = a * std::sin(angle) + b * std::cos(angle);
      }
  return success();
}
