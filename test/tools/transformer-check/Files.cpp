//===- Files.cpp - arguments and results in safetensors files -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Check.h"

#include "transformer/Support/Safetensors.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::check;

static std::string nameOf(func::FuncOp function, unsigned index,
                          bool isResult) {
  auto name =
      isResult
          ? function.getResultAttrOfType<StringAttr>(index,
                                                     "transformer.output")
          : function.getArgAttrOfType<StringAttr>(index, "transformer.input");
  if (name)
    return name.str();
  return (isResult ? "result" : "argument") + std::to_string(index);
}

static Type elementType(DataType type, MLIRContext *context) {
  Builder builder(context);
  switch (type) {
  case DataType::F64:
    return builder.getF64Type();
  case DataType::F32:
    return builder.getF32Type();
  case DataType::F16:
    return builder.getF16Type();
  case DataType::BF16:
    return builder.getBF16Type();
  case DataType::Bool:
    return builder.getI1Type();
  default:
    return builder.getIntegerType(8 * bytesPerElement(type));
  }
}

FailureOr<Tensors> check::readInputs(func::FuncOp function, StringRef path) {
  llvm::Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return function.emitError(toString(file.takeError()));
  Tensors inputs;
  for (BlockArgument argument : function.getArguments()) {
    std::string name = nameOf(function, argument.getArgNumber(), false);
    const TensorInfo *info = file->find(name);
    if (!info)
      return function.emitError() << path << " has no tensor '" << name << "'";
    FailureOr<TensorValue> tensor = tensorFromBytes(
        elementType(info->type, function.getContext()), info->shape,
        file->data(*info), [&] { return function.emitError(); });
    if (failed(tensor))
      return failure();
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

LogicalResult check::writeOutputs(func::FuncOp function, const Tensors &outputs,
                                  StringRef path) {
  SafetensorsWriter writer;
  for (auto [i, tensor] : llvm::enumerate(outputs))
    writer.add(nameOf(function, i, true), DataType::F64, tensor.shape,
               ArrayRef(reinterpret_cast<const char *>(tensor.data.data()),
                        tensor.data.size() * sizeof(double)));
  if (llvm::Error error = writer.write(path))
    return function.emitError(toString(std::move(error)));
  return success();
}
