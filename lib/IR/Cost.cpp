//===- Cost.cpp - what an op computes and touches -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Cost.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

double Amount::of(const Workload &workload) const {
  double sequences = workload.sequences, tokens = workload.tokens;
  return fixed +
         sequences *
             (perSequence + tokens * perToken + tokens * tokens * perPair +
              tokens * std::log2(std::max(tokens, 1.0)) * perTransform);
}

Amount transformer::operator+(const Amount &a, const Amount &b) {
  return {a.fixed + b.fixed, a.perSequence + b.perSequence,
          a.perToken + b.perToken, a.perPair + b.perPair,
          a.perTransform + b.perTransform};
}

Amount transformer::operator*(double factor, const Amount &a) {
  return {factor * a.fixed, factor * a.perSequence, factor * a.perToken,
          factor * a.perPair, factor * a.perTransform};
}

double Cost::operationsOf(const Workload &workload) const {
  double sum = 0;
  for (const Amount &amount : operations)
    sum += amount.of(workload);
  return sum;
}

double Cost::bytesOf(const Workload &workload) const {
  return weights.of(workload) + rows.of(workload);
}

Cost &Cost::operator+=(const Cost &other) {
  for (int i = 0; i < kArithmetics; ++i)
    operations[i] = operations[i] + other.operations[i];
  weights = weights + other.weights, rows = rows + other.rows;
  return *this;
}

SmallVector<double> Cost::numbers() const {
  SmallVector<double> result;
  auto add = [&](const Amount &a) {
    result.append(
        {a.fixed, a.perSequence, a.perToken, a.perPair, a.perTransform});
  };
  for (const Amount &amount : operations)
    add(amount);
  add(weights), add(rows);
  return result;
}

