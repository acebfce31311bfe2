//===- FormRegions.cpp - ops between chains into functions ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// After the chains, every op of @forward that still makes a tensor (attention,
// pooling, positions...) becomes a private function (operands, destinations) ->
// results. Then @forward is a list of calls and nothing else: equal layers
// share their attention, and a call is the unit of what may be skipped.
//===----------------------------------------------------------------------===//
#include "Origins.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFORMREGIONS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

bool makesTensor(Operation &op) {
  if (isa<ml_program::GlobalLoadConstOp, tensor::EmptyOp, func::CallOp>(op) ||
      op.hasTrait<OpTrait::ConstantLike>() || op.getNumResults() == 0)
    return false;
  return llvm::all_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>);
}

/// A constant or an uninitialized tensor of known size, which a function makes
/// itself.
bool isLocal(Operation *op) {
  return op && !isa<ml_program::GlobalLoadConstOp>(op) &&
         op->getNumOperands() == 0 &&
         (op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp>(op));
}

/// Some columns of all rows: a function that reads them takes the whole and
/// cuts them out itself, which is a view.
tensor::ExtractSliceOp columnsOf(Value v) {
  auto slice = v.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getSourceType().getRank() != 2 ||
      slice.getType().getRank() != 2 ||
      !slice.getSourceType().isDynamicDim(0) || slice.isDynamicOffset(0) ||
      slice.isDynamicOffset(1) || slice.getStaticOffset(0) != 0 ||
      slice.isDynamicSize(1) || !slice.hasUnitStride())
    return {};
  auto rows = dyn_cast<Value>(slice.getMixedSizes()[0]);
  auto dim = rows ? rows.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
  if (!dim || dim.getConstantIndex() != 0)
    return {};
  if (dim.getSource() == slice.getSource())
    return slice;
  // The results of a chain have as many rows as its activations.
  auto call = slice.getSource().getDefiningOp<func::CallOp>();
  if (!call || !llvm::is_contained(call.getOperands(), dim.getSource()))
    return {};
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  return callee && callee->hasAttr("transformer.chain")
             ? slice
             : tensor::ExtractSliceOp();
}

/// The number of rows of a result whose first dimension is dynamic.
Value rowCount(OpBuilder &b, Operation *op) {
  Location loc = op->getLoc();
  auto dim = [&](Value v) -> Value {
    auto columns = columnsOf(v);
    return tensor::DimOp::create(b, loc, columns ? columns.getSource() : v, 0);
  };
  auto times = [&](Value v, int64_t n) -> Value {
    return arith::MulIOp::create(b, loc, v,
                                 arith::ConstantIndexOp::create(b, loc, n));
  };
  auto sequences = [&](Value offsets) -> Value {
    return arith::SubIOp::create(b, loc, dim(offsets),
                                 arith::ConstantIndexOp::create(b, loc, 1));
  };
  if (auto pool = dyn_cast<PoolOp>(op))
    return pool.getOffsets() ? sequences(pool.getOffsets())
                             : dim(pool.getInput());
  if (auto unpool = dyn_cast<UnpoolOp>(op))
    return unpool.getOffsets() ? unpool.getLength() : dim(unpool.getInput());
  if (auto positions = dyn_cast<PositionsOp>(op))
    return positions.getTokens();
  if (auto patches = dyn_cast<PatchesOp>(op)) {
    auto type = cast<RankedTensorType>(patches.getInput().getType());
    int64_t size = patches.getSize();
    return times(dim(patches.getInput()),
                 type.getDimSize(2) / size * (type.getDimSize(3) / size));
  }
  if (auto prepend = dyn_cast<PrependOp>(op)) {
    int64_t length = prepend.getLength();
    int64_t rows =
        cast<RankedTensorType>(prepend.getRows().getType()).getDimSize(0);
    Value batch =
        arith::DivUIOp::create(b, loc, dim(prepend.getInput()),
                               arith::ConstantIndexOp::create(b, loc, length));
    return times(batch, length + rows);
  }
  for (Value v : op->getOperands())
    if (auto type = dyn_cast<RankedTensorType>(v.getType()))
      if (type.getRank() && type.isDynamicDim(0))
        return dim(v);
  return {};
}

/// The dynamic sizes of each result, or failure if an inner one is dynamic.
FailureOr<SmallVector<SmallVector<Value>>> dynamicSizes(OpBuilder &b,
                                                        Operation *op) {
  SmallVector<SmallVector<Value>> sizes;
  ReifiedRankedShapedTypeDims reified;
  bool isReified = false;
  for (Type t : op->getResultTypes()) {
    auto type = cast<RankedTensorType>(t);
    SmallVector<Value> &own = sizes.emplace_back();
    if (type.hasStaticShape())
      continue;
    if (type.getNumDynamicDims() == 1 && type.isDynamicDim(0)) {
      Value rows = rowCount(b, op);
      if (!rows)
        return failure();
      own.push_back(rows);
      continue;
    }
    if (!isReified && failed(reifyResultShapes(b, op, reified)))
      return failure();
    isReified = true;
    for (auto [i, size] : llvm::enumerate(reified[sizes.size() - 1]))
      if (type.isDynamicDim(i))
        own.push_back(getValueOrCreateConstantIndexOp(b, op->getLoc(), size));
  }
  return sizes;
}

