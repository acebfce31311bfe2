//===- CutPositions.cpp - a shorter table of positions --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KnownWeights.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERCUTPOSITIONS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-cut-positions";
static constexpr StringLiteral kModel = "transformer.model";

static int64_t lengthOf(ModuleOp module, StringRef name) {
  auto model = module->getAttrOfType<DictionaryAttr>(kModel);
  auto length = model ? model.getAs<IntegerAttr>(name) : IntegerAttr();
  return length ? length.getInt() : 0;
}

/// Whether something beside `op` reads its table, which must then stay whole.
static bool isShared(EmbeddingOp op, ModuleOp module) {
  Attribute table = constantOf(op.getTable());
  WalkResult found = module.walk([&](Operation *user) {
    for (Value operand : user->getOperands())
      if (user != op && !isa<ml_program::GlobalLoadConstOp>(user) &&
          isa<RankedTensorType>(operand.getType()) &&
          constantOf(operand) == table)
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return found.wasInterrupted();
}

/// The ops that look up what `positions` counts, or why they cannot change.
static std::string findTables(PositionsOp positions, ModuleOp module,
                              SmallVectorImpl<EmbeddingOp> &tables) {
  for (OpOperand &use : positions->getUses()) {
    auto embedding = dyn_cast<EmbeddingOp>(use.getOwner());
    if (!embedding || embedding.getIds() != positions.getResult())
      return "positions are not only looked up in a table";
    StringRef why = whyNotRounded(embedding);
    if (!why.empty())
      return why.str();
    if (isShared(embedding, module))
      return "several ops read the table of positions";
    tables.push_back(embedding);
  }
  return "";
}

/// A table of the first `rows` rows in place of that of `op`.
static void cutTable(RewriterBase &rewriter, EmbeddingOp op, int64_t rows) {
  Value old = op.getTable();
  auto type = cast<RankedTensorType>(old.getType());
  int64_t width = type.getDimSize(1);
  std::vector<float> numbers = numbersOf(old);
  numbers.resize(rows * width);
  rewriter.setInsertionPoint(op);
  Value fresh = exchangeWeight(rewriter, old, {rows, width}, numbers);
  rewriter.modifyOpInPlace(op, [&] { op.getTableMutable().assign(fresh); });
  if (old.use_empty())
    rewriter.eraseOp(old.getDefiningOp());
}

FailureOr<int64_t> transformer::cutPositions(RewriterBase &rewriter,
                                             ModuleOp module,
                                             int64_t maxLength) {
  int64_t longest = lengthOf(module, "max_length");
  if (maxLength == 0)
    maxLength = lengthOf(module, "sentence_length");
  if (maxLength == 0)
    return rewriter.notifyMatchFailure(
        module, "the checkpoint names no max_seq_length, and no max-length is "
                "given");
  if (maxLength >= longest)
    return rewriter.notifyMatchFailure(
        module, llvm::formatv("the model takes at most {0} tokens, and {1} are "
                              "to stay",
                              longest, maxLength));
  SmallVector<std::pair<EmbeddingOp, int64_t>> tables;
  std::string why;
  module.walk([&](PositionsOp positions) {
    SmallVector<EmbeddingOp> found;
    std::string reason = findTables(positions, module, found);
    if (why.empty())
      why = reason;
    for (EmbeddingOp op : found)
      tables.push_back({op, positions.getStart() + maxLength});
  });
  if (why.empty() && tables.empty())
    why = "the model has no table of positions";
  if (!why.empty())
    return rewriter.notifyMatchFailure(module, why);
  for (auto [op, rows] : tables) {
    auto type = cast<RankedTensorType>(op.getTable().getType());
    if (rows >= type.getDimSize(0))
      continue;
    cutTable(rewriter, op, rows);
    remarkDone(op.getLoc(), kFlag, "cut",
               llvm::formatv("the table of positions keeps {0} of {1} rows: "
                             "input of more than {2} tokens is refused",
                             rows, type.getDimSize(0), maxLength));
  }
  NamedAttrList model(module->getAttrOfType<DictionaryAttr>(kModel));
  model.set("max_length", rewriter.getI64IntegerAttr(maxLength));
  module->setAttr(kModel, model.getDictionary(module.getContext()));
  return longest - maxLength;
}

int64_t transformer::cutPositionsOrSay(ModuleOp module, int64_t maxLength) {
  std::string why;
  ReasonListener listener(why);
  IRRewriter rewriter(module.getContext(), &listener);
  FailureOr<int64_t> cut = cutPositions(rewriter, module, maxLength);
  if (succeeded(cut))
    return *cut;
  remarkKept(module.getLoc(), kFlag, "positions stay as they are: " + why);
  return 0;
}

namespace {
struct CutPositions
    : public transformer::impl::TransformerCutPositionsBase<CutPositions> {
  using TransformerCutPositionsBase::TransformerCutPositionsBase;

  void runOnOperation() override {
    if (maxLength < 0) {
      getOperation().emitError()
          << kFlag << ": max-length is " << int64_t(maxLength)
          << ", expected 1 or more, or 0";
      return signalPassFailure();
    }
    numPositions += cutPositionsOrSay(getOperation(), maxLength);
  }
};
} // namespace
