//===- Dequantize.cpp - i8 and bf16 back to f32 ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERDEQUANTIZE
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

/// The numbers of a constant of any of the types that weights are rounded to.
static std::optional<std::vector<float>> knownAsF32(Value value) {
  Type element = elementOf(value);
  if (element.isInteger(8)) {
    std::optional<std::vector<int8_t>> integers = knownIntegersOf(value);
    if (!integers)
      return std::nullopt;
    return std::vector<float>(integers->begin(), integers->end());
  }
  std::optional<std::vector<char>> bytes = copyOfBytes(value);
  if (!bytes)
    return std::nullopt;
  if (element.isF32())
    return fromBytes<float>(*bytes);
  if (!element.isBF16())
    return std::nullopt;
  std::vector<float> numbers;
  for (uint16_t half : fromBytes<uint16_t>(*bytes))
    numbers.push_back(llvm::bit_cast<float>(uint32_t(half) << 16));
  return numbers;
}

/// What holds the integers of `weight`.
static Value storedOf(Value weight) {
  auto unpack = weight.getDefiningOp<UnpackI4Op>();
  return unpack ? Value(unpack.getPacked()) : weight;
}

/// What the weight was called before it was rounded.
static std::string nameOf(Value weight) {
  auto load = storedOf(weight).getDefiningOp<ml_program::GlobalLoadConstOp>();
  StringRef name = load ? load.getGlobal().getLeafReference().getValue()
                        : StringRef("weight");
  for (StringRef ending : {"_i8", "_i4", "_bf16", "_pca"})
    if (name.consume_back(ending))
      break;
  return name.str();
}

/// An f32 weight, under the name that `like` had.
static Value weightInF32(RewriterBase &rewriter, Location loc, Value like,
                         ArrayRef<int64_t> shape, ArrayRef<float> numbers) {
  return createWeight(rewriter, loc, nameOf(like),
                      RankedTensorType::get(shape, rewriter.getF32Type()),
                      rawBytes<float>(numbers), storedOf(like));
}

/// The same bias, without the ending that rounding gave its name.
static Value biasInF32(RewriterBase &rewriter, Location loc, Value bias) {
  auto load = bias ? bias.getDefiningOp<ml_program::GlobalLoadConstOp>()
                   : ml_program::GlobalLoadConstOp();
  if (!load || nameOf(bias) == load.getGlobal().getLeafReference().getValue())
    return bias;
  std::optional<std::vector<float>> numbers = knownAsF32(bias);
  if (!numbers)
    return bias;
  return weightInF32(rewriter, loc, bias,
                     cast<RankedTensorType>(bias.getType()).getShape(),
                     *numbers);
}

/// w * scale of its row * multiplier of its column.
static void multiplyOut(std::vector<float> &numbers, ArrayRef<float> scales,
                        ArrayRef<float> multipliers, int64_t columns) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    int64_t row = i / columns, column = i % columns;
    double number = numbers[i];
    number *= scales.size() == 1 ? scales[0] : scales[row];
    if (!multipliers.empty())
      number *= multipliers[column];
    numbers[i] = float(number);
  }
}

/// A table in another basis: the linear behind goes into its rows.
static LogicalResult tableThroughLinear(RewriterBase &rewriter,
                                        EmbeddingOp rows, LinearOp op,
                                        ArrayRef<float> weight) {
  auto table = knownAsF32(rows.getTable());
  auto scales = knownAsF32(rows.getScales());
  std::optional<std::vector<float>> bias;
  if (op.getBias())
    bias = knownAsF32(op.getBias());
  if (!table || !scales || (op.getBias() && !bias))
    return rewriter.notifyMatchFailure(op, "its numbers are not known");
  auto tableType = cast<RankedTensorType>(rows.getTable().getType());
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  int64_t count = tableType.getDimSize(0);
  multiplyOut(*table, *scales, {}, tableType.getDimSize(1));
  Matrix product =
      multiply(Matrix(count, tableType.getDimSize(1), *table),
               Matrix(type.getDimSize(0), type.getDimSize(1), weight),
               Form::AsIs, Form::Transposed);
  std::vector<float> numbers(count * type.getDimSize(0));
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < type.getDimSize(0); ++j)
      numbers[i * type.getDimSize(0) + j] =
          float(product(i, j) + (bias ? (*bias)[j] : 0.0f));
  rewriter.setInsertionPoint(op);
  Value fresh = weightInF32(rewriter, op.getLoc(), rows.getTable(),
                            {count, type.getDimSize(0)}, numbers);
  rewriter.replaceOpWithNewOp<EmbeddingOp>(op, op.getType(), rows.getIds(),
                                           fresh, Value());
  return success();
}

