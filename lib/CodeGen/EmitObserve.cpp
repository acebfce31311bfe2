//===- EmitObserve.cpp - observed tensors to who runs the model -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Passes.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITOBSERVE
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct EmitObservePass
    : public transformer::impl::TransformerEmitObserveBase<EmitObservePass> {
  using TransformerEmitObserveBase::TransformerEmitObserveBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<ObserveOp> observes;
    module.walk([&](ObserveOp op) { observes.push_back(op); });
    SmallVector<Attribute> sites;
    for (ObserveOp op : observes) {
      auto type = cast<RankedTensorType>(op.getInput().getType());
      auto parent = dyn_cast<func::FuncOp>(op->getParentOp());
      if (!parent || parent.getSymName() != "forward" || type.getRank() != 2 ||
          !type.isDynamicDim(0) || type.isDynamicDim(1) ||
          !type.getElementType().isF32()) {
        op.emitOpError("of ") << type << " cannot be handed over: only "
                              << "tensor<?xNxf32> in @forward can";
        return signalPassFailure();
      }
      OpBuilder b(op);
      Value site = arith::ConstantIntOp::create(b, op.getLoc(), sites.size(),
                                                /*width=*/64);
      func::CallOp::create(b, op.getLoc(), receiver(module, type),
                           ValueRange{site, op.getInput()});
      sites.push_back(op.getSiteAttr());
      op.erase();
      ++numSites;
    }
    module->setAttr("transformer.sites", ArrayAttr::get(&getContext(), sites));
  }

private:
  /// The external function for tensors of this width.
  static func::FuncOp receiver(ModuleOp module, RankedTensorType type) {
    std::string name = "tm_observe." + std::to_string(type.getDimSize(1));
    if (auto found = module.lookupSymbol<func::FuncOp>(name))
      return found;
    auto b = OpBuilder::atBlockEnd(module.getBody());
    auto function =
        func::FuncOp::create(b, module.getLoc(), name,
                             b.getFunctionType({b.getI64Type(), type}, {}));
    function.setPrivate();
    // Bufferization would make a copy for a function that may write.
    function.setArgAttr(1, "bufferization.access", b.getStringAttr("read"));
    return function;
  }
};
} // namespace
