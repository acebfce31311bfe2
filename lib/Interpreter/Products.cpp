//===- Products.cpp - linear, by definition -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluate.h"

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