LogicalResult transformer::dequantize(RewriterBase &rewriter, LinearOp op) {
  bool isI8 = bool(op.getInputScales());
  Value input, multiplier;
  if (isI8) {
    auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
    if (!quantize || op.getInputScales() != quantize.getScales())
      return rewriter.notifyMatchFailure(op,
                                         "its input is not of one quantize");
    input = quantize.getInput(), multiplier = quantize.getMultiplier();
  } else if (elementOf(op.getWeight()).isBF16()) {
    auto round = op.getInput().getDefiningOp<arith::TruncFOp>();
    if (!round || !elementOf(round.getIn()).isF32() ||
        !elementOf(op.getResult()).isF32())
      return rewriter.notifyMatchFailure(op, "its rows are not rounded f32");
    input = round.getIn();
  } else {
    return rewriter.notifyMatchFailure(op, "it is not rounded");
  }
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  std::optional<std::vector<float>> numbers, scales{{1.0f}}, multipliers{{}};
  if (type.hasStaticShape())
    numbers = knownAsF32(op.getWeight());
  if (isI8)
    scales = knownAsF32(op.getWeightScales());
  if (multiplier)
    multipliers = knownAsF32(multiplier);
  if (!numbers || !scales || !multipliers)
    return rewriter.notifyMatchFailure(op, "its numbers are not known");
  if (!numbers->empty())
    multiplyOut(*numbers, *scales, *multipliers, type.getDimSize(1));
  auto rows = input.getDefiningOp<EmbeddingOp>();
  if (isI8 && !multiplier && rows && rows.getScales() &&
      op.getActivation() == Activation::none &&
      cast<RankedTensorType>(rows.getScales().getType()).getNumElements() == 1)
    return tableThroughLinear(rewriter, rows, op, *numbers);
  rewriter.setInsertionPoint(op);
  Value weight = weightInF32(rewriter, op.getLoc(), op.getWeight(),
                             type.getShape(), *numbers);
  rewriter.replaceOpWithNewOp<LinearOp>(
      op, op.getType(), input, weight,
      biasInF32(rewriter, op.getLoc(), op.getBias()), Value(), Value(),
      op.getActivation());
  return success();
}

LogicalResult transformer::dequantize(RewriterBase &rewriter, EmbeddingOp op) {
  auto type = cast<RankedTensorType>(op.getTable().getType());
  bool isBf16 = type.getElementType().isBF16();
  if (!isBf16 && !op.getScales())
    return rewriter.notifyMatchFailure(op, "it is not rounded");
  auto widens = [](Operation *user) { return isa<arith::ExtFOp>(user); };
  if (isBf16 && !llvm::all_of(op->getUsers(), widens))
    return rewriter.notifyMatchFailure(op, "its rows are read as bf16");
  std::optional<std::vector<float>> numbers, scales{{1.0f}};
  if (type.hasStaticShape())
    numbers = knownAsF32(op.getTable());
  if (op.getScales())
    scales = knownAsF32(op.getScales());
  if (!numbers || !scales)
    return rewriter.notifyMatchFailure(op, "its numbers are not known");
  if (!numbers->empty())
    multiplyOut(*numbers, *scales, {}, type.getDimSize(1));
  rewriter.setInsertionPoint(op);
  Value table = weightInF32(rewriter, op.getLoc(), op.getTable(),
                            type.getShape(), *numbers);
  auto result = cast<RankedTensorType>(op.getType());
  Value rows = EmbeddingOp::create(rewriter, op.getLoc(),
                                   result.clone(Type(rewriter.getF32Type())),
                                   op.getIds(), table, Value());
  if (!isBf16) {
    rewriter.replaceOp(op, rows);
    return success();
  }
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    rewriter.replaceOp(user, rows);
  rewriter.eraseOp(op);
  return success();
}

namespace {
struct Dequantize
    : public transformer::impl::TransformerDequantizeBase<Dequantize> {
  using TransformerDequantizeBase::TransformerDequantizeBase;

  template <typename Op> void run(Op op, StringRef what, Statistic &count) {
    Location loc = op.getLoc();
    std::string why;
    ReasonListener listener(why);
    IRRewriter rewriter(&getContext(), &listener);
    if (succeeded(dequantize(rewriter, op))) {
      ++count;
      remarkDone(loc, getArgument(), "f32", (what + " is f32").str());
    } else {
      remarkKept(loc, getArgument(), (what + " stays as it is: " + why).str());
    }
  }

  void runOnOperation() override {
    SmallVector<LinearOp> linears;
    SmallVector<EmbeddingOp> tables;
    getOperation().walk([&](LinearOp op) { linears.push_back(op); });
    for (LinearOp op : linears)
      run(op, "the linear", numLinears);
    eraseUnread<QuantizeOp>();
    eraseUnread<arith::TruncFOp>();
    eraseUnread<EmbeddingOp>(); // whose rows went into another table
    getOperation().walk([&](EmbeddingOp op) { tables.push_back(op); });
    for (EmbeddingOp op : tables)
      run(op, "the table", numTables);
    eraseUnread<UnpackI4Op>();
    getOperation().walk([](AttentionOp op) {
      if (elementOf(op.getQuery()).isF32())
        op.setProducts(Products::f32);
    });
    eraseUnreadWeights(getOperation(), [](Location, StringRef) {});
  }

  template <typename Op> void eraseUnread() {
    getOperation().walk([](Op op) {
      if (op->use_empty())
        op->erase();
    });
  }
};
} // namespace
