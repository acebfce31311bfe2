//===- TensorValue.cpp - tensors of the interpreter -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Interpreter/TensorValue.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::transformer;

int64_t TensorValue::rows() const {
  int64_t product = 1;
  for (int64_t dim : ArrayRef(shape).drop_back(shape.empty() ? 0 : 1))
    product *= dim;
  return product;
}

FailureOr<TensorValue> transformer::makeTensor(Type elementType,
                                               ArrayRef<int64_t> shape,
                                               EmitError emitError) {
  constexpr int64_t limit = int64_t(1) << 30;
  int64_t count = 1;
  for (int64_t dim : shape) {
    if (dim < 0)
      return emitError() << "a tensor of the interpreter would have the "
                            "negative dimension "
                         << dim;
    if (__builtin_mul_overflow(count, dim, &count) || count > limit)
      return emitError() << "a tensor of the interpreter would have more than "
                         << limit << " elements";
  }
  TensorValue tensor{elementType, SmallVector<int64_t>(shape), {}};
  tensor.data.resize(count);
  return tensor;
}

double transformer::roundToType(double value, Type type) {
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType || floatType.isF64())
    return value;
  APFloat number(value);
  bool lossy;
  number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &lossy);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToDouble();
}

static unsigned bytesOf(Type type) {
  return type.isIndex() ? 8 : (type.getIntOrFloatBitWidth() + 7) / 8;
}

static double readElement(const char *bytes, Type type) {
  if (type.isF32()) {
    float value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  unsigned size = bytesOf(type);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, size);
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat number(floatType.getFloatSemantics(), APInt(size * 8, bits));
    bool lossy;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    return number.convertToDouble();
  }
  if (type.isInteger(1))
    return bits != 0;
  return static_cast<double>(APInt(size * 8, bits).getSExtValue());
}

FailureOr<TensorValue> transformer::tensorFromBytes(Type elementType,
                                                    ArrayRef<int64_t> shape,
                                                    ArrayRef<char> bytes,
                                                    EmitError emitError) {
  if (!elementType.isIntOrIndexOrFloat() || bytesOf(elementType) > 8)
    return emitError() << "elements of type " << elementType
                       << " are unknown to the interpreter";
  FailureOr<TensorValue> tensor = makeTensor(elementType, shape, emitError);
  if (failed(tensor))
    return failure();
  unsigned size = bytesOf(elementType);
  if (bytes.size() != tensor->data.size() * size)
    return emitError() << "the data of a tensor has " << bytes.size()
                       << " bytes instead of " << tensor->data.size() * size;
  for (size_t i = 0; i < tensor->data.size(); ++i)
    tensor->data[i] = readElement(bytes.data() + i * size, elementType);
  return tensor;
}

std::vector<char> transformer::tensorToBytes(const TensorValue &tensor) {
  unsigned size = bytesOf(tensor.elementType);
  std::vector<char> bytes(tensor.data.size() * size);
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    uint64_t bits;
    if (auto type = dyn_cast<FloatType>(tensor.elementType)) {
      APFloat number(tensor.data[i]);
      bool lossy;
      number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                     &lossy);
      bits = number.bitcastToAPInt().getZExtValue();
    } else {
      bits = static_cast<uint64_t>(static_cast<int64_t>(tensor.data[i]));
    }
    std::memcpy(bytes.data() + i * size, &bits, size);
  }
  return bytes;
}

static FailureOr<TensorValue> fromDense(DenseElementsAttr attribute,
                                        EmitError emitError) {
  Type type = attribute.getElementType();
  FailureOr<TensorValue> tensor =
      makeTensor(type, attribute.getType().getShape(), emitError);
  if (failed(tensor))
    return failure();
  double *out = tensor->data.data();
  if (type.isF32()) {
    for (float value : attribute.getValues<float>())
      *out++ = value;
  } else if (isa<FloatType>(type)) {
    for (APFloat value : attribute.getValues<APFloat>()) {
      bool lossy;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &lossy);
      *out++ = value.convertToDouble();
    }
  } else if (type.isIntOrIndex()) {
    for (const APInt &value : attribute.getValues<APInt>())
      *out++ = type.isInteger(1) ? value.getZExtValue()
                                 : static_cast<double>(value.getSExtValue());
  } else {
    return emitError() << "elements of type " << type
                       << " are unknown to the interpreter";
  }
  return tensor;
}

FailureOr<TensorValue> transformer::tensorFromAttribute(Attribute attribute,
                                                        EmitError emitError) {
  if (auto number = dyn_cast<IntegerAttr>(attribute)) {
    double value = number.getType().isInteger(1)
                       ? number.getValue().getZExtValue()
                       : number.getValue().getSExtValue();
    return TensorValue{number.getType(), {}, {value}};
  }
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return TensorValue{number.getType(), {}, {number.getValueAsDouble()}};
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute))
    return fromDense(dense, emitError);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError() << "the resource '" << resource.getRawHandle().getKey()
                         << "' has no data";
    return tensorFromBytes(resource.getType().getElementType(),
                           resource.getType().getShape(), blob->getData(),
                           emitError);
  }
  return emitError() << "a constant of this kind is unknown to the "
                        "interpreter: "
                     << attribute;
}

static void printNested(raw_ostream &os, const TensorValue &tensor,
                        int64_t dimension, int64_t &index, int digits) {
  if (dimension == tensor.rank()) {
    double value = tensor.data[index++];
    if (std::isnan(value))
      os << "nan"; // never "-nan": its sign has no meaning
    else
      os << llvm::format("%.*g", digits, value == 0 ? 0.0 : value);
    return;
  }
  os << '[';
  for (int64_t i = 0; i < tensor.shape[dimension]; ++i) {
    if (i)
      os << ", ";
    printNested(os, tensor, dimension + 1, index, digits);
  }
  os << ']';
}

void transformer::printTensor(raw_ostream &os, const TensorValue &tensor,
                              int digits) {
  if (tensor.shape.empty())
    os << tensor.elementType;
  else
    os << RankedTensorType::get(tensor.shape, tensor.elementType);
  os << ' ';
  int64_t index = 0;
  // An empty dimension in the middle would print only brackets.
  if (tensor.data.empty())
    os << "[]";
  else
    printNested(os, tensor, 0, index, digits);
}
