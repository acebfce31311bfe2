//===- CloneBody.cpp - scalar bodies on registers -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What depends on the row only (a mean, a table index) stays scalar and is
// widened where it meets a register.
//===----------------------------------------------------------------------===//
#include "Emitter.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mlir::transformer;

/// A load of whole rows from a table: its last index is the column itself.
static bool isRowLoad(memref::LoadOp load) {
  if (load.getIndices().empty())
    return false;
  auto column = load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  return column && column.getDim() == 1 &&
         load.getMemRefType().isLastDimUnitStride();
}

bool transformer::canCloneBody(Block &body, ArrayRef<bool> byColumn,
                               std::string &why) {
  SmallPtrSet<Value, 16> registers;
  for (auto [argument, depends] : llvm::zip(body.getArguments(), byColumn))
    if (depends)
      registers.insert(argument);
  auto isRegister = [&](Value value) { return registers.contains(value); };
  for (Operation &op : body.without_terminator()) {
    auto quoted = "'" + op.getName().getStringRef().str() + "' in its body ";
    if (auto position = dyn_cast<linalg::IndexOp>(op)) {
      if (position.getDim() == 1)
        registers.insert(position);
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      bool row = isRowLoad(load);
      ValueRange fixed = load.getIndices();
      if (llvm::any_of(row ? fixed.drop_back() : fixed, isRegister)) {
        why = quoted + "gathers single elements";
        return false;
      }
      if (row)
        registers.insert(load);
      continue;
    }
    bool scalars = llvm::all_of(op.getResultTypes(), [](Type type) {
      return type.isIntOrIndexOrFloat();
    });
    if (!isa<arith::ConstantOp>(op) &&
        (!OpTrait::hasElementwiseMappableTraits(&op) || !scalars)) {
      why = quoted + "is not elementwise";
      return false;
    }
    if (llvm::any_of(op.getOperands(), isRegister))
      registers.insert_range(op.getResults());
  }
  return true;
}

void transformer::cloneRowPart(Emitter &e, Block &body, Value row,
                               IRMapping &known) {
  for (Operation &op : body.without_terminator()) {
    if (auto position = dyn_cast<linalg::IndexOp>(op)) {
      if (position.getDim() == 0)
        known.map(position.getResult(), row);
      continue;
    }
    bool isFixed = llvm::all_of(op.getOperands(), [&](Value operand) {
      return known.contains(operand) || operand.getParentBlock() != &body;
    });
    if (isFixed)
      e.clone(op, known);
  }
}

SmallVector<Value> transformer::cloneBody(Emitter &e, Block &body,
                                          ArrayRef<Value> values,
                                          const Place &place,
                                          const IRMapping &known) {
  IRMapping map = known;
  for (auto [argument, value] : llvm::zip(body.getArguments(), values))
    if (value)
      map.map(argument, value);
  auto isRegister = [&](Value value) {
    return isa<VectorType>(map.lookupOrDefault(value).getType());
  };
  auto asRegister = [&](Value value) -> Value {
    Value mapped = map.lookupOrDefault(value);
    return isa<VectorType>(mapped.getType()) ? mapped : e.broadcast(mapped);
  };
  for (Operation &op : body.without_terminator()) {
    if (llvm::all_of(op.getResults(),
                     [&](Value result) { return map.contains(result); }))
      continue;
    if (auto position = dyn_cast<linalg::IndexOp>(op)) {
      bool isColumn = position.getDim() == 1;
      Value value = isColumn ? place.column : place.row;
      if (isColumn)
        value = e.add(e.broadcast(value),
                      vector::StepOp::create(e, e.vectorOf(e.getIndexType())));
      map.map(position.getResult(), value);
      continue;
    }
    auto load = dyn_cast<memref::LoadOp>(op);
    if (load && place.column && isRowLoad(load)) {
      SmallVector<Value> indices;
      for (Value index : load.getIndices().drop_back())
        indices.push_back(map.lookupOrDefault(index));
      indices.push_back(place.column);
      map.map(load.getResult(), e.load(load.getMemRef(), indices, place.mask));
      continue;
    }
    if (llvm::none_of(op.getOperands(), isRegister)) {
      e.clone(op, map);
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(asRegister(operand));
    SmallVector<Type> types;
    for (Type type : op.getResultTypes())
      types.push_back(e.vectorOf(type));
    OperationState state(op.getLoc(), op.getName(), operands, types);
    state.attributes = op.getDiscardableAttrDictionary().getValue();
    state.propertiesAttr = op.getPropertiesAsAttribute();
    map.map(op.getResults(), e.OpBuilder::create(state)->getResults());
  }
  SmallVector<Value> results;
  for (Value operand : body.getTerminator()->getOperands())
    results.push_back(place.column ? asRegister(operand)
                                   : map.lookupOrDefault(operand));
  return results;
}
