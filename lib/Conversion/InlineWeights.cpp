//===- InlineWeights.cpp - bound weights as constants ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Conversion/Passes.h"
#include "transformer/IR/Weights.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERINLINEWEIGHTS
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

struct InlineWeightsPass
    : public transformer::impl::TransformerInlineWeightsBase<
          InlineWeightsPass> {
  using TransformerInlineWeightsBase::TransformerInlineWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<ml_program::GlobalLoadConstOp> loads;
    module.walk([&](ml_program::GlobalLoadConstOp op) { loads.push_back(op); });
    SymbolTableCollection symbols;
    bool bad = false;
    for (ml_program::GlobalLoadConstOp load : loads)
      bad |= failed(inlineOne(load, symbols));
    if (bad)
      return signalPassFailure();
    for (auto global :
         llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
      if (global.isPrivate() &&
          SymbolTable::symbolKnownUseEmpty(global, module))
        global.erase();
  }

private:
  LogicalResult inlineOne(ml_program::GlobalLoadConstOp load,
                          SymbolTableCollection &symbols) {
    ml_program::GlobalOp global = load.getGlobalOp(symbols);
    auto type = cast<RankedTensorType>(load.getType());
    auto value = global ? dyn_cast_or_null<ElementsAttr>(global.getValueAttr())
                        : ElementsAttr();
    // A resource whose bytes were elided in the text parses, and has none.
    if (!value || !transformer::bytesOf(value, type)) {
      load.emitError("the weight '")
          << load.getGlobal().getLeafReference().getValue()
          << "' has no value; bind it to a file first: "
             "transformer-load-weights{file=...}";
      return failure();
    }
    OpBuilder b(load);
    Value constant =
        arith::ConstantOp::create(b, load.getLoc(), cast<TypedAttr>(value));
    load.replaceAllUsesWith(constant);
    load.erase();
    ++numInlined;
    return success();
  }
};

} // namespace
