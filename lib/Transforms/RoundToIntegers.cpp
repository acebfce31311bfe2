//===- RoundToIntegers.cpp - linears and tables to their integer form
//-------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Numbers.h"

#include "transformer/Transforms/Quantize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::transformer;

/// Why `weight` is no f32 matrix of known finite numbers.
static StringRef whyNotMatrix(Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (type.getElementType().isInteger(8))
    return "it is i8 already";
  if (!type.getElementType().isF32())
    return "its weight is not f32";
  if (!type.hasStaticShape())
    return "the shape of its weight is dynamic";
  if (type.getNumElements() == 0)
    return "its weight is empty";
  if (auto load = weight.getDefiningOp<ml_program::GlobalLoadConstOp>())
    if (!bytesOf(constantOf(weight), type))
      return "the numbers of its weight are not known: load them with "
             "transformer-load-weights";
  std::optional<WeightBytes> known = bytesOf(constantOf(weight), type);
  if (!known)
    return "its weight is computed: transformer-fold-weights may make it known";
  size_t count = known->bytes.size() / sizeof(float);
  for (size_t i = 0; i < count; ++i) {
    float number;
    std::memcpy(&number, known->bytes.data() + i * sizeof(float),
                sizeof(float));
    if (!std::isfinite(number))
      return "its weight holds NaN or infinity";
  }
  return "";
}

StringRef transformer::whyNotRounded(LinearOp op) {
  auto element = [](Value v) {
    return cast<RankedTensorType>(v.getType()).getElementType();
  };
  if (op.getInputScales())
    return "it is i8 already";
  if (!element(op.getInput()).isF32() || !element(op.getResult()).isF32())
    return "it is not f32";
  if (cast<RankedTensorType>(op.getInput().getType()).getRank() == 0)
    return "its input has no rows";
  return whyNotMatrix(op.getWeight());
}

StringRef transformer::whyNotRounded(EmbeddingOp op) {
  if (!cast<RankedTensorType>(op.getType()).getElementType().isF32())
    return "it is not f32";
  return whyNotMatrix(op.getTable());
}

StringRef transformer::whyNotRounded(AttentionOp op) {
  if (op.getProducts() != Products::f32)
    return "its products are rounded already";
  for (Value v : {op.getQuery(), op.getKey(), op.getValue()})
    if (!cast<RankedTensorType>(v.getType()).getElementType().isF32())
      return "it is not f32";
  return "";
}

std::optional<std::vector<int8_t>> transformer::knownIntegersOf(Value value) {
  auto unpack = value.getDefiningOp<UnpackI4Op>();
  Value stored = unpack ? Value(unpack.getPacked()) : value;
  std::optional<std::vector<char>> bytes = copyOfBytes(stored);
  if (!bytes)
    return std::nullopt;
  std::vector<int8_t> numbers = fromBytes<int8_t>(*bytes);
  if (!unpack)
    return numbers;
  std::optional<std::vector<char>> multipliers =
      copyOfBytes(unpack.getMultipliers());
  if (!multipliers)
    return std::nullopt;
  auto type = cast<RankedTensorType>(unpack.getType());
  return unpackI4(numbers, type.getDimSize(0), type.getDimSize(1),
                  fromBytes<int8_t>(*multipliers));
}

/// "x.weight" of a global; constants have no names.
static std::string nameOf(Value weight) {
  auto load = weight.getDefiningOp<ml_program::GlobalLoadConstOp>();
  return load ? load.getGlobal().getLeafReference().str() : "weight";
}

/// The scales of rows that a compensator rounds.
static std::vector<float> scalesOf(const Matrix &weight,
                                   const WeightRounding &how) {
  std::vector<float> scales;
  for (int64_t r = 0; r < weight.rows; ++r) {
    double top = 0;
    for (int64_t c = 0; c < weight.columns; ++c)
      top = std::max(top, std::abs(weight(r, c)) /
                              (how.divisors.empty() ? 1.0 : how.divisors[c]));
    float scale = how.step > 0 ? how.step : float(top / 127);
    while (how.step > 0 && top > 127.0 * scale)
      scale *= 2;
    scales.push_back(scale > 0 ? scale : 1);
  }
  return scales;
}

