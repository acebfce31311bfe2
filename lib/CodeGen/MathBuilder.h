//===- MathBuilder.h - arithmetic of one floating type --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_MATHBUILDER_H
#define TRANSFORMER_LIB_CODEGEN_MATHBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLExtras.h"

namespace mlir::transformer {

/// What expansions of functions are written in: scalars or vectors of `floats`,
/// and of `integers` of the same width.
class MathBuilder : public ImplicitLocOpBuilder {
protected:
  MathBuilder(Operation *op, bool hasFma)
      : ImplicitLocOpBuilder(op->getLoc(), op), hasFma(hasFma) {}

  static Type withElement(Type type, Type element) {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(element);
    return element;
  }
  Value constant(Type type, Attribute value) {
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, value);
    return arith::ConstantOp::create(*this, cast<TypedAttr>(value));
  }
  Value real(double value) {
    return constant(floats, getFloatAttr(getElementTypeOrSelf(floats), value));
  }
  Value integer(int64_t value) {
    return constant(integers,
                    getIntegerAttr(getElementTypeOrSelf(integers), value));
  }
  Value add(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
  Value fma(Value a, Value b, Value c) {
    if (hasFma)
      return math::FmaOp::create(*this, a, b, c);
    return add(mul(a, b), c);
  }
  Value bitsOf(Value v) { return arith::BitcastOp::create(*this, integers, v); }
  Value realOf(Value v) { return arith::BitcastOp::create(*this, floats, v); }
  Value pick(arith::CmpFPredicate predicate, Value a, Value b, Value yes,
             Value no) {
    Value is = arith::CmpFOp::create(*this, predicate, a, b);
    return arith::SelectOp::create(*this, is, yes, no);
  }
  /// Coefficients from the constant on.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = real(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, real(coefficient));
    return sum;
  }

  Type floats, integers;

private:
  bool hasFma;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_MATHBUILDER_H
