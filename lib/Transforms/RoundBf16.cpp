//===- RoundBf16.cpp - products of bf16 -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Support/Rounding.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERROUNDBF16
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

/// The bf16 form of the known f32 matrix `weight`, made once per module: a
/// global keeps its name with an ending.
static Value roundWeight(RewriterBase &rewriter, Location loc, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType())
                  .clone(Type(rewriter.getBF16Type()));
  std::string name = "weight_bf16";
  if (auto load = weight.getDefiningOp<ml_program::GlobalLoadConstOp>()) {
    name = load.getGlobal().getLeafReference().str() + "_bf16";
    Operation *module = SymbolTable::getNearestSymbolTable(load);
    auto known = SymbolTable::lookupSymbolIn(module, name);
    if (auto global = dyn_cast_or_null<ml_program::GlobalOp>(known);
        global && global.getType() == type)
      return ml_program::GlobalLoadConstOp::create(
          rewriter, loc, type,
          FlatSymbolRefAttr::get(rewriter.getContext(), name));
  }
  std::vector<float> numbers = numbersOf(weight);
  for (float &number : numbers)
    number = roundToBf16(number); // they are finite
  return createWeight(rewriter, loc, name, type, upperHalves(numbers), weight);
}

static void eraseUnread(RewriterBase &rewriter, Value weight) {
  if (weight.use_empty())
    rewriter.eraseOp(weight.getDefiningOp());
}

LogicalResult transformer::roundLinearsToBf16(RewriterBase &rewriter,
                                              LinearGroup &group) {
  for (LinearOp op : group.linears) {
    StringRef why = whyNotRounded(op);
    if (!why.empty())
      return rewriter.notifyMatchFailure(op, why);
    if (op.getInput() != group.input())
      return rewriter.notifyMatchFailure(op, "its input is another");
  }
  LinearOp first = group.linears.front();
  rewriter.setInsertionPoint(first);
  auto type = cast<RankedTensorType>(group.input().getType());
  Value input = arith::TruncFOp::create(
      rewriter, first.getLoc(), type.clone(Type(rewriter.getBF16Type())),
      group.input());
  for (LinearOp op : group.linears) {
    rewriter.setInsertionPoint(op);
    Value old = op.getWeight();
    Value weight = roundWeight(rewriter, op.getLoc(), old);
    rewriter.replaceOpWithNewOp<LinearOp>(op, op.getType(), input, weight,
                                          op.getBias(), Value(), Value(),
                                          op.getActivation());
    eraseUnread(rewriter, old);
  }
  return success();
}

LogicalResult transformer::roundTableToBf16(RewriterBase &rewriter,
                                            EmbeddingOp op) {
  StringRef why = whyNotRounded(op);
  if (!why.empty())
    return rewriter.notifyMatchFailure(op, why);
  rewriter.setInsertionPoint(op);
  Value old = op.getTable();
  Value table = roundWeight(rewriter, op.getLoc(), old);
  auto rows = EmbeddingOp::create(rewriter, op.getLoc(), op.getIds(), table);
  rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(),
                                             rows.getResult());
  eraseUnread(rewriter, old);
  return success();
}

namespace {
struct RoundBf16
    : public transformer::impl::TransformerRoundBf16Base<RoundBf16> {
  using TransformerRoundBf16Base::TransformerRoundBf16Base;

  template <typename Op>
  bool isWanted(Op op, const ModuleFilter &filter, StringRef what) {
    StringRef why = filter.whyNot(op);
    if (why.empty())
      why = whyNotRounded(op);
    if (!why.empty())
      remarkKept(op.getLoc(), getArgument(),
                 (what + " is left alone: " + why).str());
    return why.empty();
  }

  void passed(Location loc, StringRef what) {
    remarkDone(loc, getArgument(), "bf16", (what + " is bf16").str());
  }

  void runOnOperation() override {
    llvm::Expected<ModuleFilter> filter = ModuleFilter::create(skip, only);
    if (!filter) {
      getOperation().emitError()
          << getArgument() << ": " << llvm::toString(filter.takeError());
      return signalPassFailure();
    }
    llvm::MapVector<std::pair<Value, Block *>, LinearGroup> groups;
    SmallVector<EmbeddingOp> tables;
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<LinearOp>(op)) {
        if (isWanted(linear, *filter, "the linear"))
          groups[{linear.getInput(), linear->getBlock()}].linears.push_back(
              linear);
      } else if (auto table = dyn_cast<EmbeddingOp>(op)) {
        if (embeddings && isWanted(table, *filter, "the table"))
          tables.push_back(table);
      } else if (auto core = dyn_cast<AttentionOp>(op)) {
        if (attention && isWanted(core, *filter, "attention")) {
          core.setProducts(Products::bf16);
          passed(core.getLoc(), "attention");
        }
      }
    });
    IRRewriter rewriter(&getContext());
    for (auto &[input, group] : groups) {
      for (LinearOp op : group.linears)
        passed(op.getLoc(), "the linear");
      numLinears += group.linears.size();
      (void)roundLinearsToBf16(rewriter, group);
    }
    for (EmbeddingOp op : tables) {
      passed(op.getLoc(), "the table");
      ++numTables;
      (void)roundTableToBf16(rewriter, op);
    }
    eraseUnreadWeights(getOperation(), [](Location, StringRef) {});
  }
};
} // namespace
