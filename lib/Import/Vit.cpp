//===- Vit.cpp - Vision Transformers --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Families.h"

#include "transformer/Support/Limits.h"

using namespace mlir;
using namespace mlir::transformer;

// An edge length, or [height, width].
static std::pair<int64_t, int64_t> readSides(Config &config, StringRef key,
                                             int64_t byDefault) {
  const llvm::json::Value *value = config.object().get(key);
  const llvm::json::Array *list = value ? value->getAsArray() : nullptr;
  if (!list) {
    int64_t side = config.integer(key, 1, limits::imageSide, byDefault);
    return {side, side};
  }
  SmallVector<int64_t, 2> sides;
  for (const llvm::json::Value &side : *list)
    if (std::optional<int64_t> number = side.getAsInteger())
      if (*number >= 1 && *number <= limits::imageSide)
        sides.push_back(*number);
  if (list->size() == 2 && sides.size() == 2)
    return {sides[0], sides[1]};
  config.shapeProblem(key + " is " + printed(*value) +
                      "; it must be one or two whole numbers from 1 to " +
                      Twine(limits::imageSide));
  return {1, 1};
}

// transformers renamed the modules of this family once; both names are in use.
static std::string either(const Twine &a, const Twine &b) {
  return (a + "|" + b).str();
}

static Value addLayer(ModelBuilder &m, int64_t index, Value x, int64_t inner,
                      int64_t heads, int64_t width, Activation activation,
                      float epsilon, bool hasBias) {
  int64_t hidden = widthOf(x);
  std::string a = "encoder.layer." + std::to_string(index) + ".";
  std::string b = "layers." + std::to_string(index) + ".";
  Value normed = m.layerNorm(
      either(a + "layernorm_before", b + "layernorm_before"), x, epsilon);
  auto project = [&](StringRef name, StringRef newName) {
    return m.linear(
        either(a + "attention.attention." + name, b + "attention." + newName),
        normed, width, Activation::none, hasBias);
  };
  Value q = project("query", "q_proj"), k = project("key", "k_proj"),
        v = project("value", "v_proj");
  Value mixed = m.attention(a + "attention.attention", q, k, v, heads);
  mixed = m.linear(either(a + "attention.output.dense", b + "attention.o_proj"),
                   mixed, hidden);
  x = m.add(a + "attention", mixed, x);

  normed = m.layerNorm(either(a + "layernorm_after", b + "layernorm_after"), x,
                       epsilon);
  Value y = m.linear(either(a + "intermediate.dense", b + "mlp.fc1"), normed,
                     inner, activation);
  y = m.linear(either(a + "output.dense", b + "mlp.fc2"), y, hidden);
  return m.add(a + "output", y, x);
}

Body transformer::buildVit(ModelBuilder &m) {
  Config &config = m.config;
  int64_t hidden = config.integer("hidden_size", 1, limits::hidden);
  int64_t layers = config.integer("num_hidden_layers", 0, limits::layers);
  int64_t heads = config.integer("num_attention_heads", 1, limits::heads);
  int64_t inner = config.integer("intermediate_size", 1, limits::hidden);
  Activation activation = config.activation("hidden_act", "gelu");
  float epsilon = config.epsilon("layer_norm_eps", 1e-12);
  bool hasBias = config.boolean("qkv_bias", true);
  int64_t channels = config.integer("num_channels", 1, 4096, 3);
  auto [height, width] = readSides(config, "image_size", 224);
  auto [size, otherSize] = readSides(config, "patch_size", 16);
  if (!config.isShapeless()) {
    if (hidden % heads)
      config.shapeProblem("num_attention_heads " + Twine(heads) +
                          " does not divide the hidden size " + Twine(hidden));
    if (size != otherSize)
      config.shapeProblem("patch_size is [" + Twine(size) + ", " +
                          Twine(otherSize) +
                          "]; only square patches are supported");
    if (size > height || size > width)
      config.shapeProblem("patch_size " + Twine(size) +
                          " is larger than the image, " + Twine(height) +
                          " x " + Twine(width));
    else if (height % size || width % size)
      config.shapeProblem("patch_size " + Twine(size) +
                          " does not divide the image size " + Twine(height) +
                          " x " + Twine(width));
  }
  SmallVector<int64_t> headsLeft = config.headsLeft(layers, heads);
  Body body;
  if (config.isShapeless())
    return body;

  int64_t count = (height / size) * (width / size);
  body.maxLength = count + 1;
  Value pixels = m.addPixels({ShapedType::kDynamic, channels, height, width});
  m.addOffsets();
  StringRef path = "embeddings.patch_embeddings.projection";
  Value patches = m.patches("embeddings.patch_embeddings", pixels, size);
  Value matrix = m.weight((path + ".weight").str(),
                          {hidden, channels, size, size}, {{0}, {1, 2, 3}});
  Value bias = m.weight((path + ".bias").str(), {hidden});
  Value x = m.linear(path, patches, matrix, bias, Activation::none);
  Value classToken =
      m.weight("embeddings.cls_token", {1, 1, hidden}, {{0, 1}, {2}});
  x = m.prepend("embeddings.cls_token", x, classToken, count);
  m.setTokens(x);
  Value table = m.weight("embeddings.position_embeddings",
                         {1, count + 1, hidden}, {{0, 1}, {2}});
  x = m.add("embeddings", x,
            m.embeddingOf("embeddings.position_embeddings",
                          m.positions("embeddings.position_ids"), table));
  for (int64_t i = 0; i < layers; ++i)
    x = addLayer(m, i, x, inner, headsLeft[i], headsLeft[i] * (hidden / heads),
                 activation, epsilon, hasBias);
  body.hidden = m.layerNorm("layernorm", x, epsilon);
  return body;
}
