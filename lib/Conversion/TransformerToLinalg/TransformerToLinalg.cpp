//===- TransformerToLinalg.cpp - the reference lowering -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Conversion/Passes.h"
#include "transformer/Conversion/Patterns.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_CONVERTTRANSFORMERTOLINALG
#include "transformer/Conversion/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

void transformer::populateTokenWiseToLinalgPatterns(
    RewritePatternSet &patterns) {
  populateLinearToLinalgPatterns(patterns);
  populateActivationToLinalgPatterns(patterns);
  populateNormToLinalgPatterns(patterns);
  populateQuantizeToLinalgPatterns(patterns);
  populateEmbeddingToLinalgPatterns(patterns);
}

namespace {

struct EraseObserve : OpRewritePattern<ObserveOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ObserveOp op,
                                PatternRewriter &rewriter) const override {
    rewriter.eraseOp(op);
    return success();
  }
};

/// See UnpackI4Pattern.
bool isUnpackedLater(Operation *op) {
  return isa<UnpackI4Op>(op) && op->getParentOp()->hasAttr("transformer.chain");
}

struct ConvertTransformerToLinalgPass
    : public transformer::impl::ConvertTransformerToLinalgBase<
          ConvertTransformerToLinalgPass> {
  using ConvertTransformerToLinalgBase::ConvertTransformerToLinalgBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateTokenWiseToLinalgPatterns(patterns);
    populateRopeToLinalgPatterns(patterns);
    populateAttentionToLinalgPatterns(patterns);
    populateMixingToLinalgPatterns(patterns);
    populatePoolToLinalgPatterns(patterns);
    populateImageToLinalgPatterns(patterns);
    patterns.add<EraseObserve>(&getContext());
    // What is left below says more than that the driver gave up.
    (void)applyPatternsGreedily(getOperation(), std::move(patterns));
    bool left = false;
    getOperation()->walk([&](Operation *op) {
      if (!isa_and_nonnull<TransformerDialect>(op->getDialect()) ||
          isUnpackedLater(op))
        return;
      op->emitError("'") << op->getName()
                         << "' has no linalg form for these types; static "
                            "head widths and image sizes are supported";
      left = true;
    });
    if (left)
      signalPassFailure();
  }
};

} // namespace
