//===- PackDense.cpp - dense batches as packed ones -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels know packed rows only. A dense batch is one whose sequences happen to
// have one length: its rows lie in memory as those of a packed one do, and what
// is missing are the offsets.
//===----------------------------------------------------------------------===//
#include "PackDense.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
class Packer {
public:
  explicit Packer(func::FuncOp forward) : forward(forward) {}
  LogicalResult run();

private:
  LogicalResult collect(Operation &op);
  LogicalResult add(Operation &op, ValueRange values);
  LogicalResult checkLengths();
  Value offsets();

  func::FuncOp forward;
  /// Those with a row per token, by batch and length.
  llvm::SetVector<Value> rows;
  /// Ops that have such, and those of them that are to get offsets.
  llvm::DenseSet<Operation *> known;
  SmallVector<Operation *> mixers;
};
} // namespace

static int64_t rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : 0;
}

LogicalResult Packer::add(Operation &op, ValueRange values) {
  known.insert(&op);
  for (Value value : values) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() < 2)
      return op.emitOpError() << "mixes dense rows with " << value.getType()
                              << ", which no GPU kernel does";
    rows.insert(value);
  }
  return success();
}

/// The rows of an op that has them in dense form.
LogicalResult Packer::collect(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](AttentionOp attention) -> LogicalResult {
        if (attention.isPacked())
          return success();
        mixers.push_back(&op);
        return add(op, {attention.getQuery(), attention.getKey(),
                        attention.getValue(), attention.getResult()});
      })
      .Case<FftMixOp, TokenMixOp>([&](auto mix) -> LogicalResult {
        if (mix.getOffsets())
          return success();
        mixers.push_back(&op);
        return add(op, {mix.getInput(), mix.getResult()});
      })
      .Case([&](PoolOp pool) -> LogicalResult {
        if (pool.getOffsets())
          return success();
        mixers.push_back(&op);
        return add(op, pool.getInput());
      })
      .Case([&](UnpoolOp unpool) -> LogicalResult {
        if (unpool.getOffsets())
          return success();
        mixers.push_back(&op);
        return add(op, unpool.getResult());
      })
      .Case([&](EmbeddingOp gather) -> LogicalResult {
        if (rankOf(gather.getIds()) < 2)
          return success();
        return add(op, {gather.getIds(), gather.getResult()});
      })
      .Case([&](LinearOp linear) -> LogicalResult {
        if (rankOf(linear.getInput()) < 3)
          return success();
        if (Value scales = linear.getInputScales())
          rows.insert(scales);
        return add(op, {linear.getInput(), linear.getResult()});
      })
      .Case([&](SelectOp select) -> LogicalResult {
        if (rankOf(select.getInput()) < 3)
          return success();
        return add(op, {select.getInput(), select.getResult()});
      })
      .Case<LayerNormOp, RmsNormOp>([&](auto norm) -> LogicalResult {
        if (rankOf(norm.getInput()) < 3)
          return success();
        if (Value residual = norm.getResidual())
          rows.insert(residual);
        return add(op, {norm.getInput(), norm.getResult()});
      })
      .Case([&](QuantizeOp quantize) -> LogicalResult {
        if (rankOf(quantize.getInput()) < 3)
          return success();
        return add(op, {quantize.getInput(), quantize.getResult(),
                        quantize.getScales()});
      })
      .Case<L2NormalizeOp, RopeOp, GeluOp, GeluTanhOp, ReluOp, SiluOp, TanhOp,
            arith::AddFOp, arith::ExtFOp, arith::TruncFOp>(
          [&](Operation *row) -> LogicalResult {
            if (rankOf(row->getOperand(0)) < 3)
              return success();
            for (Value operand : row->getOperands())
              rows.insert(operand);
            return add(op, row->getResults());
          })
      .Default(success());
}

/// One length for all, which the types have to say: those of dynamic ones might
/// differ.
LogicalResult Packer::checkLengths() {
  auto first = cast<RankedTensorType>(rows.front().getType());
  unsigned arguments = llvm::count_if(
      rows, [](Value value) { return isa<BlockArgument>(value); });
  for (Value value : rows) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getShape().take_front(2) != first.getShape().take_front(2))
      return forward.emitOpError()
             << "has dense batches of several sizes, " << first << " and "
             << type << ", of which GPU kernels take one";
    if (type.isDynamicDim(1) && arguments > 1)
      return forward.emitOpError()
             << "has several dense arguments of unknown length, such as "
             << type
             << "; GPU kernels take one length, which types have to say";
    if (Operation *op = value.getDefiningOp(); op && !known.contains(op))
      return op->emitOpError() << "gives dense rows, of type " << type
                               << ", which no GPU kernel does";
    for (Operation *user : value.getUsers())
      if (!known.contains(user) && !isa<tensor::DimOp>(user) &&
          !user->hasTrait<OpTrait::IsTerminator>())
        return user->emitOpError() << "takes dense rows, of type " << type
                                   << ", which no GPU kernel does";
  }
  return success();
}

Value Packer::offsets() {
  Block &body = forward.getBody().front();
  for (BlockArgument argument : body.getArguments()) {
    auto name = forward.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                     "transformer.input");
    if (name && name.getValue() == "offsets")
      return argument;
  }
  Builder b(forward.getContext());
  auto type = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  unsigned index = body.getNumArguments();
  (void)forward.insertArgument(
      index, type,
      b.getDictionaryAttr(
          b.getNamedAttr("transformer.input", b.getStringAttr("offsets"))),
      forward.getLoc());
  return body.getArgument(index);
}

LogicalResult Packer::run() {
  Block &body = forward.getBody().front();
  for (Operation &op : body)
    if (failed(collect(op)))
      return failure();
  if (rows.empty())
    return success();
  if (failed(checkLengths()))
    return failure();
  for (Value value : rows) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape{ShapedType::kDynamic};
    llvm::append_range(shape, type.getShape().drop_front(2));
    value.setType(RankedTensorType::get(shape, type.getElementType()));
  }
  Value ends = mixers.empty() ? Value() : offsets();
  for (Operation *op : mixers)
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](AttentionOp attention) {
          attention.getQueryOffsetsMutable().assign(ends);
        })
        .Case<FftMixOp, TokenMixOp, PoolOp, UnpoolOp>(
            [&](auto mix) { mix.getOffsetsMutable().assign(ends); });
  forward.setFunctionType(
      FunctionType::get(forward.getContext(), body.getArgumentTypes(),
                        body.getTerminator()->getOperandTypes()));
  return success();
}

LogicalResult mlir::transformer::gpu::packDense(func::FuncOp forward) {
  return Packer(forward).run();
}