Cost Cost::fromNumbers(ArrayRef<double> numbers) {
  Cost cost;
  if (numbers.size() != kNumbers)
    return cost;
  auto next = [&] {
    Amount a{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    numbers = numbers.drop_front(5);
    return a;
  };
  for (Amount &amount : cost.operations)
    amount = next();
  cost.weights = next(), cost.rows = next();
  return cost;
}

/// Instructions per element, as the emitters expand them.
static double activationCost(Activation activation) {
  switch (activation) {
  case Activation::none:
    return 0;
  case Activation::relu:
    return 1;
  case Activation::gelu:
    return 36; // erf by two polynomials and a division
  case Activation::gelu_tanh:
    return 45;
  case Activation::silu:
    return 25;
  case Activation::tanh:
    return 38;
  }
  llvm_unreachable("all activations are above");
}

/// exp2, a maximum, a sum, and the scale of a score.
constexpr double kSoftmaxCost = 24;

/// Whose rows the dynamic dimension of `v` counts.
static bool isPerSequence(Value v) {
  while (Operation *op = v.getDefiningOp()) {
    if (isa<PoolOp>(op))
      return true;
    if (isa<UnpoolOp, PositionsOp, PrependOp, PatchesOp>(op))
      return false;
    Value source;
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
        if (type.getRank() && type.isDynamicDim(0)) {
          source = operand;
          break;
        }
    if (!source)
      return false;
    v = source;
  }
  auto argument = cast<BlockArgument>(v);
  auto function =
      dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  auto name = function ? function.getArgAttrOfType<StringAttr>(
                             argument.getArgNumber(), "transformer.input")
                       : StringAttr();
  return name && (name == "pixel_values" || name == "offsets");
}

static int64_t widthOf(Value v) {
  auto type = cast<RankedTensorType>(v.getType());
  return type.getRank() && !type.isDynamicDim(type.getRank() - 1)
             ? type.getShape().back()
             : 1;
}

static double elementBytes(Value v) {
  return getElementTypeOrSelf(v.getType()).getIntOrFloatBitWidth() / 8.0;
}

/// How many elements `v` has.
static Amount elements(Value v) {
  auto type = dyn_cast<RankedTensorType>(v.getType());
  if (!type)
    return {};
  double known = 1;
  int64_t unknown = 0;
  for (int64_t dim : type.getShape())
    ShapedType::isDynamic(dim) ? double(++unknown) : known *= dim;
  if (!unknown)
    return {known};
  // Dense forms have two, whose product is the number of tokens.
  if (unknown == 1 && isPerSequence(v))
    return {0, known};
  return {0, 0, known};
}

static Amount bytes(Value v) {
  if (!v || !isa<RankedTensorType>(v.getType()))
    return {};
  return elementBytes(v) * elements(v);
}

static Arithmetic arithmeticOf(Type element) {
  if (element.isInteger(8))
    return Arithmetic::I8;
  return element.isBF16() ? Arithmetic::BF16 : Arithmetic::F32;
}

namespace {
struct Counter {
  Cost cost;

  void count(Arithmetic arithmetic, const Amount &amount) {
    Amount &sum = cost.operations[int(arithmetic)];
    sum = sum + amount;
  }
  void each(double operations, Value v) {
    count(Arithmetic::F32, operations * elements(v));
  }
  /// What is read and written: `weights` by their position among the operands.
  void touch(Operation *op, ArrayRef<Value> weights) {
    for (Value v : op->getOperands()) {
      bool isWeight = llvm::is_contained(weights, v);
      Amount &sum = isWeight ? cost.weights : cost.rows;
      auto packed = v.getDefiningOp<UnpackI4Op>();
      sum = sum +
            (packed ? bytes(packed.getPacked()) + bytes(packed.getMultipliers())
                    : bytes(v));
    }
    for (Value v : op->getResults())
      cost.rows = cost.rows + bytes(v);
  }

  void add(LinearOp op) {
    Value y = op.getResult();
    double depth = widthOf(op.getInput());
    count(arithmeticOf(getElementTypeOrSelf(op.getInput().getType())),
          2 * depth * elements(y));
    each((op.getBias() ? 1 : 0) + (op.getWeightScales() ? 3 : 0) +
             activationCost(op.getActivation()),
         y);
    touch(op, {op.getWeight(), op.getBias(), op.getWeightScales()});
  }

  void add(AttentionOp op) {
    // Of one head, row by key.
    double heads = op.getNumHeads();
    Amount pairs;
    auto query = op.getQuery().getType(), key = op.getKey().getType();
    bool causal = op.getCausal();
    if (op.isPacked() || query.isDynamicDim(1)) {
      // A query per sequence sees all of its tokens.
      if (op.isPacked() && isPerSequence(op.getQuery()))
        pairs.perToken = 1;
      else
        pairs.perPair = causal ? 0.5 : 1, pairs.perToken = causal ? 0.5 : 0;
    } else if (!key.isDynamicDim(1)) {
      double n = query.getDimSize(1), m = key.getDimSize(1);
      double seen = causal ? n * m - n * (n - 1) / 2 : n * m;
      (query.isDynamicDim(0) ? pairs.perSequence : pairs.fixed) =
          seen * (query.isDynamicDim(0) ? 1 : query.getDimSize(0));
    }
    Arithmetic products = op.getProducts() == Products::i8 ? Arithmetic::I8
                          : op.getProducts() == Products::bf16
                              ? Arithmetic::BF16
                              : Arithmetic::F32;
    count(products, 2 * heads * (op.getQkDim() + op.getValueDim()) * pairs);
    count(Arithmetic::F32,
          heads * (kSoftmaxCost + (op.getMask() ? 2 : 0)) * pairs);
    touch(op, {op.getMask()});
  }

  /// The usual count of a real transform of N numbers, 2.5 N log2(N).
  void add(FftMixOp op) {
    double width = widthOf(op.getInput());
    Amount all =
        2.5 * std::log2(std::max(width, 1.0)) * elements(op.getInput());
    auto type = op.getInput().getType();
    if (op.getOffsets() || type.isDynamicDim(1))
      all.perTransform = 2.5 * width;
    else
      all = all + 2.5 * std::log2(double(type.getDimSize(1))) *
                      elements(op.getInput());
    count(Arithmetic::F32, all);
    touch(op, {});
  }

  /// Only the rows that are looked up are touched.
  void add(EmbeddingOp op) {
    Value y = op.getResult();
    double read = elementBytes(op->getOperand(1));
    cost.rows = read * elements(y) + bytes(y) + bytes(op->getOperand(0));
  }

  void add(PoolOp op) {
    Value y = op.getResult();
    // The first row of each sequence is copied.
    if (op.getKind() == PoolKind::cls) {
      cost.rows = 2 * bytes(y);
      return;
    }
    each(1, op.getInput());
    touch(op, {});
  }

  void add(SelectOp op) {
    each(1, op.getResult());
    touch(op, {op.getIndices()});
  }

  void add(TokenMixOp op) {
    auto weight = op.getWeight().getType();
    double lags = weight.getDimSize(0);
    double inner = weight.getRank() == 3 ? weight.getDimSize(2) : 1;
    count(arithmeticOf(getElementTypeOrSelf(op.getInput().getType())),
          2 * lags * inner * elements(op.getResult()));
    touch(op, {op.getWeight()});
  }
};
} // namespace

/// Instructions per element of the first operand.
static double perElement(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](LayerNormOp op) { return op.getResidual() ? 9.0 : 8.0; })
      .Case([](RmsNormOp) { return 4.0; })
      .Case([](L2NormalizeOp) { return 3.0; })
      .Case([](QuantizeOp op) { return op.getMultiplier() ? 7.0 : 6.0; })
      .Case([](DequantizeOp) { return 2.0; })
      .Case([](RopeOp) { return 3.0; })
      .Case([](GeluOp) { return activationCost(Activation::gelu); })
      .Case([](GeluTanhOp) { return activationCost(Activation::gelu_tanh); })
      .Case([](ReluOp) { return activationCost(Activation::relu); })
      .Case([](SiluOp) { return activationCost(Activation::silu); })
      .Case([](TanhOp) { return activationCost(Activation::tanh); })
      .Default([](Operation *op) {
        return op->hasTrait<OpTrait::Elementwise>() ? 1.0 : 0.0;
      });
}

Cost transformer::costOf(Operation *op) {
  Counter counter;
  // Whoever reads a weight unpacks it.
  if (isa<UnpackI4Op>(op))
    return counter.cost;
  if (!isa<TransformerDialect>(op->getDialect()) &&
      !(op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
        isa<RankedTensorType>(op->getResult(0).getType())))
    return counter.cost;
  llvm::TypeSwitch<Operation *>(op)
      .Case<LinearOp, AttentionOp, FftMixOp, EmbeddingOp, SelectOp, PoolOp,
            TokenMixOp>([&](auto found) { counter.add(found); })
      .Default([&](Operation *other) {
        // What has no row dimension of its own is a parameter.
        SmallVector<Value> weights;
        for (Value v : other->getOperands().drop_front(
                 std::min<size_t>(1, other->getNumOperands())))
          if (auto type = dyn_cast<RankedTensorType>(v.getType());
              type && type.hasStaticShape() && type.getRank() < 2)
            weights.push_back(v);
        if (other->getNumOperands() &&
            isa<RankedTensorType>(other->getOperand(0).getType()))
          counter.each(perElement(other), other->getOperand(0));
        counter.touch(other, weights);
      });
  return counter.cost;
}
