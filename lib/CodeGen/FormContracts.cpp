//===- FormContracts.cpp - contraction + epilogue to one kernel op --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFORMCONTRACTS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// sum over k of lhs[m, k] * weight[n, k] into init[m, n].
bool isContraction(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumLoops() != 3 || !linalg::isaContractionOpInterface(op))
    return false;
  MLIRContext *context = op.getContext();
  AffineExpr m, n, k;
  bindDims(context, m, n, k);
  auto maps = op.getIndexingMapsArray();
  return maps[0] == AffineMap::get(3, 0, {m, k}, context) &&
         maps[1] == AffineMap::get(3, 0, {n, k}, context) &&
         maps[2] == AffineMap::get(3, 0, {m, n}, context);
}

/// An elementwise 2-D op that reads `sum` at its own place and everything else
/// by row, by column or at its own place.
bool isEpilogue(linalg::GenericOp op, Value sum) {
  if (op.getNumLoops() != 2 || op.getNumParallelLoops() != 2 ||
      op.getNumDpsInits() != 1 ||
      !op.getIndexingMapsArray().back().isIdentity() || op.hasIndexSemantics())
    return false;
  if (!op.getRegion().front().getArguments().back().use_empty())
    return false;
  for (Operation &inner : op.getRegion().front())
    if (!isa<linalg::YieldOp>(inner) &&
        !inner.hasTrait<OpTrait::Elementwise>() &&
        !inner.hasTrait<OpTrait::ConstantLike>())
      return false;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (!map.isProjectedPermutation() ||
        !isa<ShapedType>(operand->get().getType()))
      return false;
    bool ordered = map.isIdentity() || map.getNumResults() == 1;
    if (!ordered || (operand->get() == sum && !map.isIdentity()))
      return false;
  }
  return true;
}

/// The init behind a fill with zero, which the kernel does itself. A
/// destination that is fresh gets a tensor of its own: a shared one would make
/// bufferization copy.
Value initOf(OpBuilder &b, Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.getDpsInitOperand(0)->get();
  if (auto empty = init.getDefiningOp<tensor::EmptyOp>())
    return b.clone(*empty)->getResult(0);
  return init;
}

void formContract(RewriterBase &rewriter, linalg::LinalgOp contraction,
                  bool epilogues) {
  Value sum = contraction->getResult(0);
  linalg::GenericOp epilogue;
  if (epilogues && sum.hasOneUse()) {
    auto user = dyn_cast<linalg::GenericOp>(*sum.getUsers().begin());
    if (user && user->getBlock() == contraction->getBlock() &&
        isEpilogue(user, sum))
      epilogue = user;
  }
  Operation *last = epilogue ? epilogue.getOperation() : contraction;
  rewriter.setInsertionPoint(last);
  SmallVector<Value> extras;
  SmallVector<AffineMap> maps;
  if (epilogue)
    for (OpOperand *operand : epilogue.getDpsInputOperands())
      if (operand->get() != sum) {
        extras.push_back(operand->get());
        maps.push_back(epilogue.getMatchingIndexingMap(operand));
      }
  Value init = initOf(
      rewriter,
      cast<DestinationStyleOpInterface>(last).getDpsInitOperand(0)->get());
  Location loc = contraction.getLoc();
  Value weight = contraction.getDpsInputOperand(1)->get(), multipliers;
  if (auto unpack = weight.getDefiningOp<UnpackI4Op>()) {
    weight = unpack.getPacked();
    multipliers = unpack.getMultipliers();
  }
  auto op = kernel::ContractOp::create(
      rewriter, loc, TypeRange{last->getResult(0).getType()},
      contraction.getDpsInputOperand(0)->get(), weight, multipliers, extras,
      init, rewriter.getAffineMapArrayAttr(maps));
  Block *body = rewriter.createBlock(&op.getEpilogue());
  Value acc = body->addArgument(getElementTypeOrSelf(sum), loc);
  Value result = acc;
  if (epilogue) {
    IRMapping map;
    Block &source = epilogue.getRegion().front();
    for (OpOperand *operand : epilogue.getDpsInputOperands()) {
      BlockArgument arg = source.getArgument(operand->getOperandNumber());
      map.map(arg, operand->get() == sum
                       ? acc
                       : Value(body->addArgument(arg.getType(), loc)));
    }
    for (Operation &inner : source.without_terminator())
      rewriter.clone(inner, map);
    result = map.lookupOrDefault(source.getTerminator()->getOperand(0));
  }
  kernel::YieldOp::create(rewriter, loc, result);
  rewriter.replaceOp(last, op.getResults());
  if (epilogue)
    rewriter.eraseOp(contraction);
}

struct FormContractsPass
    : public transformer::impl::TransformerFormContractsBase<
          FormContractsPass> {
  using TransformerFormContractsBase::TransformerFormContractsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> contractions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() && isContraction(op) &&
          op->getParentOfType<scf::ForallOp>())
        contractions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : contractions)
      formContract(rewriter, op, epilogues);
    numFormed += contractions.size();
  }
};

} // namespace
