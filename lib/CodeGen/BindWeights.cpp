//===- BindWeights.cpp - weights as views of one base pointer -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides where each weight lies in the data section of weights.safetensors and
// replaces its loads by views of a base pointer at that offset, so that no
// weight enters LLVM IR. Sizes that are multiples of 64 bytes come first: all
// of those are then aligned to cache lines, and the format allows no padding.
//===----------------------------------------------------------------------===//
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERBINDWEIGHTS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kAlignment = 64;

struct BindWeightsPass
    : public transformer::impl::TransformerBindWeightsBase<BindWeightsPass> {
  using TransformerBindWeightsBase::TransformerBindWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto model = module.lookupSymbol<func::FuncOp>("forward");
    if (!model)
      return;
    MLIRContext *context = &getContext();
    OpBuilder b(context);
    int64_t total = layOut(module);
    module->setAttr("transformer.weights_bytes", b.getI64IntegerAttr(total));

    auto baseType =
        MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
    unsigned index = model.getNumArguments();
    auto attrs = b.getDictionaryAttr(
        b.getNamedAttr("transformer.input", b.getStringAttr("weights")));
    if (failed(model.insertArgument(index, baseType, attrs, model.getLoc())))
      return signalPassFailure();
    Value base = model.getArgument(index);
    SymbolTable symbols(module);
    SmallVector<ml_program::GlobalLoadConstOp> loads;
    model.walk([&](ml_program::GlobalLoadConstOp op) { loads.push_back(op); });
    for (auto load : loads) {
      auto global = symbols.lookup<ml_program::GlobalOp>(
          load.getGlobal().getLeafReference());
      auto type = cast<RankedTensorType>(load.getType());
      b.setInsertionPoint(load);
      Value offset = arith::ConstantIndexOp::create(
          b, load.getLoc(),
          global->getAttrOfType<IntegerAttr>("transformer.offset").getInt());
      Value view = memref::ViewOp::create(
          b, load.getLoc(),
          MemRefType::get(type.getShape(), type.getElementType()), base, offset,
          ValueRange{});
      Value tensor = bufferization::ToTensorOp::create(
          b, load.getLoc(), type, view, /*restrict=*/true, /*writable=*/false);
      load.replaceAllUsesWith(tensor);
      load.erase();
      ++numBound;
    }
  }

private:
  /// Sorts the globals into file order and notes their offsets.
  static int64_t layOut(ModuleOp module) {
    SmallVector<ml_program::GlobalOp> aligned, others;
    auto bytesOf = [](ml_program::GlobalOp global) {
      auto type = cast<RankedTensorType>(global.getType());
      return type.getNumElements() *
             llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    };
    for (auto global : module.getOps<ml_program::GlobalOp>())
      (bytesOf(global) % kAlignment ? others : aligned).push_back(global);
    aligned.append(others);
    Operation *after = nullptr;
    int64_t offset = 0;
    Builder b(module.getContext());
    for (ml_program::GlobalOp global : aligned) {
      if (after)
        global->moveAfter(after);
      else
        global->moveBefore(module.getBody(), module.getBody()->begin());
      after = global;
      global->setAttr("transformer.offset", b.getI64IntegerAttr(offset));
      offset += bytesOf(global);
    }
    return offset;
  }
};

} // namespace
