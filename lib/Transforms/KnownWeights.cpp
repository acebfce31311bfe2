//===- KnownWeights.cpp - weights as matrices, and their exchange ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KnownWeights.h"
#include "Numbers.h"
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Transforms/Quantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::transformer;

std::vector<double> transformer::vectorOf(Value bias) {
  std::vector<float> numbers = numbersOf(bias);
  return std::vector<double>(numbers.begin(), numbers.end());
}

std::vector<double> transformer::biasOf(LinearOp op) {
  if (op.getBias())
    return vectorOf(op.getBias());
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  return std::vector<double>(type.getDimSize(0));
}

std::vector<double> transformer::refittedBias(std::vector<double> bias,
                                              const Matrix &weight,
                                              const Matrix &fresh,
                                              const Matrix &basis,
                                              ArrayRef<double> mean) {
  Matrix column(weight.columns, 1);
  column.values.assign(mean.begin(), mean.end());
  Matrix before = multiply(weight, column);
  Matrix after = multiply(fresh, multiply(basis, column, Form::Transposed));
  for (int64_t r = 0; r < weight.rows; ++r)
    bias[r] += before(r, 0) - after(r, 0);
  return bias;
}

/// The global that `value` loads; null for a constant.
static ml_program::GlobalOp globalOf(Value value) {
  auto load = value.getDefiningOp<ml_program::GlobalLoadConstOp>();
  return load ? SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
                    load, load.getGlobalAttr())
              : ml_program::GlobalOp();
}

static bool isRead(Value value) { return !value.hasOneUse(); }

/// Whether other loads or ops read what `value` is.
static bool isShared(Value value) {
  ml_program::GlobalOp global = globalOf(value);
  if (!global)
    return false; // constants are cheap to repeat
  if (isRead(value))
    return true;
  auto uses = SymbolTable::getSymbolUses(global, global->getParentOp());
  return !uses || std::distance(uses->begin(), uses->end()) != 1;
}

StringRef transformer::whyNotChanged(LinearOp op) {
  StringRef why = whyNotRounded(op);
  if (!why.empty())
    return why;
  if (isShared(op.getWeight()))
    return "another op reads its weight too, which would be stored twice";
  if (!op.getBias())
    return "";
  std::optional<std::vector<float>> bias = knownNumbersOf(op.getBias());
  if (!bias)
    return "the numbers of its bias are not known";
  for (float value : *bias)
    if (!std::isfinite(value))
      return "its bias holds NaN or infinity";
  return "";
}

Value transformer::exchangeWeight(RewriterBase &rewriter, Value old,
                                  ArrayRef<int64_t> shape,
                                  ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, rewriter.getF32Type());
  std::vector<char> bytes = rawBytes<float>(values);
  ml_program::GlobalOp global = globalOf(old);
  if (!global || isShared(old))
    return createWeight(rewriter, old.getLoc(),
                        global ? global.getSymName() : "weight", type,
                        std::move(bytes), old);
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  rewriter.modifyOpInPlace(global, [&] {
    global.setType(type);
    global.setValueAttr(weightOver(type, global.getSymName(), *owner, owner));
  });
  return ml_program::GlobalLoadConstOp::create(
      rewriter, old.getLoc(), type,
      FlatSymbolRefAttr::get(global.getSymNameAttr()));
}

LinearOp transformer::exchangeLinear(RewriterBase &rewriter, LinearOp op,
                                     Value input, const Matrix &weight,
                                     ArrayRef<double> bias) {
  rewriter.setInsertionPoint(op);
  SmallVector<Value> old{op.getWeight()};
  int64_t oldRows =
      cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
  Value freshWeight =
      exchangeWeight(rewriter, op.getWeight(), {weight.rows, weight.columns},
                     weight.toFloats());
  std::vector<float> shift(bias.begin(), bias.end());
  bool isZero = llvm::all_of(shift, [](float value) { return value == 0; });
  Value freshBias;
  if (op.getBias()) {
    old.push_back(op.getBias());
    freshBias = exchangeWeight(rewriter, op.getBias(), {weight.rows}, shift);
  } else if (!isZero) {
    StringRef path = modulePath(op);
    freshBias = createWeight(
        rewriter, op.getLoc(), (path.empty() ? "linear" : path.str()) + ".bias",
        RankedTensorType::get({weight.rows}, rewriter.getF32Type()),
        rawBytes<float>(shift), op.getWeight());
  }
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<int64_t> shape(type.getShape());
  if (weight.rows != oldRows) // a width that types leave open stays open
    shape.back() = weight.rows;
  auto fresh = LinearOp::create(
      rewriter, op.getLoc(), type.clone(shape), input ? input : op.getInput(),
      freshWeight, freshBias, Value(), Value(), op.getActivation());
  rewriter.replaceOp(op, fresh.getResult());
  for (Value value : old)
    if (value.use_empty())
      rewriter.eraseOp(value.getDefiningOp());
  return fresh;
}
