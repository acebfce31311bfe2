//===- TensorValue.h - tensors of the interpreter -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_INTERPRETER_TENSORVALUE_H
#define TRANSFORMER_INTERPRETER_TENSORVALUE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include <vector>

namespace mlir::transformer {

/// A tensor, or a scalar as a tensor of rank 0. Every element is a double,
/// which holds f32, f16, bf16, i1, i8 and i32 exactly, and wider integers up
/// to 2^53.
struct TensorValue {
  Type elementType;
  SmallVector<int64_t> shape;
  std::vector<double> data;

  int64_t rank() const { return shape.size(); }
  int64_t size() const { return data.size(); }
  /// The last dimension, and the product of the others.
  int64_t width() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const;
  double *row(int64_t index) { return data.data() + index * width(); }
  const double *row(int64_t index) const {
    return data.data() + index * width();
  }
};

/// Called for the error that a function below returns as failure.
using EmitError = llvm::function_ref<InFlightDiagnostic()>;

/// Zeros. Fails above 2^30 elements.
FailureOr<TensorValue> makeTensor(Type elementType, ArrayRef<int64_t> shape,
                                  EmitError emitError);

/// The value of a number, or of a dense or dense_resource attribute.
FailureOr<TensorValue> tensorFromAttribute(Attribute attribute,
                                           EmitError emitError);

/// The elements of a buffer in which each takes as many whole bytes as its
/// type needs, in this machine's order.
FailureOr<TensorValue> tensorFromBytes(Type elementType,
                                       ArrayRef<int64_t> shape,
                                       ArrayRef<char> bytes,
                                       EmitError emitError);

/// The inverse: each element rounded to its type.
std::vector<char> tensorToBytes(const TensorValue &tensor);

/// The nearest number of a float type, ties to even; overflow gives infinity.
double roundToType(double value, Type type);

/// As "tensor<2x3xf32> [[1, 2, 3], [4, 5, 6]]", with `digits` significant
/// digits.
void printTensor(raw_ostream &os, const TensorValue &tensor, int digits = 6);

} // namespace mlir::transformer

#endif // TRANSFORMER_INTERPRETER_TENSORVALUE_H
