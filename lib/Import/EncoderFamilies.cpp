//===- EncoderFamilies.cpp - BERT and its relatives -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Semantics as in Hugging Face transformers, whose module names are the paths.
//===----------------------------------------------------------------------===//
#include "Families.h"

#include "transformer/Support/Limits.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
// What a family calls the parts of a layer, below "<layers>.<i>.".
struct LayerNames {
  StringRef layers, query, key, value, mixOut, mixNorm, ffnIn, ffnOut, ffnNorm;
};
struct Sizes {
  int64_t hidden, layers, heads = 0, inner;
  SmallVector<int64_t> headsLeft;
  Activation activation;
  float epsilon = 1e-12f;
};
} // namespace

static constexpr LayerNames bertNames = {
    "encoder.layer",          "attention.self.query",
    "attention.self.key",     "attention.self.value",
    "attention.output.dense", "attention.output.LayerNorm",
    "intermediate.dense",     "output.dense",
    "output.LayerNorm"};
static constexpr LayerNames distilBertNames = {
    "transformer.layer", "attention.q_lin",   "attention.k_lin",
    "attention.v_lin",   "attention.out_lin", "sa_layer_norm",
    "ffn.lin1",          "ffn.lin2",          "output_layer_norm"};
static constexpr LayerNames fnetNames = {"encoder.layer",
                                         "",
                                         "",
                                         "",
                                         "",
                                         "fourier.output.LayerNorm",
                                         "intermediate.dense",
                                         "output.dense",
                                         "output.LayerNorm"};

static void readHeads(Config &config, StringRef key, Sizes &sizes) {
  sizes.heads = config.integer(key, 1, limits::heads);
  if (sizes.hidden % sizes.heads && !config.isShapeless())
    config.shapeProblem(key.split('|').first + " " + Twine(sizes.heads) +
                        " does not divide the hidden size " +
                        Twine(sizes.hidden));
  sizes.headsLeft = config.headsLeft(sizes.layers, sizes.heads);
}

static Value addLayer(ModelBuilder &m, const LayerNames &names,
                      const Sizes &sizes, int64_t index, Value x) {
  std::string layer = (names.layers + "." + Twine(index) + ".").str();
  auto at = [&](StringRef name) { return layer + name.str(); };

  Value mixed;
  if (names.query.empty()) {
    mixed = m.fftMix(at("fourier.self"), x);
  } else {
    int64_t heads = sizes.headsLeft[index];
    int64_t width = heads * (sizes.hidden / sizes.heads);
    Value q = m.linear(at(names.query), x, width);
    Value k = m.linear(at(names.key), x, width);
    Value v = m.linear(at(names.value), x, width);
    StringRef path = names.query.rsplit('.').first;
    mixed = m.attention(at(path), q, k, v, heads);
    mixed = m.linear(at(names.mixOut), mixed, sizes.hidden);
  }
  mixed = m.add(at(names.mixNorm), mixed, x);
  x = m.layerNorm(at(names.mixNorm), mixed, sizes.epsilon);

  Value inner = m.linear(at(names.ffnIn), x, sizes.inner, sizes.activation);
  Value outer = m.linear(at(names.ffnOut), inner, sizes.hidden);
  outer = m.add(at(names.ffnNorm), outer, x);
  return m.layerNorm(at(names.ffnNorm), outer, sizes.epsilon);
}

// What these families refuse: everything that makes an encoder a decoder.
static void checkEncoder(Config &config) {
  config.requireFlag("is_decoder", false,
                     "only encoders of this family are supported");
  config.requireFlag("add_cross_attention", false,
                     "cross attention is not supported in checkpoints");
  config.requireString("position_embedding_type", "absolute");
}

