//===- FormMasks.cpp - masks as arguments of kernels ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels read the numbers that a mask is made of: nothing is computed before.
//===----------------------------------------------------------------------===//
#include "LaunchFormer.h"
#include "transformer/IR/Masks.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

static std::optional<DeviceBuffer::Rows> rowsOf(Value mask, Operation *user) {
  auto attention = dyn_cast<AttentionOp>(user);
  auto pool = dyn_cast<PoolOp>(user);
  if (!(attention && attention.getMask() == mask) &&
      !(pool && pool.getMask() == mask))
    return std::nullopt;
  auto type = cast<RankedTensorType>(mask.getType());
  return type.getRank() == 2 ? DeviceBuffer::Tokens
         : type.getRank() == 4 && type.getDimSize(0) != 1
             ? DeviceBuffer::Sequences
             : DeviceBuffer::Fixed;
}

std::optional<DeviceBuffer::Rows>
mlir::transformer::gpu::maskRows(BlockArgument argument) {
  for (Operation *user : argument.getUsers()) {
    if (auto rows = rowsOf(argument, user))
      return rows;
    auto compare = dyn_cast<arith::CmpIOp>(user);
    if (compare && maskSource(compare.getResult()) == argument)
      for (Operation *next : compare->getUsers())
        if (auto rows = rowsOf(compare.getResult(), next))
          return rows;
  }
  return std::nullopt;
}

LogicalResult LaunchFormer::checkMasks() {
  for (Operation &op : forward.getBody().front()) {
    auto attention = dyn_cast<AttentionOp>(op);
    auto pool = dyn_cast<PoolOp>(op);
    Value mask = attention ? attention.getMask()
                 : pool    ? pool.getMask()
                           : Value();
    if (!mask)
      continue;
    Value source = maskSource(mask);
    Type type = elementOf(source);
    Operation *maker = source.getDefiningOp();
    bool isWeight = isa_and_present<ml_program::GlobalLoadConstOp>(maker);
    bool isFloat = isa<FloatType>(type);
    bool isRead = isFloat || type.isInteger(1) || type.isInteger(8) ||
                  type.isInteger(32) || type.isInteger(64);
    if (isWeight ? isFloat : !maker && isRead)
      continue;
    InFlightDiagnostic problem =
        op.emitOpError() << "has a mask, " << mask.getType() << ", that ";
    if (isWeight)
      problem << "is a weight";
    else if (maker)
      problem << maker->getName() << " computes";
    else
      problem << "is made of " << type;
    return problem << "; GPU kernels take masks that are arguments, arith.cmpi "
                      "ne of an argument of i8, i32 or i64 and 0, or weights "
                      "that are added";
  }
  return success();
}

FailureOr<Type> LaunchFormer::addMask(Value mask, Operation *op,
                                      Arguments &arguments) {
  Value source = maskSource(mask);
  if (source.getDefiningOp()) { // a weight
    FailureOr<LaunchArgument> argument = vector(source, op);
    if (failed(argument))
      return failure();
    arguments.push_back(*argument);
    return Type(b.getF32Type());
  }
  FailureOr<Place> place = find(source, op);
  if (failed(place))
    return failure();
  arguments.push_back(place->argument);
  return place->buffer.element;
}

FailureOr<std::string> LaunchFormer::formMask(AttentionOp op,
                                              Arguments &arguments) {
  Value mask = op.getMask();
  FailureOr<Type> element = addMask(mask, op, arguments);
  if (failed(element))
    return failure();
  std::string form = nameOf(*element).str();
  auto type = cast<RankedTensorType>(mask.getType());
  if (type.getRank() == 2)
    return form + " keys";
  int64_t length = type.getShape().back();
  if (ShapedType::isDynamic(length))
    return op.emitOpError()
           << "has a mask by query and key whose size its type, " << type
           << ", does not say, as GPU kernels need it; a mask [batch, keys] "
              "may have any";
  if (type.getRank() == 4 && type.getDimSize(0) != 1)
    form += " batch";
  if (type.getRank() == 3 || type.getDimSize(1) != 1)
    form += " heads";
  return form + " " + std::to_string(length);
}
