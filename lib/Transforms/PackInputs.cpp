//===- PackInputs.cpp - token-major inputs instead of a dense batch -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values with a row per token change their types where they are.
//===----------------------------------------------------------------------===//
#include "InputPacker.h"
#include "PackedLayout.h"
#include "TokenRows.h"
#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERPACKINPUTS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static std::optional<unsigned> findInput(func::FuncOp forward, StringRef name) {
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto text = forward.getArgAttrOfType<StringAttr>(i, kInput);
    if (text && text.getValue() == name)
      return i;
  }
  return std::nullopt;
}

/// The number that all rows of a constant count up from.
static std::optional<int64_t> startOf(Value value) {
  DenseIntElementsAttr numbers;
  if (!matchPattern(value, m_Constant(&numbers)))
    return std::nullopt;
  int64_t length = numbers.getType().getShape().back(), i = 0;
  std::optional<int64_t> start;
  for (const APInt &number : numbers.getValues<APInt>()) {
    if (!start)
      start = number.getSExtValue();
    if (number.getSExtValue() != *start + i++ % length)
      return std::nullopt;
  }
  return start && *start >= 0 ? start : std::nullopt;
}

/// Constants with a row per token: positions, and one number for all.
LogicalResult InputPacker::replaceConstants() {
  for (Value value : llvm::to_vector(rows)) {
    auto constant = value.getDefiningOp<arith::ConstantOp>();
    if (!constant)
      continue;
    auto type = cast<RankedTensorType>(value.getType());
    std::optional<int64_t> start;
    if (type.getRank() == 2)
      start = startOf(value);
    auto numbers = dyn_cast<SplatElementsAttr>(constant.getValue());
    Value packed;
    if (start) {
      packed = PositionsOp::create(
          b, constant.getLoc(),
          RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
          offsets, tokens, Value(), b.getI64IntegerAttr(*start), IntegerAttr());
    } else if (numbers) {
      Value number = arith::ConstantOp::create(
          b, constant.getLoc(), numbers.getSplatValue<TypedAttr>());
      packed = tensor::SplatOp::create(b, constant.getLoc(), number,
                                       PackedLayout::packedType(type), tokens);
    } else {
      return constant.emitOpError(
          "has a row per token that is neither a position, counted up from one "
          "number, nor one number for all, so it cannot be packed");
    }
    value.replaceAllUsesWith(packed);
    rows.remove(value);
  }
  return success();
}

void InputPacker::convert(Operation *op) {
  ++numPacked;
  readPacked(op, offsets, tokens);
  if (auto pool = dyn_cast<PoolOp>(op))
    sequences.insert(pool.getResult());
  else if (auto unpool = dyn_cast<UnpoolOp>(op))
    sequences.insert(unpool.getInput());
}

/// Rows of a known number of sequences: there may be any number now.
LogicalResult InputPacker::spread(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.isDynamicDim(0))
    return success();
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = ShapedType::kDynamic;
  value.setType(type.clone(shape));
  for (Operation *user : value.getUsers()) {
    if (user->hasTrait<OpTrait::IsTerminator>() ||
        isa<UnpoolOp, tensor::DimOp>(user))
      continue;
    bool isKnown =
        isa<LinearOp, LayerNormOp, RmsNormOp, L2NormalizeOp, QuantizeOp,
            DequantizeOp, SelectOp>(user) ||
        (user->hasTrait<OpTrait::Elementwise>() && user->getNumOperands() == 1);
    // Two operands must have become dynamic both.
    if (!isKnown && user->hasTrait<OpTrait::Elementwise>())
      isKnown = llvm::all_of(user->getOperands(),
                             [&](Value v) { return sequences.contains(v); });
    if (!isKnown)
      return user->emitOpError("is not known to keep the sequences apart, so "
                               "they cannot become of any number");
    sequences.insert(user->result_begin(), user->result_end());
  }
  return success();
}

/// Sizes of the batch; its length is none of a packed one.
LogicalResult InputPacker::replaceSizes() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (&op != tokens.getDefiningOp() && isOpTriviallyDead(&op))
      op.erase();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto dim = dyn_cast<tensor::DimOp>(&op);
    if (!dim || dim.getResult() == tokens ||
        (!isRow(dim.getSource()) && dim.getSource() != mask &&
         !hasMask(dim.getSource())))
      continue;
    auto index = dim.getConstantIndex();
    if (index == 1 || !index)
      return dim.emitOpError("asks for the length of all sequences, and packed "
                             "ones have each their own");
    b.setInsertionPoint(dim);
    if (index == 0) {
      Location loc = dim.getLoc();
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      Value one = arith::ConstantIndexOp::create(b, loc, 1);
      Value ends = tensor::DimOp::create(b, loc, offsets, zero);
      dim.getResult().replaceAllUsesWith(
          arith::SubIOp::create(b, loc, ends, one));
    } else {
      dim.getResult().replaceAllUsesWith(
          tensor::DimOp::create(b, dim.getLoc(), dim.getSource(), *index - 1));
    }
    dim.erase();
  }
  return success();
}

