//===- Gpt2.cpp - GPT-2 ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Families.h"

#include "transformer/Support/Limits.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

Body transformer::buildGpt2(ModelBuilder &m) {
  Config &config = m.config;
  int64_t hidden = config.integer("n_embd|hidden_size", 1, limits::hidden);
  int64_t layers =
      config.integer("n_layer|num_hidden_layers", 0, limits::layers);
  int64_t heads =
      config.integer("n_head|num_attention_heads", 1, limits::heads);
  int64_t inner = config.integer("n_inner", 1, limits::hidden * 4, 4 * hidden);
  Activation activation = config.activation("activation_function", "gelu_new");
  float epsilon = config.epsilon("layer_norm_epsilon", 1e-5);
  bool isScaled = config.boolean("scale_attn_weights", true);
  bool isScaledByLayer =
      config.boolean("scale_attn_by_inverse_layer_idx", false);
  Body body;
  body.vocabulary = config.integer("vocab_size", 1, limits::vocabulary);
  body.wordTable = "wte";
  body.maxLength = config.integer("n_positions|max_position_embeddings", 1,
                                  limits::positions);
  if (hidden % heads && !config.isShapeless())
    config.shapeProblem("n_head " + Twine(heads) +
                        " does not divide the hidden size " + Twine(hidden));
  config.requireFlag("add_cross_attention", false,
                     "cross attention is not supported in checkpoints");
  SmallVector<int64_t> left = config.headsLeft(layers, heads);
  if (config.isShapeless())
    return body;

  Value ids = body.input = m.addIds("input_ids", body.vocabulary);
  m.addOffsets();
  Value x = m.embedding("wte", ids, body.vocabulary, hidden);
  Value positions = m.positions("position_ids");
  x = m.add("wpe", x, m.embedding("wpe", positions, body.maxLength, hidden));
  int64_t headWidth = hidden / heads;
  for (int64_t i = 0; i < layers; ++i) {
    std::string layer = "h." + std::to_string(i) + ".";
    auto at = [&](StringRef name) { return layer + name.str(); };
    int64_t width = left[i] * headWidth;
    Value normed = m.layerNorm(at("ln_1"), x, epsilon);
    auto part = [&](int64_t index, StringRef name) {
      return m.conv1d(at("attn.c_attn"), normed, 3 * width, index * width,
                      width, Activation::none, name);
    };
    Value q = part(0, ".query"), k = part(1, ".key"), v = part(2, ".value");
    std::optional<float> scale;
    if (!isScaled || isScaledByLayer)
      scale = static_cast<float>(
          (isScaled ? 1.0 / std::sqrt(static_cast<double>(headWidth)) : 1.0) /
          (isScaledByLayer ? static_cast<double>(i + 1) : 1.0));
    Value mixed =
        m.attention(at("attn"), q, k, v, left[i], /*causal=*/true, scale);
    mixed = m.conv1d(at("attn.c_proj"), mixed, hidden, 0, hidden);
    x = m.add(at("attn"), mixed, x);
    Value y = m.layerNorm(at("ln_2"), x, epsilon);
    y = m.conv1d(at("mlp.c_fc"), y, inner, 0, inner, activation);
    y = m.conv1d(at("mlp.c_proj"), y, hidden, 0, hidden);
    x = m.add(at("mlp"), x, y);
  }
  body.hidden = m.layerNorm("ln_f", x, epsilon);
  return body;
}
