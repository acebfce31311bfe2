//===- Inputs.cpp - random arguments for a function -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Check.h"

#include "transformer/IR/TransformerDialect.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::check;

int64_t Call::tokens() const {
  return std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
}
int64_t Call::keys() const {
  return keyLengths.empty() ? tokens()
                            : std::accumulate(keyLengths.begin(),
                                              keyLengths.end(), int64_t(0));
}

namespace {
/// What the rows of an argument count.
enum class Rows { tokens, keys, sequences, offsets, keyOffsets };

class Maker {
public:
  Maker(func::FuncOp function, const Call &call)
      : function(function), call(call), random(call.seed * 7919 + 17) {}
  FailureOr<TensorValue> make(BlockArgument argument);

private:
  Rows rowsOf(BlockArgument argument);
  int64_t limitOf(BlockArgument argument);
  int64_t sizeOf(RankedTensorType type, int64_t dim, Rows rows);
  void fillFloats(TensorValue &tensor);
  // Not std::normal_distribution: its numbers differ between libraries.
  double uniform() { return double(random() >> 11) * 0x1p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) *
           std::cos(2 * M_PI * uniform());
  }

  func::FuncOp function;
  const Call &call;
  std::mt19937_64 random;
};
} // namespace

Rows Maker::rowsOf(BlockArgument argument) {
  unsigned index = argument.getArgNumber();
  StringRef name;
  for (StringRef key : {"transformer.rows", "transformer.input"})
    if (auto given = function.getArgAttrOfType<StringAttr>(index, key))
      name = name.empty() ? given.getValue() : name;
  if (name == "offsets")
    return Rows::offsets;
  if (name == "key_offsets")
    return Rows::keyOffsets;
  if (name == "keys")
    return Rows::keys;
  if (name == "sequences" || name == "pixel_values")
    return Rows::sequences;
  for (OpOperand &use : argument.getUses()) {
    Operation *op = use.getOwner();
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      if (attention.getQueryOffsets() == argument)
        return Rows::offsets;
      if (attention.getKeyOffsets() == argument)
        return Rows::keyOffsets;
      bool ofKeys =
          attention.getKey() == argument || attention.getValue() == argument;
      if (ofKeys && attention.getQuery() != argument)
        return Rows::keys;
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    bool mayBeOffsets =
        type && type.getRank() == 1 && type.getElementType().isInteger(32);
    if (mayBeOffsets && isa<FftMixOp, TokenMixOp, PoolOp, UnpoolOp>(op))
      return Rows::offsets;
    if (mayBeOffsets && isa<PositionsOp>(op) && use.getOperandNumber() == 0)
      return Rows::offsets;
    if (isa<UnpoolOp, PatchesOp>(op))
      return Rows::sequences;
  }
  return Rows::tokens;
}

int64_t Maker::limitOf(BlockArgument argument) {
  if (auto limit = function.getArgAttrOfType<IntegerAttr>(
          argument.getArgNumber(), "transformer.limit"))
    return limit.getInt();
  for (Operation *user : argument.getUsers())
    if (auto embedding = dyn_cast<EmbeddingOp>(user))
      return embedding.getTable().getType().getDimSize(0);
  return 16;
}

int64_t Maker::sizeOf(RankedTensorType type, int64_t dim, Rows rows) {
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  auto longest = [](ArrayRef<int64_t> lengths) {
    return lengths.empty() ? 0 : *llvm::max_element(lengths);
  };
  // In the dense form the rows of all sequences are equally many.
  if (type.getRank() > 2 && dim > 0)
    return rows == Rows::keys && !call.keyLengths.empty()
               ? longest(call.keyLengths)
               : longest(call.lengths);
  if (type.getRank() > 2)
    return call.sequences();
  switch (rows) {
  case Rows::tokens:
    return call.tokens();
  case Rows::keys:
    return call.keys();
  case Rows::sequences:
    return call.sequences();
  case Rows::offsets:
  case Rows::keyOffsets:
    return call.sequences() + 1;
  }
  llvm_unreachable("all rows are above");
}

void Maker::fillFloats(TensorValue &tensor) {
  double constant = roundToType(normal(), tensor.elementType);
  for (double &value : tensor.data) {
    value = normal();
    switch (call.values) {
    case Values::large:
      value = uniform() < 0.5 ? 1e4 : -1e4;
      break;
    case Values::tiny:
      value *= 1e-30;
      break;
    case Values::equal:
      value = constant;
      break;
    case Values::zeros:
      value = 0;
      break;
    default:
      break;
    }
    value = roundToType(value, tensor.elementType);
  }
  if (tensor.data.empty())
    return;
  double &victim = tensor.data[random() % tensor.data.size()];
  if (call.values == Values::nan)
    victim = std::numeric_limits<double>::quiet_NaN();
  if (call.values == Values::inf)
    victim = std::numeric_limits<double>::infinity();
}

FailureOr<TensorValue> Maker::make(BlockArgument argument) {
  auto emitError = [&] { return function.emitError(); };
  Type elementType = getElementTypeOrSelf(argument.getType());
  Rows rows = rowsOf(argument);
  SmallVector<int64_t> shape;
  if (auto type = dyn_cast<RankedTensorType>(argument.getType()))
    for (int64_t d = 0; d < type.getRank(); ++d)
      shape.push_back(sizeOf(type, d, rows));
  FailureOr<TensorValue> tensor = makeTensor(elementType, shape, emitError);
  if (failed(tensor))
    return failure();
  if (rows == Rows::offsets || rows == Rows::keyOffsets) {
    ArrayRef<int64_t> lengths = rows == Rows::offsets || call.keyLengths.empty()
                                    ? call.lengths
                                    : call.keyLengths;
    if (tensor->data.size() != lengths.size() + 1)
      return function.emitError("has offsets of a fixed size that is not the "
                                "number of sequences and one");
    std::partial_sum(lengths.begin(), lengths.end(), tensor->data.begin() + 1);
    return tensor;
  }
  if (elementType.isIndex()) {
    tensor->data[0] = double(call.tokens());
    return tensor;
  }
  if (isa<FloatType>(elementType)) {
    fillFloats(*tensor);
    return tensor;
  }
  for (double &value : tensor->data) {
    if (elementType.isInteger(8))
      value = double(random() % 255) - 127;
    else
      value =
          double(random() % (elementType.isInteger(1) ? 2 : limitOf(argument)));
  }
  return tensor;
}

FailureOr<Tensors> check::makeInputs(func::FuncOp function, const Call &call) {
  Maker maker(function, call);
  Tensors inputs;
  for (BlockArgument argument : function.getArguments()) {
    FailureOr<TensorValue> tensor = maker.make(argument);
    if (failed(tensor))
      return failure();
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

double check::distance(const TensorValue &found, const TensorValue &expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (found.shape != expected.shape)
    return infinity;
  double worst = 0, largest = 1;
  for (auto [a, b] : llvm::zip_equal(found.data, expected.data)) {
    if (std::isnan(a) || std::isnan(b) || std::isinf(a) || std::isinf(b)) {
      if (a != b && !(std::isnan(a) && std::isnan(b)))
        return infinity;
      continue;
    }
    worst = std::max(worst, std::fabs(a - b));
    largest = std::max(largest, std::fabs(b));
  }
  return worst / largest;
}

double check::defaultTolerance(Type elementType) {
  if (elementType.isBF16())
    return 2e-2;
  return elementType.isF16() ? 2e-3 : 2e-5;
}