static RoundedRows roundRows(Value weight, const WeightRounding &how) {
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  std::vector<float> numbers = numbersOf(weight);
  const Compensator *compensator = how.compensator;
  if (how.bits == 4) {
    std::vector<double> importance =
        compensator ? compensator->importance() : how.importance.vec();
    GroupGrid grid = chooseGroupGrid(numbers, rows, columns, how.divisors,
                                     importance, how.scaleType);
    return compensator
               ? compensator->round(matrixOf(weight), grid, how.divisors)
               : roundRowsToGrid(numbers, rows, columns, how.divisors, grid);
  }
  if (!compensator)
    return roundRowsToI8(numbers, rows, columns, how.divisors, how.scaleType);
  Matrix matrix = matrixOf(weight);
  return compensator->round(matrix, scalesOf(matrix, how), how.divisors);
}

/// The same globals, loaded here; constants are cheap to repeat.
static Value cloneHere(OpBuilder &builder, Value value) {
  Operation *op = value.getDefiningOp();
  IRMapping map;
  if (isa<UnpackI4Op>(op))
    for (Value operand : op->getOperands())
      map.map(operand, cloneHere(builder, operand));
  return builder.clone(*op, map)->getResult(0);
}

WeightRounder::Rounded WeightRounder::round(OpBuilder &builder, Location loc,
                                            Value weight,
                                            const WeightRounding &how) {
  Key key(constantOf(weight).getAsOpaquePointer(),
          std::vector<float>(how.divisors), how.scaleType, how.compensator,
          how.step, how.bits);
  auto found = done.find(key);
  if (found != done.end()) {
    Rounded again = found->second;
    again.values = cloneHere(builder, again.values);
    again.scales = cloneHere(builder, again.scales);
    return again;
  }
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  ScaleType scaleType = how.scaleType;
  RoundedRows rounded = roundRows(weight, how);
  std::string name = nameOf(weight);
  Rounded result;
  result.error = rounded.error;
  auto integers = [&](const Twine &name, ArrayRef<int8_t> numbers) {
    auto type = RankedTensorType::get(
        {rows, rows ? int64_t(numbers.size()) / rows : 0}, builder.getI8Type());
    return createWeight(builder, loc, name.str(), type,
                        rawBytes<int8_t>(numbers), weight);
  };
  if (how.bits == 4)
    result.values = UnpackI4Op::create(
        builder, loc, type.clone(builder.getI8Type()),
        integers(name + "_i4",
                 packI4(rounded.values, rows, columns, rounded.multipliers)),
        integers(name + "_groups", rounded.multipliers));
  else
    result.values = integers(name + "_i8", rounded.values);
  bool isNarrow = scaleType == ScaleType::BF16;
  Type element = isNarrow ? Type(builder.getBF16Type()) : builder.getF32Type();
  result.scales = createWeight(
      builder, loc, name + "_scales", RankedTensorType::get({rows}, element),
      isNarrow ? upperHalves(rounded.scales) : rawBytes<float>(rounded.scales),
      weight);
  done[key] = result;
  return result;
}

/// The bias plus what the mean of the input loses to rounding the weight.
static Value correctedBias(RewriterBase &rewriter, LinearOp op,
                           ArrayRef<double> mean,
                           const WeightRounder::Rounded &rounded,
                           ArrayRef<float> multipliers) {
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  std::vector<float> bias(rows);
  if (op.getBias()) {
    if (!bytesOf(constantOf(op.getBias()),
                 cast<RankedTensorType>(op.getBias().getType())))
      return op.getBias();
    bias = numbersOf(op.getBias());
  }
  std::vector<float> weight = numbersOf(op.getWeight());
  std::vector<int8_t> values = *knownIntegersOf(rounded.values);
  std::vector<float> scales = numbersOf(rounded.scales);
  for (int64_t n = 0; n < rows; ++n) {
    double sum = bias[n];
    for (int64_t c = 0; c < columns; ++c) {
      double kept = double(values[n * columns + c]) * scales[n];
      if (!multipliers.empty())
        kept *= multipliers[c];
      sum += (weight[n * columns + c] - kept) * mean[c];
    }
    bias[n] = float(sum);
  }
  StringRef path = modulePath(op);
  return createWeight(rewriter, op.getLoc(),
                      (path.empty() ? "linear" : path.str()) + ".bias_i8",
                      RankedTensorType::get({rows}, rewriter.getF32Type()),
                      rawBytes<float>(bias),
                      op.getBias() ? op.getBias() : op.getWeight());
}

/// Drops what nothing reads any more.
static void eraseUnread(RewriterBase &rewriter, Value weight) {
  if (weight && weight.use_empty())
    rewriter.eraseOp(weight.getDefiningOp());
}

