//===- Builder.cpp - the pieces that model families are made of -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Builder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

ModelBuilder::ModelBuilder(ModuleOp module, Config &config, Weights &weights)
    : config(config), weights(weights), b(module.getContext()) {
  b.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(b, at("forward"), "forward",
                                  b.getFunctionType({}, {}));
  b.setInsertionPointToEnd(function.addEntryBlock());
}

Value ModelBuilder::addInput(StringRef name, Type type,
                             std::optional<int64_t> limit) {
  NamedAttrList attributes;
  attributes.set("transformer.input", b.getStringAttr(name));
  if (limit)
    attributes.set("transformer.limit", b.getI64IntegerAttr(*limit));
  inputs.push_back(attributes.getDictionary(b.getContext()));
  return function.getBody().front().addArgument(type, at(name));
}

Value ModelBuilder::addIds(StringRef name, int64_t limit) {
  Value ids = addInput(
      name, RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
      limit);
  if (!tokensSource)
    tokensSource = ids;
  return ids;
}

Value ModelBuilder::addPixels(ArrayRef<int64_t> shape) {
  return addInput("pixel_values", RankedTensorType::get(shape, b.getF32Type()),
                  std::nullopt);
}

Value ModelBuilder::addOffsets() {
  return offsetsValue = addInput(
             "offsets",
             RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
             std::nullopt);
}

void ModelBuilder::addOutput(StringRef name, Value value, bool perToken) {
  outputs.push_back(b.getDictionaryAttr(
      {b.getNamedAttr("transformer.output", b.getStringAttr(name)),
       b.getNamedAttr("transformer.rows",
                      b.getStringAttr(perToken ? "tokens" : "sequences"))}));
  results.push_back(value);
}

void ModelBuilder::finish() {
  func::ReturnOp::create(b, at("forward"), results);
  Block &entry = function.getBody().front();
  function.setFunctionType(b.getFunctionType(entry.getArgumentTypes(),
                                             ValueRange(results).getTypes()));
  for (auto [i, attributes] : llvm::enumerate(inputs))
    function.setArgAttrs(i, attributes);
  for (auto [i, attributes] : llvm::enumerate(outputs))
    function.setResultAttrs(i, attributes);
}

Value ModelBuilder::weight(StringRef name, ArrayRef<int64_t> shape,
                           ArrayRef<ReassociationIndices> groups) {
  StringRef path = name.split('|').first;
  Location loc = at(path.rsplit('.').first);
  Value value = weights.load(b, loc, name, shape);
  if (groups.empty())
    return value;
  return tensor::CollapseShapeOp::create(b, loc, value, groups);
}

// "a|b" and ".weight" -> "a.weight|b.weight".
static std::string member(StringRef path, StringRef suffix) {
  std::string result;
  for (StringRef rest = path; !rest.empty();) {
    StringRef alias;
    std::tie(alias, rest) = rest.split('|');
    result += (alias + suffix + (rest.empty() ? "" : "|")).str();
  }
  return result;
}

static StringRef firstAlias(StringRef path) { return path.split('|').first; }

Value ModelBuilder::linear(StringRef path, Value input, Value weight,
                           Value bias, Activation activation) {
  auto out = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  return LinearOp::create(b, at(firstAlias(path)), rows(out), input, weight,
                          bias, Value(), Value(),
                          ActivationAttr::get(b.getContext(), activation));
}

Value ModelBuilder::linear(StringRef path, Value input, int64_t out,
                           Activation activation, bool hasBias) {
  Value matrix = weight(member(path, ".weight"), {out, widthOf(input)});
  Value bias = hasBias ? weight(member(path, ".bias"), {out}) : Value();
  return linear(path, input, matrix, bias, activation);
}

