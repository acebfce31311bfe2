//===- Freeze.cpp - parameters that change no result ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFREEZE
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-freeze";

/// True when `value` is the keys of attention wherever it is used, and nothing
/// else.
static bool isKeyOnly(Value value) {
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    auto attention = dyn_cast<AttentionOp>(use.getOwner());
    return attention && &use == &attention.getKeyMutable();
  });
}

LogicalResult transformer::dropKeyBias(RewriterBase &rewriter, LinearOp op) {
  if (!op.getBias())
    return rewriter.notifyMatchFailure(op, "there is no bias");
  if (op.getActivation() != Activation::none)
    return rewriter.notifyMatchFailure(op, "the bias is not added last");
  if (op->use_empty() || !isKeyOnly(op.getResult()))
    return rewriter.notifyMatchFailure(op, "the result is not only keys");
  rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().clear(); });
  return success();
}

namespace {
struct Freeze : public transformer::impl::TransformerFreezeBase<Freeze> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](AttentionOp attention) {
      auto name = remark::RemarkOpts::name("key-bias").category(kFlag);
      auto linear = attention.getKey().getDefiningOp<LinearOp>();
      if (linear && succeeded(dropKeyBias(rewriter, linear))) {
        ++numBiases;
        remark::passed(linear.getLoc(), name)
            << remark::add("the key bias shifts every score of a query by the "
                           "same number: dropped");
      } else if (linear && linear.getBias()) {
        remark::missed(linear.getLoc(), name)
            << remark::add("the key bias stays: its sum is used elsewhere or "
                           "goes through an activation");
      } else if (attention.getKey().getDefiningOp<RopeOp>()) {
        remark::missed(attention.getLoc(), name)
            << remark::add("a key bias would stay: rope turns it differently "
                           "at each position");
      }
    });
    eraseUnread();
  }

  /// Loads that nothing uses, then weights that nothing loads.
  void eraseUnread() {
    ModuleOp module = getOperation();
    DenseSet<StringAttr> read;
    module.walk([&](Operation *op) {
      if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op))
        if (load->use_empty())
          return load->erase();
      for (NamedAttribute attribute : op->getAttrs())
        attribute.getValue().walk([&](SymbolRefAttr symbol) {
          read.insert(symbol.getRootReference());
        });
    });
    for (auto global :
         llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>())) {
      if (!global.isPrivate() || read.contains(global.getSymNameAttr()))
        continue;
      remark::passed(global.getLoc(),
                     remark::RemarkOpts::name("unread").category(kFlag))
          << remark::add("nothing reads {0}: dropped", global.getSymName());
      ++numWeights;
      global.erase();
    }
  }
};
} // namespace
