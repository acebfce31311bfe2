//===- Fuse.cpp - ops into the neighbours that can carry them -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFUSE
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

// The ops round each result: with one op less, f16 and bf16 round once less.
static bool roundsBetween(Value value) {
  return !cast<RankedTensorType>(value.getType()).getElementType().isF32();
}

static void report(Operation *op, StringRef into) {
  remark::passed(op->getLoc(),
                 remark::RemarkOpts::name("fused").category("transformer-fuse"))
      << remark::add("{0} went into {1}", op->getName().getStringRef(), into);
}

static LogicalResult decline(PatternRewriter &rewriter, Operation *op,
                             StringRef reason) {
  return rewriter.notifyMatchFailure(
      op, [&](Diagnostic &diagnostic) { diagnostic << reason; });
}

namespace {
/// gelu(linear(x)) -> linear(x) activation gelu, if the linear has no other
/// use.
template <typename Op, Activation activation>
struct ActivationIntoLinear : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    auto linear = op.getInput().template getDefiningOp<LinearOp>();
    if (!linear)
      return decline(rewriter, op, "the input is not of a linear");
    if (linear.getActivation() != Activation::none)
      return decline(rewriter, op, "the linear has an activation");
    if (!linear->hasOneUse())
      return decline(rewriter, op, "the linear has other uses");
    if (roundsBetween(linear.getResult()))
      return decline(rewriter, op, "the linear rounds its result");
    report(op, "the linear before it");
    rewriter.modifyOpInPlace(linear, [&] { linear.setActivation(activation); });
    rewriter.replaceOp(op, linear.getResult());
    return success();
  }
};

/// layer_norm(x + r) -> layer_norm x residual(r), if the sum has no other use.
template <typename Op> struct SumIntoNorm : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    auto sum = op.getInput().template getDefiningOp<arith::AddFOp>();
    if (!sum)
      return decline(rewriter, op, "the input is not a sum");
    if (op.getResidual())
      return decline(rewriter, op, "the norm has a residual");
    if (!sum->hasOneUse())
      return decline(rewriter, op, "the sum has other uses");
    if (roundsBetween(sum.getResult()))
      return decline(rewriter, op, "the sum is rounded");
    report(sum, op->getName().getStringRef());
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(sum.getLhs());
      op.getResidualMutable().assign(sum.getRhs());
    });
    rewriter.eraseOp(sum);
    return success();
  }
};

struct CountRewrites : RewriterBase::Listener {
  int64_t count = 0;
  void notifyOperationErased(Operation *) override { ++count; }
};

struct Fuse : public transformer::impl::TransformerFuseBase<Fuse> {
  using TransformerFuseBase::TransformerFuseBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateFusePatterns(patterns);
    CountRewrites listener;
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setListener(&listener);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();
    numFused += listener.count;
    if (projections)
      mergeProjections();
  }

  /// The linears that make queries, keys and values of one attention op.
  void mergeProjections() {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](AttentionOp attention) {
      SmallVector<LinearOp> linears;
      for (Value v :
           {attention.getQuery(), attention.getKey(), attention.getValue()}) {
        auto linear = v.getDefiningOp<LinearOp>();
        bool isOwn = linear && llvm::all_of(linear->getUsers(), [&](auto *op) {
                       return op == attention.getOperation();
                     });
        if (isOwn && !llvm::is_contained(linears, linear) &&
            (linears.empty() ||
             linears.front().getInput() == linear.getInput()))
          linears.push_back(linear);
      }
      if (linears.size() < 2)
        return;
      auto name =
          remark::RemarkOpts::name("projections").category("transformer-fuse");
      Location loc = attention.getLoc();
      std::string why;
      ReasonListener listener(why);
      rewriter.setListener(&listener);
      if (succeeded(mergeLinears(rewriter, linears))) {
        numFused += linears.size() - 1;
        remark::passed(loc, name) << remark::add(
            "{0} linears of one input became one", linears.size());
      } else {
        remark::missed(loc, name)
            << remark::add("the projections stay {0} linears: of one, {1}",
                           linears.size(), why);
      }
      rewriter.setListener(nullptr);
    });
    if (auto module = dyn_cast<ModuleOp>(getOperation()))
      eraseUnreadWeights(module, [](Location, StringRef) {});
  }
};
} // namespace

void transformer::populateFusePatterns(RewritePatternSet &patterns) {
  patterns.add<ActivationIntoLinear<GeluOp, Activation::gelu>,
               ActivationIntoLinear<GeluTanhOp, Activation::gelu_tanh>,
               ActivationIntoLinear<ReluOp, Activation::relu>,
               ActivationIntoLinear<SiluOp, Activation::silu>,
               ActivationIntoLinear<TanhOp, Activation::tanh>,
               SumIntoNorm<LayerNormOp>, SumIntoNorm<RmsNormOp>>(
      patterns.getContext());
}
