//===- GroupRows.cpp - which generics are emitted together ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generics on the same rows that follow each other (the three of a layer norm)
// become one loop over rows, so that a row stays in the nearest cache.
//===----------------------------------------------------------------------===//
#include "Emitter.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
enum class Form { None, Rows, Columns };
} // namespace

/// Whether each result of a reduction is `combine(init, something)`.
static bool hasCombiners(linalg::GenericOp op) {
  Block &body = op.getRegion().front();
  for (auto [result, init] : llvm::zip(body.getTerminator()->getOperands(),
                                       op.getRegionOutputArgs())) {
    Operation *combiner = result.getDefiningOp();
    if (!combiner || combiner->getNumOperands() != 2 ||
        combiner->getNumResults() != 1 || !init.hasOneUse() ||
        !llvm::is_contained(combiner->getOperands(), init) ||
        !arith::getNeutralElement(combiner))
      return false;
  }
  return true;
}

static Form classify(linalg::GenericOp op, std::string &why) {
  if (op.getNumLoops() > 2 || op.getNumLoops() == 0) {
    why = "it has " + std::to_string(op.getNumLoops()) +
          " loops; one and two are supported";
    return Form::None;
  }
  if (!op.hasPureBufferSemantics()) {
    why = "it is not bufferized";
    return Form::None;
  }
  for (OpOperand &operand : op->getOpOperands())
    if (!isRowMap(op.getMatchingIndexingMap(&operand),
                  operand.get().getType())) {
      why = "operand " + std::to_string(operand.getOperandNumber()) +
            " is not a buffer of contiguous columns indexed by (row, column)";
      return Form::None;
    }
  SmallVector<bool> byColumn;
  for (OpOperand &operand : op->getOpOperands())
    byColumn.push_back(op.isDpsInit(&operand) ||
                       op.getMatchingIndexingMap(&operand).isFunctionOfDim(1));
  if (!canCloneBody(op.getRegion().front(), byColumn, why))
    return Form::None;
  auto kinds = op.getIteratorTypesArray();
  bool rowsReduce = kinds[0] == utils::IteratorType::reduction;
  if (kinds.size() == 1) {
    if (rowsReduce)
      why = "it reduces a single loop";
    return rowsReduce ? Form::None : Form::Rows;
  }
  if (ShapedType::isDynamic(columnCount(op))) {
    why = "its number of columns is dynamic";
    return Form::None;
  }
  bool columnsReduce = kinds[1] == utils::IteratorType::reduction;
  if (rowsReduce && columnsReduce) {
    why = "it reduces both loops";
    return Form::None;
  }
  // A parallel op's results, and only those, have one value per iteration.
  for (Value init : op.getDpsInits()) {
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(
        llvm::find(op.getDpsInits(), init) - op.getDpsInits().begin()));
    if (map.isFunctionOfDim(0) == rowsReduce ||
        map.isFunctionOfDim(1) == columnsReduce) {
      why = "a result is indexed by a reduced loop or not by a parallel one";
      return Form::None;
    }
  }
  if (columnsReduce && !hasCombiners(op)) {
    why = "its reduction is no known combination of init and a value";
    return Form::None;
  }
  return rowsReduce ? Form::Columns : Form::Rows;
}

static Value rootOf(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer;
}

/// Whether the body of one op loads from a buffer that the other writes.
static bool readsTableOf(linalg::GenericOp reader, linalg::GenericOp writer) {
  for (auto load : reader.getRegion().getOps<memref::LoadOp>())
    for (Value init : writer.getDpsInits())
      if (rootOf(load.getMemRef()) == rootOf(init))
        return true;
  return false;
}

/// Whether iteration `row` of one op depends on another row of the other: they
/// share a buffer that is written, other than row by row.
static bool crossesRows(linalg::GenericOp a, linalg::GenericOp b) {
  if (readsTableOf(a, b) || readsTableOf(b, a))
    return true;
  for (OpOperand &x : a->getOpOperands())
    for (OpOperand &y : b->getOpOperands()) {
      if (!a.isDpsInit(&x) && !b.isDpsInit(&y))
        continue;
      if (!isa<MemRefType>(x.get().getType()) ||
          !isa<MemRefType>(y.get().getType()))
        continue;
      if (x.get() != y.get()) {
        if (rootOf(x.get()) == rootOf(y.get()))
          return true;
        continue;
      }
      AffineMap mapX = a.getMatchingIndexingMap(&x);
      AffineMap mapY = b.getMatchingIndexingMap(&y);
      auto byRow = [](AffineMap map) {
        return map.getNumResults() && isa<AffineDimExpr>(map.getResult(0)) &&
               cast<AffineDimExpr>(map.getResult(0)).getPosition() == 0;
      };
      if (!byRow(mapX) || !byRow(mapY))
        return true;
    }
  return false;
}

static std::optional<ValueBoundsConstraintSet::Variable>
rowsOf(linalg::GenericOp op) {
  for (OpOperand &operand : op->getOpOperands())
    for (auto [i, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (dim.getPosition() == 0)
          return ValueBoundsConstraintSet::Variable(operand.get(), i);
  return std::nullopt;
}

static bool sameRows(linalg::GenericOp a, linalg::GenericOp b) {
  auto rowsA = rowsOf(a), rowsB = rowsOf(b);
  if (!rowsA || !rowsB)
    return false;
  FailureOr<bool> equal = ValueBoundsConstraintSet::areEqual(*rowsA, *rowsB);
  return succeeded(equal) && *equal;
}

int64_t transformer::emitGenerics(Block &block, const Target &target) {
  SmallVector<SmallVector<linalg::GenericOp>> groups;
  SmallVector<linalg::GenericOp> columns;
  bool open = false;
  for (Operation &op : block) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      // What touches no memory may stand between the ops of a group.
      if (!isMemoryEffectFree(&op) && !isa<memref::AllocOp>(op))
        open = false;
      continue;
    }
    std::string why;
    Form form = classify(generic, why);
    if (form == Form::None)
      missed(generic, kEmitKernels, "scalar", "left to scalar loops: " + why);
    if (form == Form::Columns)
      columns.push_back(generic);
    if (form != Form::Rows) {
      open = false;
      continue;
    }
    bool joins = open && sameRows(groups.back().front(), generic) &&
                 llvm::none_of(groups.back(), [&](linalg::GenericOp other) {
                   return crossesRows(other, generic);
                 });
    if (!joins)
      groups.emplace_back();
    groups.back().push_back(generic);
    open = true;
  }
  int64_t count = columns.size();
  for (ArrayRef<linalg::GenericOp> group : groups) {
    count += group.size();
    emitRows(group, target);
  }
  for (linalg::GenericOp op : columns)
    emitColumns(op, target);
  return count;
}
