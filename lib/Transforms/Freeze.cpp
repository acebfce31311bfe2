//===- Freeze.cpp - parameters that change no result ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Numbers.h"

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

/// The global that only `value`, with one use, loads: it may change.
static ml_program::GlobalOp soleGlobal(Value value) {
  auto load = value ? value.getDefiningOp<ml_program::GlobalLoadConstOp>()
                    : ml_program::GlobalLoadConstOp();
  if (!load || !load->hasOneUse())
    return {};
  auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
      load, load.getGlobalAttr());
  Operation *module = global->getParentOp();
  auto uses = SymbolTable::getSymbolUses(global, module);
  bool isSole = uses && std::distance(uses->begin(), uses->end()) == 1;
  return isSole ? global : ml_program::GlobalOp();
}

static void setBias(RewriterBase &rewriter, LinearOp op,
                    std::vector<char> bytes) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  auto type =
      RankedTensorType::get({weight.getDimSize(0)}, weight.getElementType());
  if (ml_program::GlobalOp global = soleGlobal(op.getBias())) {
    auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
    global.setValueAttr(weightOver(type, global.getSymName(), *owner, owner));
    return;
  }
  auto path = dyn_cast<NameLoc>(op.getLoc());
  std::string name = path ? path.getName().str() + ".bias" : "folded.bias";
  rewriter.setInsertionPoint(op);
  Value fresh =
      createWeight(rewriter, op.getLoc(), name, type, std::move(bytes),
                   op.getBias() ? op.getBias() : op.getWeight());
  rewriter.modifyOpInPlace(op, [&] { op.getBiasMutable().assign(fresh); });
}

LogicalResult transformer::foldValueBias(RewriterBase &rewriter,
                                         AttentionOp op) {
  auto value = op.getValue().getDefiningOp<LinearOp>();
  if (!value || !value.getBias())
    return rewriter.notifyMatchFailure(op, "the values have no bias");
  if (value.getActivation() != Activation::none || !value->hasOneUse())
    return rewriter.notifyMatchFailure(
        op, "the values have an activation or another use");
  if (op.getMask() ||
      (op.getKeyOffsets() && op.getKeyOffsets() != op.getQueryOffsets()))
    return rewriter.notifyMatchFailure(op, "a row may see no key");
  auto output = op->hasOneUse() ? dyn_cast<LinearOp>(*op->getUsers().begin())
                                : LinearOp();
  if (!output || output.getInput() != op.getResult())
    return rewriter.notifyMatchFailure(op, "no linear alone reads the result");
  auto bias = knownNumbersOf(value.getBias()),
       weight = knownNumbersOf(output.getWeight());
  std::optional<std::vector<float>> shift;
  if (output.getBias())
    shift = knownNumbersOf(output.getBias());
  if (!bias || !weight || (output.getBias() && !shift))
    return rewriter.notifyMatchFailure(
        op, "the weights are not known or not f32: load them first");

  auto type = cast<RankedTensorType>(output.getWeight().getType());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  int64_t dim = op.getValueDim(), group = op.getNumHeads() / op.getNumKvHeads();
  std::vector<float> folded(rows);
  for (int64_t n = 0; n < rows; ++n) {
    double sum = shift ? (*shift)[n] : 0.0;
    for (int64_t k = 0; k < columns; ++k)
      sum += double((*weight)[n * columns + k]) *
             (*bias)[k / dim / group * dim + k % dim];
    folded[n] = float(sum);
  }
  setBias(rewriter, output, rawBytes<float>(folded));
  rewriter.modifyOpInPlace(value, [&] { value.getBiasMutable().clear(); });
  return success();
}

int64_t transformer::eraseUnreadWeights(
    ModuleOp module, function_ref<void(Location, StringRef)> report) {
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
  int64_t count = 0;
  for (auto global :
       llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>())) {
    if (!global.isPrivate() || read.contains(global.getSymNameAttr()))
      continue;
    report(global.getLoc(), global.getSymName());
    global.erase();
    ++count;
  }
  return count;
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
      freezeValueBias(rewriter, attention);
    });
    numWeights += eraseUnreadWeights(getOperation(), [](Location loc,
                                                        StringRef name) {
      remark::passed(loc, remark::RemarkOpts::name("unread").category(kFlag))
          << remark::add("nothing reads {0}: dropped", name);
    });
  }

  void freezeValueBias(IRRewriter &rewriter, AttentionOp attention) {
    auto linear = attention.getValue().getDefiningOp<LinearOp>();
    if (!linear || !linear.getBias())
      return;
    auto name = remark::RemarkOpts::name("value-bias").category(kFlag);
    std::string why;
    ReasonListener listener(why);
    rewriter.setListener(&listener);
    if (succeeded(foldValueBias(rewriter, attention))) {
      ++numBiases;
      remark::passed(attention.getLoc(), name)
          << remark::add("the weights of a query sum to one: the value bias "
                         "went through the output linear into its bias");
    } else {
      remark::missed(attention.getLoc(), name)
          << remark::add("the value bias stays: {0}", why);
    }
    rewriter.setListener(nullptr);
  }
};
} // namespace
