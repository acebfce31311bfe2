//===- TransformerDialect.cpp - dialect registration ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::transformer;

#include "transformer/IR/TransformerDialect.cpp.inc"
#include "transformer/IR/TransformerEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "transformer/IR/TransformerAttrs.cpp.inc"

namespace mlir::transformer {
void addBytecodeInterface(TransformerDialect &dialect);
} // namespace mlir::transformer

void TransformerDialect::initialize() {
  addBytecodeInterface(*this);
  addAttributes<
#define GET_ATTRDEF_LIST
#include "transformer/IR/TransformerAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "transformer/IR/TransformerOps.cpp.inc"
      >();
}

Operation *TransformerDialect::materializeConstant(OpBuilder &builder,
                                                   Attribute value, Type type,
                                                   Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
