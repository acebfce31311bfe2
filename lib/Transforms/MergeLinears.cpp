//===- MergeLinears.cpp - linears of one input as one ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Weights.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

/// "encoder.layer.0.attention.self.query" and "...key" give
/// "encoder.layer.0.attention.self.query_key".
static std::string mergedName(ArrayRef<LinearOp> linears) {
  std::string prefix, leaves;
  for (LinearOp op : linears) {
    auto name = dyn_cast<NameLoc>(op.getLoc());
    if (!name)
      return "merged";
    StringRef path = name.getName().getValue();
    size_t dot = path.rfind('.');
    bool isFirst = op == linears.front();
    if (isFirst)
      prefix = dot == StringRef::npos ? "" : path.take_front(dot + 1).str();
    leaves += (isFirst ? "" : "_") + path.substr(path.rfind('.') + 1).str();
  }
  return prefix + leaves;
}

static void append(std::vector<char> &to, const std::vector<char> &from) {
  to.insert(to.end(), from.begin(), from.end());
}

FailureOr<LinearOp> transformer::mergeLinears(RewriterBase &rewriter,
                                              ArrayRef<LinearOp> linears) {
  LinearOp first = linears.front();
  auto decline = [&](LinearOp op, const char *why) {
    return rewriter.notifyMatchFailure(op, why);
  };
  std::vector<char> weights, biases;
  int64_t width = 0;
  bool isBiased = false;
  auto weightType = cast<RankedTensorType>(first.getWeight().getType());
  auto type = cast<RankedTensorType>(first.getType());
  unsigned size = type.getElementTypeBitWidth() / 8; // of a bias
  Value like = first.getWeight();
  for (LinearOp op : linears) {
    if (op.getInputScales())
      return decline(op, "it is quantized already");
    if (op.getInput() != first.getInput() || op.getType().getRank() != 2 ||
        op.getActivation() != Activation::none)
      return decline(op, "its input or its form differs");
    auto own = cast<RankedTensorType>(op.getWeight().getType());
    if (own.getElementType() != weightType.getElementType() ||
        op.getType().getElementType() != type.getElementType())
      return decline(op, "its element type differs");
    std::optional<std::vector<char>> bytes = copyOfBytes(op.getWeight());
    if (!bytes)
      return decline(op, "its weight is not known: load the weights first");
    append(weights, *bytes);
    std::vector<char> bias(own.getDimSize(0) * size);
    if (op.getBias()) {
      std::optional<std::vector<char>> known = copyOfBytes(op.getBias());
      if (!known)
        return decline(op, "its bias is not known: load the weights first");
      bias = std::move(*known);
      isBiased = true;
    }
    append(biases, bias);
    width += own.getDimSize(0);
  }

  std::string name = mergedName(linears);
  Location loc = NameLoc::get(rewriter.getStringAttr(name));
  rewriter.setInsertionPoint(first);
  Value weight =
      createWeight(rewriter, loc, name + ".weight",
                   RankedTensorType::get({width, weightType.getDimSize(1)},
                                         weightType.getElementType()),
                   std::move(weights), like);
  Value bias =
      isBiased
          ? createWeight(rewriter, loc, name + ".bias",
                         RankedTensorType::get({width}, type.getElementType()),
                         std::move(biases), like)
          : Value();
  auto merged = LinearOp::create(
      rewriter, loc, type.clone({type.getDimSize(0), width}), first.getInput(),
      weight, bias, Value(), Value(), Activation::none);
  Value rows = tensor::DimOp::create(rewriter, loc, first.getInput(), 0);
  OpFoldResult one = rewriter.getIndexAttr(1), zero = rewriter.getIndexAttr(0);
  int64_t column = 0;
  for (LinearOp op : linears) {
    auto own = cast<RankedTensorType>(op.getType());
    OpFoldResult count = own.isDynamicDim(0)
                             ? OpFoldResult(rows)
                             : rewriter.getIndexAttr(own.getDimSize(0));
    auto slice = tensor::ExtractSliceOp::create(
        rewriter, op.getLoc(), own, merged.getResult(),
        ArrayRef<OpFoldResult>{zero, rewriter.getIndexAttr(column)},
        ArrayRef<OpFoldResult>{count, rewriter.getIndexAttr(own.getDimSize(1))},
        ArrayRef<OpFoldResult>{one, one});
    column += own.getDimSize(1);
    rewriter.replaceOp(op, slice.getResult());
  }
  return merged;
}
