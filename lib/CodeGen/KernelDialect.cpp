//===- KernelDialect.cpp - the transformer_kernel dialect -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/KernelDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::transformer::kernel;

#include "transformer/CodeGen/KernelDialect.cpp.inc"
#define GET_OP_CLASSES
#include "transformer/CodeGen/KernelOps.cpp.inc"

void TransformerKernelDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "transformer/CodeGen/KernelOps.cpp.inc"
      >();
}

// On memrefs an init is written and every other buffer is read; on tensors the
// ops have no effect.
template <typename OpT>
static void getTileOpEffects(
    OpT op, SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
                &effects) {
  auto dps = cast<DestinationStyleOpInterface>(op.getOperation());
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (dps.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand,
                           SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand,
                           SideEffects::DefaultResource::get());
  }
}

void ContractOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getTileOpEffects(*this, effects);
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getTileOpEffects(*this, effects);
}

LogicalResult ContractOp::verify() {
  if (getMaps().size() != getExtras().size())
    return emitOpError("has ") << getExtras().size() << " extra operands, but "
                               << getMaps().size() << " maps";
  if (getMultipliers())
    for (Value v : {getLhs(), getWeight(), getMultipliers()})
      if (!getElementTypeOrSelf(v).isInteger(8))
        return emitOpError("unpacks weights of ")
               << v.getType() << "; all of these operands are i8";
  if (getEpilogue().getNumArguments() != getExtras().size() + 1)
    return emitOpError("epilogue takes ")
           << getEpilogue().getNumArguments() << " values, but the sum and "
           << getExtras().size() << " extra operands are given";
  return success();
}

LogicalResult AttentionOp::verify() {
  int64_t width = cast<ShapedType>(getQuery().getType()).getDimSize(1);
  if (width != cast<ShapedType>(getKey().getType()).getDimSize(1))
    return emitOpError("query and key differ in width");
  return success();
}

void FftMixOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getTileOpEffects(*this, effects);
}

LogicalResult FftMixOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  auto init = cast<ShapedType>(getInit().getType());
  if (input.getRank() != 2 || init.getRank() != 2 || input.isDynamicDim(1) ||
      input.getDimSize(1) != init.getDimSize(1))
    return emitOpError("takes [n, hidden] arrays of the same static width");
  return success();
}