// BERT, RoBERTa and FNet share their embeddings and the naming of layers.
static Body buildBertLike(ModelBuilder &m, const LayerNames &names,
                          bool isRoberta, bool isFNet) {
  Config &config = m.config;
  Sizes sizes;
  sizes.hidden = config.integer("hidden_size", 1, limits::hidden);
  sizes.layers = config.integer("num_hidden_layers", 0, limits::layers);
  sizes.inner = config.integer("intermediate_size", 1, limits::hidden);
  sizes.activation =
      config.activation("hidden_act", isFNet ? "gelu_new" : "gelu");
  sizes.epsilon = config.epsilon("layer_norm_eps", 1e-12);
  if (!isFNet)
    readHeads(config, "num_attention_heads", sizes);
  Body body;
  body.vocabulary = config.integer("vocab_size", 1, limits::vocabulary);
  body.wordTable = "embeddings.word_embeddings";
  int64_t types =
      config.integer("type_vocab_size", 1, limits::vocabulary, isFNet ? 4 : 2);
  int64_t table =
      config.integer("max_position_embeddings", 1, limits::positions);
  body.maxLength = table;
  int64_t padding = 0;
  if (isRoberta) {
    // Positions count from padding + 1, and the table includes the skipped.
    padding = config.integer("pad_token_id", 0, limits::vocabulary, 1);
    body.maxLength = table - padding - 1;
    if (body.maxLength < 1 && !config.isShapeless())
      config.shapeProblem("max_position_embeddings " + Twine(table) +
                          " leaves no position after pad_token_id " +
                          Twine(padding));
  }
  checkEncoder(config);
  if (isFNet)
    config.requireFlag("use_tpu_fourier_optimizations", false,
                       "only the plain Fourier transform is supported");
  if (config.isShapeless())
    return body;

  Value ids = body.input = m.addIds("input_ids", body.vocabulary);
  Value typeIds = m.addIds("token_type_ids", types);
  m.addOffsets();
  Value x = m.embedding("embeddings.word_embeddings", ids, body.vocabulary,
                        sizes.hidden);
  Value type = m.embedding("embeddings.token_type_embeddings", typeIds, types,
                           sizes.hidden);
  x = m.add("embeddings", x, type);
  Value positions = isRoberta ? m.positions("embeddings.position_ids", ids,
                                            padding + 1, padding)
                              : m.positions("embeddings.position_ids");
  x = m.add("embeddings", x,
            m.embedding("embeddings.position_embeddings", positions, table,
                        sizes.hidden));
  x = m.layerNorm("embeddings.LayerNorm", x, sizes.epsilon);
  if (isFNet)
    x = m.linear("embeddings.projection", x, sizes.hidden);
  for (int64_t i = 0; i < sizes.layers; ++i)
    x = addLayer(m, names, sizes, i, x);
  body.hidden = x;
  return body;
}

Body transformer::buildBert(ModelBuilder &m) {
  return buildBertLike(m, bertNames, /*isRoberta=*/false, /*isFNet=*/false);
}

Body transformer::buildRoberta(ModelBuilder &m) {
  return buildBertLike(m, bertNames, /*isRoberta=*/true, /*isFNet=*/false);
}

Body transformer::buildFNet(ModelBuilder &m) {
  return buildBertLike(m, fnetNames, /*isRoberta=*/false, /*isFNet=*/true);
}

Body transformer::buildDistilBert(ModelBuilder &m) {
  Config &config = m.config;
  Sizes sizes;
  sizes.hidden = config.integer("dim|hidden_size", 1, limits::hidden);
  sizes.layers =
      config.integer("n_layers|num_hidden_layers", 0, limits::layers);
  sizes.inner =
      config.integer("hidden_dim|intermediate_size", 1, limits::hidden);
  sizes.activation = config.activation("activation|hidden_act", "gelu");
  readHeads(config, "n_heads|num_attention_heads", sizes);
  Body body;
  body.vocabulary = config.integer("vocab_size", 1, limits::vocabulary);
  body.wordTable = "embeddings.word_embeddings";
  body.maxLength =
      config.integer("max_position_embeddings", 1, limits::positions);
  checkEncoder(config);
  if (config.isShapeless())
    return body;

  Value ids = body.input = m.addIds("input_ids", body.vocabulary);
  m.addOffsets();
  Value x = m.embedding("embeddings.word_embeddings", ids, body.vocabulary,
                        sizes.hidden);
  Value positions = m.positions("embeddings.position_ids");
  x = m.add("embeddings", x,
            m.embedding("embeddings.position_embeddings", positions,
                        body.maxLength, sizes.hidden));
  x = m.layerNorm("embeddings.LayerNorm", x, sizes.epsilon);
  for (int64_t i = 0; i < sizes.layers; ++i)
    x = addLayer(m, distilBertNames, sizes, i, x);
  body.hidden = x;
  return body;
}
