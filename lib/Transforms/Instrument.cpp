//===- Instrument.cpp - observes before linears ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear that only a norm reads gets a second observe, of what the norm
// normalizes: its spread is what an error of the linear is measured by.
#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERINSTRUMENT
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static StringRef whyNotObserved(LinearOp op, const ModuleFilter &filter) {
  StringRef why = filter.whyNot(op);
  if (!why.empty())
    return why;
  if (modulePath(op).empty())
    return "it has no module path to be named by";
  auto type = cast<RankedTensorType>(op.getInput().getType());
  if (!type.getElementType().isF32())
    return "its input is not f32";
  if (type.getRank() != 2 || type.isDynamicDim(1))
    return "its input is not packed: [tokens, channels]";
  return "";
}

/// The norm that alone reads `op`, as its input or its residual.
static Operation *normBehind(LinearOp op) {
  if (!op->hasOneUse())
    return nullptr;
  Operation *user = *op->user_begin();
  return isa<LayerNormOp, RmsNormOp>(user) && user->getBlock() == op->getBlock()
             ? user
             : nullptr;
}

static void observeNorm(LinearOp op, Operation *norm) {
  OpBuilder builder(norm);
  bool isRms = isa<RmsNormOp>(norm);
  Value input = norm->getOperand(0);
  Value residual = isRms ? cast<RmsNormOp>(norm).getResidual()
                         : cast<LayerNormOp>(norm).getResidual();
  if (residual)
    input = arith::AddFOp::create(builder, norm->getLoc(), input, residual);
  ObserveOp::create(
      builder, norm->getLoc(), input,
      (modulePath(op) + (isRms ? kRmsNormSite : kNormSite)).str());
}

int64_t transformer::instrument(ModuleOp module, const ModuleFilter &filter,
                                bool norms) {
  DenseMap<std::pair<Value, Block *>, int64_t> readers;
  SmallVector<LinearOp> first;
  module.walk([&](LinearOp op) {
    StringRef why = whyNotObserved(op, filter);
    if (!why.empty())
      remark::missed(op.getLoc(), remark::RemarkOpts::name("not-observed")
                                      .category("transformer-instrument"))
          << remark::add("the input is not observed: {0}", why);
    else if (readers[{op.getInput(), op->getBlock()}]++ == 0)
      first.push_back(op);
  });
  for (LinearOp op : first) {
    OpBuilder builder(op);
    ObserveOp::create(builder, op.getLoc(), op.getInput(), modulePath(op));
    Operation *norm = norms ? normBehind(op) : nullptr;
    if (norm && readers[{op.getInput(), op->getBlock()}] == 1)
      observeNorm(op, norm);
  }
  return first.size();
}

namespace {
struct Instrument
    : public transformer::impl::TransformerInstrumentBase<Instrument> {
  using TransformerInstrumentBase::TransformerInstrumentBase;

  void runOnOperation() override {
    llvm::Expected<ModuleFilter> filter = ModuleFilter::create(skip, only);
    if (!filter) {
      getOperation().emitError()
          << getArgument() << ": " << llvm::toString(filter.takeError());
      return signalPassFailure();
    }
    numSites += instrument(getOperation(), *filter, norms);
  }
};
} // namespace