class RegionOutliner {
public:
  RegionOutliner(func::FuncOp model) : model(model) {}

  LogicalResult outline(Operation *op) {
    OpBuilder b(op);
    auto sizes = dynamicSizes(b, op);
    if (failed(sizes))
      return op->emitError("has a result whose size is not known from the "
                           "sizes of the operands");
    SmallVector<Value> operands = inputsOf(op);
    size_t numInputs = operands.size();
    for (auto [type, dynamic] : llvm::zip(op->getResultTypes(), *sizes))
      operands.push_back(
          tensor::EmptyOp::create(b, op->getLoc(), type, dynamic));
    func::FuncOp func = shared(build(op, operands, numInputs));
    auto call = func::CallOp::create(b, originsLoc(op), func, operands);
    if (Attribute wanted = op->getAttr("transformer.wanted"))
      call->setAttr("transformer.wanted", wanted);
    op->replaceAllUsesWith(call.getResults());
    op->erase();
    return success();
  }

private:
  SmallVector<Value> inputsOf(Operation *op) {
    llvm::SetVector<Value> inputs;
    op->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (!isLocal(v.getDefiningOp()) &&
            !op->isProperAncestor(v.getParentRegion()->getParentOp()) &&
            v.getParentRegion()->getParentOp() != op) {
          auto columns = columnsOf(v);
          inputs.insert(columns ? columns.getSource() : v);
        }
    });
    return inputs.takeVector();
  }

  func::FuncOp build(Operation *op, ArrayRef<Value> operands,
                     size_t numInputs) {
    OpBuilder b(model);
    StringRef name = op->getName().stripDialect();
    auto func = func::FuncOp::create(
        b, op->getLoc(), (name + "_" + Twine(regions.size())).str(),
        b.getFunctionType(ValueRange(operands).getTypes(),
                          op->getResultTypes()));
    func.setPrivate();
    func->setAttr("transformer.region", b.getUnitAttr());
    Block *body = func.addEntryBlock();
    b.setInsertionPointToStart(body);
    IRMapping map;
    for (auto [i, v] : llvm::enumerate(operands)) {
      func.setArgAttr(i, "bufferization.writable",
                      b.getBoolAttr(i >= numInputs));
      if (i < numInputs)
        map.map(v, body->getArgument(i));
    }
    op->walk([&](Operation *inner) {
      for (Value v : inner->getOperands())
        if (auto columns = columnsOf(v);
            columns && !op->isAncestor(columns) && !map.contains(v))
          map.map(v, cutOut(b, columns, map.lookup(columns.getSource())));
        else if (Operation *def = v.getDefiningOp();
                 isLocal(def) && !op->isAncestor(def) && !map.contains(v))
          b.clone(*def, map);
    });
    Operation *clone = b.clone(*op, map);
    clone->removeAttr("transformer.wanted");
    SmallVector<Value> results;
    for (auto [i, v] : llvm::enumerate(clone->getResults()))
      results.push_back(
          bufferization::MaterializeInDestinationOp::create(
              b, op->getLoc(), v.getType(), v, body->getArgument(numInputs + i))
              .getResult());
    func::ReturnOp::create(b, op->getLoc(), results);
    return func;
  }

  static Value cutOut(OpBuilder &b, tensor::ExtractSliceOp columns,
                      Value from) {
    Location loc = columns.getLoc();
    SmallVector<OpFoldResult> sizes = columns.getMixedSizes();
    sizes[0] = tensor::DimOp::create(b, loc, from, 0).getResult();
    return tensor::ExtractSliceOp::create(b, loc, columns.getType(), from,
                                          columns.getMixedOffsets(), sizes,
                                          columns.getMixedStrides());
  }

  func::FuncOp shared(func::FuncOp func) {
    for (func::FuncOp other : regions)
      if (other.getFunctionType() == func.getFunctionType() &&
          OperationEquivalence::isRegionEquivalentTo(
              &other.getBody(), &func.getBody(),
              OperationEquivalence::IgnoreLocations)) {
        func.erase();
        return other;
      }
    regions.push_back(func);
    return func;
  }

  func::FuncOp model;
  SmallVector<func::FuncOp> regions;
};

struct FormRegionsPass
    : public transformer::impl::TransformerFormRegionsBase<FormRegionsPass> {
  using TransformerFormRegionsBase::TransformerFormRegionsBase;

  void runOnOperation() override {
    auto model = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!model || model.isExternal())
      return;
    RegionOutliner outliner(model);
    for (Operation &op : llvm::make_early_inc_range(
             model.getBody().front().without_terminator()))
      if (makesTensor(op) &&
          !(op.getNumResults() == 1 && columnsOf(op.getResult(0)) &&
            llvm::none_of(op.getUsers(),
                          llvm::IsaPred<func::CallOp, func::ReturnOp>))) {
        if (failed(outliner.outline(&op)))
          return signalPassFailure();
        ++numRegions;
      }
    SmallVector<Operation *> left;
    for (Operation &op : model.getBody().front().without_terminator())
      left.push_back(&op);
    for (Operation *op : llvm::reverse(left))
      if (isOpTriviallyDead(op))
        op->erase();
  }
};

} // namespace
