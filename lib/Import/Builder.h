//===- Builder.h - the pieces that model families are made of -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_IMPORT_BUILDER_H
#define TRANSFORMER_LIB_IMPORT_BUILDER_H

#include "Config.h"
#include "Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::transformer {

/// Builds the body of @forward. Each function takes the module path of what it
/// builds: it finds the weights by it and becomes the location.
class ModelBuilder {
public:
  ModelBuilder(ModuleOp module, Config &config, Weights &weights);

  // Inputs, in the order in which they are declared. Integer inputs are one
  // number per token below `limit`.
  Value addIds(StringRef name, int64_t limit);
  Value addPixels(ArrayRef<int64_t> shape);
  Value addOffsets();
  /// [tokens, H] or [sequences, H].
  void addOutput(StringRef name, Value value, bool perToken);
  void finish();

  Value offsets() const { return offsetsValue; }
  void setTokens(Value rows) { tokensSource = rows; }

  Value linear(StringRef path, Value input, int64_t out,
               Activation activation = Activation::none, bool hasBias = true);
  /// The same with weight and bias under names of their own.
  Value linear(StringRef path, Value input, Value weight, Value bias,
               Activation activation);
  /// GPT-2's Conv1D, whose weight is [in, out]: the columns
  /// [begin, begin + out) of it.
  Value conv1d(StringRef path, Value input, int64_t columns, int64_t begin,
               int64_t out, Activation activation = Activation::none,
               StringRef part = "");
  Value layerNorm(StringRef path, Value input, float epsilon);
  Value add(StringRef path, Value a, Value b);
  Value embedding(StringRef path, Value ids, int64_t rows, int64_t hidden);
  Value embeddingOf(StringRef path, Value ids, Value table);
  Value positions(StringRef path, Value ids = {}, int64_t start = 0,
                  std::optional<int64_t> paddingId = std::nullopt);
  Value attention(StringRef path, Value q, Value k, Value v, int64_t heads,
                  bool causal = false,
                  std::optional<float> scale = std::nullopt);
  Value fftMix(StringRef path, Value input);
  Value pool(StringRef path, Value input, PoolKind kind);
  Value l2Normalize(StringRef path, Value input, float epsilon);
  Value patches(StringRef path, Value pixels, int64_t size);
  Value prepend(StringRef path, Value input, Value rows, int64_t length);
  /// A weight as it is, or with its dimensions collapsed to `groups`.
  Value weight(StringRef name, ArrayRef<int64_t> shape,
               ArrayRef<ReassociationIndices> groups = {});

  Config &config;
  Weights &weights;
  OpBuilder b;
  func::FuncOp function;

private:
  Location at(StringRef path) { return NameLoc::get(b.getStringAttr(path)); }
  Value addInput(StringRef name, Type type, std::optional<int64_t> limit);
  RankedTensorType rows(int64_t width) {
    return RankedTensorType::get({ShapedType::kDynamic, width}, b.getF32Type());
  }

  Value offsetsValue, tokensSource, tokensValue;
  SmallVector<DictionaryAttr> inputs, outputs;
  SmallVector<Value> results;
};

/// The last dimension.
inline int64_t widthOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_IMPORT_BUILDER_H