Value ModelBuilder::conv1d(StringRef path, Value input, int64_t columns,
                           int64_t begin, int64_t out, Activation activation,
                           StringRef part) {
  int64_t in = widthOf(input);
  std::string place = (path + part).str();
  Location loc = at(place);
  Value matrix = weight((path + ".weight").str(), {in, columns});
  Value bias = weight((path + ".bias").str(), {columns});
  if (out != columns) {
    auto i = [&](int64_t value) { return b.getIndexAttr(value); };
    matrix = tensor::ExtractSliceOp::create(
        b, loc, matrix, ArrayRef<OpFoldResult>{i(0), i(begin)},
        ArrayRef<OpFoldResult>{i(in), i(out)},
        ArrayRef<OpFoldResult>{i(1), i(1)});
    bias = tensor::ExtractSliceOp::create(
        b, loc, bias, ArrayRef<OpFoldResult>{i(begin)},
        ArrayRef<OpFoldResult>{i(out)}, ArrayRef<OpFoldResult>{i(1)});
  }
  Value empty = tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{out, in},
                                        b.getF32Type());
  Value transposed = linalg::TransposeOp::create(b, loc, matrix, empty,
                                                 ArrayRef<int64_t>{1, 0})
                         ->getResult(0);
  return linear(place, input, transposed, bias, activation);
}

Value ModelBuilder::layerNorm(StringRef path, Value input, float epsilon) {
  int64_t width = widthOf(input);
  Value scale = weight(member(path, ".weight"), {width});
  Value shift = weight(member(path, ".bias"), {width});
  return LayerNormOp::create(b, at(firstAlias(path)), input.getType(), input,
                             scale, shift, Value(), b.getF32FloatAttr(epsilon));
}

Value ModelBuilder::add(StringRef path, Value x, Value y) {
  return arith::AddFOp::create(b, at(path), x, y);
}

Value ModelBuilder::embedding(StringRef path, Value ids, int64_t count,
                              int64_t hidden) {
  return embeddingOf(path, ids,
                     weight((path + ".weight").str(), {count, hidden}));
}

Value ModelBuilder::embeddingOf(StringRef path, Value ids, Value table) {
  return EmbeddingOp::create(b, at(path), rows(widthOf(table)), ids, table,
                             Value());
}

Value ModelBuilder::positions(StringRef path, Value ids, int64_t start,
                              std::optional<int64_t> paddingId) {
  if (!tokensValue)
    tokensValue = tensor::DimOp::create(b, at("tokens"), tokensSource, 0);
  return PositionsOp::create(
      b, at(path),
      RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type()),
      offsetsValue, tokensValue, ids, b.getI64IntegerAttr(start),
      paddingId ? b.getI64IntegerAttr(*paddingId) : IntegerAttr());
}

Value ModelBuilder::attention(StringRef path, Value q, Value k, Value v,
                              int64_t heads, bool causal,
                              std::optional<float> scale) {
  return AttentionOp::create(
      b, at(path), rows(widthOf(v)), q, k, v, offsetsValue, Value(), Value(),
      b.getI64IntegerAttr(heads), b.getI64IntegerAttr(heads),
      scale ? b.getF32FloatAttr(*scale) : FloatAttr(),
      causal ? b.getUnitAttr() : UnitAttr(),
      ProductsAttr::get(b.getContext(), Products::f32));
}

Value ModelBuilder::fftMix(StringRef path, Value input) {
  return FftMixOp::create(b, at(path), input.getType(), input, offsetsValue);
}

Value ModelBuilder::pool(StringRef path, Value input, PoolKind kind) {
  return PoolOp::create(b, at(path), input.getType(),
                        PoolKindAttr::get(b.getContext(), kind), input,
                        offsetsValue, Value());
}

Value ModelBuilder::l2Normalize(StringRef path, Value input, float epsilon) {
  return L2NormalizeOp::create(b, at(path), input.getType(), input,
                               b.getF32FloatAttr(epsilon));
}

Value ModelBuilder::patches(StringRef path, Value pixels, int64_t size) {
  int64_t channels = cast<RankedTensorType>(pixels.getType()).getDimSize(1);
  return PatchesOp::create(b, at(path), rows(channels * size * size), pixels,
                           b.getI64IntegerAttr(size));
}

Value ModelBuilder::prepend(StringRef path, Value input, Value rows,
                            int64_t length) {
  return PrependOp::create(b, at(path), input.getType(), input, rows,
                           b.getI64IntegerAttr(length));
}