/// What the importer says of inputs and outputs.
void InputPacker::describe() {
  auto module = forward->getParentOfType<ModuleOp>();
  for (Value row : rows) {
    auto argument = dyn_cast<BlockArgument>(row);
    if (!argument)
      continue;
    unsigned i = argument.getArgNumber();
    int64_t limit = INT64_MAX;
    for (Operation *user : argument.getUsers())
      if (auto lookup = dyn_cast<EmbeddingOp>(user))
        limit = std::min(limit, lookup.getTable().getType().getDimSize(0));
    if (limit > 0 && limit < INT64_MAX &&
        !forward.getArgAttr(i, "transformer.limit"))
      forward.setArgAttr(i, "transformer.limit", b.getI64IntegerAttr(limit));
  }
  Operation *end = block.getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands()))
    if (isRow(value) || sequences.contains(value))
      forward.setResultAttr(
          i, "transformer.rows",
          b.getStringAttr(isRow(value) ? "tokens" : "sequences"));
  int64_t length = cast<RankedTensorType>(mask.getType()).getDimSize(1);
  NamedAttrList model(
      module->getAttrOfType<DictionaryAttr>("transformer.model"));
  if (!ShapedType::isDynamic(length) && !model.get("max_length")) {
    model.set("max_length", b.getI64IntegerAttr(length));
    module->setAttr("transformer.model", model.getDictionary(b.getContext()));
  }
}

LogicalResult InputPacker::run() {
  if (failed(find()))
    return failure();
  unsigned index = forward.getNumArguments();
  (void)forward.insertArgument(
      index, RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
      b.getDictionaryAttr(b.getNamedAttr(kInput, b.getStringAttr("offsets"))),
      forward.getLoc());
  offsets = block.getArgument(index);
  b.setInsertionPointToStart(&block);
  Value zero = arith::ConstantIndexOp::create(b, forward.getLoc(), 0);
  tokens = tensor::DimOp::create(b, forward.getLoc(), first, zero);
  if (failed(replaceConstants()))
    return failure();
  for (Operation *op : ops)
    if (!op->hasTrait<OpTrait::IsTerminator>() &&
        !isa<arith::ConstantOp, tensor::DimOp>(op))
      convert(op);
  if (failed(replaceSizes()))
    return failure();
  for (Value row : rows) {
    RankedTensorType type =
        PackedLayout::packedType(cast<RankedTensorType>(row.getType()));
    if (isa<BlockArgument>(row) && type.getElementType().isInteger())
      type = cast<RankedTensorType>(type.clone(b.getI32Type()));
    row.setType(type);
  }
  for (size_t i = 0; i < sequences.size(); ++i)
    if (failed(spread(sequences[i])))
      return failure();
  describe();
  if (tokens.use_empty())
    tokens.getDefiningOp()->erase();
  if (!mask.use_empty())
    return (*mask.user_begin())->emitOpError("still reads the attention_mask");
  (void)forward.eraseArgument(mask.getArgNumber());
  forward.setFunctionType(
      FunctionType::get(b.getContext(), block.getArgumentTypes(),
                        block.getTerminator()->getOperandTypes()));
  return success();
}

namespace {
struct PackInputs : transformer::impl::TransformerPackInputsBase<PackInputs> {
  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    auto leave = [&](StringRef why) {
      remark::missed(getOperation().getLoc(),
                     remark::RemarkOpts::name("inputs").category(getArgument()))
          << remark::add("nothing is packed: {0}", why);
      markAllAnalysesPreserved();
    };
    if (!forward || !forward.getBody().hasOneBlock())
      return leave("there is no function @forward of one block");
    if (findInput(forward, "offsets"))
      return leave("@forward has offsets already");
    std::optional<unsigned> mask = findInput(forward, "attention_mask");
    if (!mask)
      return leave("@forward has no argument with transformer.input = "
                   "\"attention_mask\"");
    InputPacker packer(forward, forward.getArgument(*mask));
    if (failed(packer.run()))
      return signalPassFailure();
    numPacked += packer.numPacked;
    remark::passed(forward.getLoc(),
                   remark::RemarkOpts::name("packed").category(getArgument()))
        << remark::add("{0} ops of @forward are packed", packer.numPacked);
  }
};
} // namespace