/// A bias of the keys of attention changes nothing (see transformer-freeze).
static bool isKeys(LinearOp op) {
  return llvm::all_of(op->getUses(), [](OpOperand &use) {
    auto attention = dyn_cast<AttentionOp>(use.getOwner());
    return attention && &use == &attention.getKeyMutable();
  });
}

FailureOr<SmallVector<double>>
transformer::quantizeLinears(RewriterBase &rewriter, LinearGroup &group,
                             const LinearCluster &cluster, bool correctBias,
                             int bits, WeightRounder &rounder) {
  ArrayRef<float> multipliers = cluster.multipliers;
  for (LinearOp op : group.linears) {
    StringRef why = whyNotRounded(op);
    if (!why.empty())
      return rewriter.notifyMatchFailure(op, why);
    if (op.getInput() != group.input())
      return rewriter.notifyMatchFailure(op, "its input is another");
  }
  LinearOp first = group.linears.front();
  rewriter.setInsertionPoint(first);
  Value multiplier;
  if (!multipliers.empty()) {
    StringRef path = modulePath(first);
    multiplier =
        createWeight(rewriter, first.getLoc(),
                     (path.empty() ? "linear" : path.str()) + ".multiplier",
                     RankedTensorType::get({int64_t(multipliers.size())},
                                           rewriter.getBF16Type()),
                     upperHalves(multipliers), first.getWeight());
  }
  auto quantize =
      QuantizeOp::create(rewriter, first.getLoc(), group.input(), multiplier);
  WeightRounding how{multipliers};
  how.bits = bits;
  std::vector<double> energies;
  if (group.statistics)
    for (double rms : group.statistics->rms())
      energies.push_back(rms * rms);
  how.importance = energies;
  how.compensator = cluster.compensator ? &*cluster.compensator : nullptr;
  // Compensation minimizes the error about the mean that it was made with.
  std::vector<double> mean;
  if (how.compensator && group.gram)
    mean = group.gram->mean();
  else if (group.statistics)
    mean = group.statistics->mean();
  SmallVector<double> errors;
  for (LinearOp op : group.linears) {
    rewriter.setInsertionPoint(op);
    how.step = cluster.steps.lookup(constantOf(op.getWeight()));
    WeightRounder::Rounded weight =
        rounder.round(rewriter, op.getLoc(), op.getWeight(), how);
    Value bias = op.getBias();
    if (correctBias && !mean.empty() && (bias || !isKeys(op)))
      bias = correctedBias(rewriter, op, mean, weight, multipliers);
    errors.push_back(weight.error);
    auto fresh = LinearOp::create(rewriter, op.getLoc(), op.getType(),
                                  quantize.getResult(), weight.values, bias,
                                  quantize.getScales(), weight.scales,
                                  op.getActivation());
    Value oldWeight = op.getWeight();
    Value oldBias = bias == op.getBias() ? Value() : op.getBias();
    rewriter.replaceOp(op, fresh.getResult());
    eraseUnread(rewriter, oldWeight);
    eraseUnread(rewriter, oldBias);
  }
  return errors;
}

FailureOr<double> transformer::quantizeTable(RewriterBase &rewriter,
                                             EmbeddingOp op,
                                             ScaleType scaleType, int bits,
                                             WeightRounder &rounder) {
  StringRef why = whyNotRounded(op);
  if (!why.empty())
    return rewriter.notifyMatchFailure(op, why);
  rewriter.setInsertionPoint(op);
  WeightRounding how{{}, scaleType};
  how.bits = bits;
  WeightRounder::Rounded table =
      rounder.round(rewriter, op.getLoc(), op.getTable(), how);
  Value oldTable = op.getTable();
  rewriter.replaceOpWithNewOp<EmbeddingOp>(op, op.getType(), op.getIds(),
                                           table.values, table.scales);
  eraseUnread(rewriter, oldTable);
  return table.error;
}

std::string transformer::whyNotOf(const Profile &profile, ModuleOp module) {
  auto attribute = module->getAttrOfType<StringAttr>(kCheckpointAttribute);
  StringRef own = attribute ? attribute.getValue() : "";
  if (own == profile.checkpoint)
    return "";
  auto name = [](StringRef fingerprint) {
    return fingerprint.empty() ? "a model without checkpoint"
                               : ("checkpoint " + fingerprint).str();
  };
  return "is the profile of " + name(profile.checkpoint) +
         ", and the module is of " + name(own) + ": make one for it";
}
