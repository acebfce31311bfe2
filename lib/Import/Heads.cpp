//===- Heads.cpp - what is put on the last hidden states ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Families.h"

#include "transformer/Support/Limits.h"

using namespace mlir;
using namespace mlir::transformer;

// How many labels a classifier has, counted as transformers does.
static int64_t labelCount(ModelBuilder &m) {
  const llvm::json::Value *names = m.config.object().get("id2label");
  if (const llvm::json::Object *table = names ? names->getAsObject() : nullptr)
    return std::max<int64_t>(1, table->size());
  return m.config.integer("num_labels|_num_labels", 1, limits::labels, 2);
}

static void addLogits(ModelBuilder &m, const Body &body, Value logits,
                      bool perToken) {
  m.addOutput("last_hidden_state", body.hidden, /*perToken=*/true);
  m.addOutput("logits", logits, perToken);
}

static Value firstRows(ModelBuilder &m, StringRef path, const Body &body) {
  return m.pool(path, body.hidden, PoolKind::cls);
}

// tanh(dense(first token)), where the checkpoint has it.
static void addBareOutputs(ModelBuilder &m, const Body &body,
                           bool mayHavePooler, Activation activation,
                           int64_t width) {
  m.addOutput("last_hidden_state", body.hidden, /*perToken=*/true);
  if (!mayHavePooler || (!m.weights.has("pooler.dense.weight") &&
                         !m.weights.has("pooler.dense.bias")))
    return;
  Value first = firstRows(m, "pooler", body);
  m.addOutput("pooler_output",
              m.linear("pooler.dense", first, width, activation),
              /*perToken=*/false);
}

// The matrix onto the vocabulary. When the file has one of its own that
// differs from the word table, it counts, as in transformers.
static Value vocabularyMatrix(ModelBuilder &m, const Body &body,
                              StringRef name) {
  int64_t hidden = widthOf(body.hidden);
  std::string table = (body.wordTable + ".weight").str();
  bool isTied = m.config.boolean("tie_word_embeddings", true);
  bool isOwn =
      isTied ? m.weights.has(name) && !m.weights.areEqual(name, table) : true;
  return m.weight(isOwn ? name : StringRef(table), {body.vocabulary, hidden});
}

// dense, activation, norm, then the vocabulary: what all masked language
// models of these families do.
static void addMaskedHead(ModelBuilder &m, const Body &body, StringRef dense,
                          StringRef norm, Activation activation, float epsilon,
                          StringRef decoder, StringRef bias) {
  Value x = m.linear(dense, body.hidden, widthOf(body.hidden), activation);
  x = m.layerNorm(norm, x, epsilon);
  Value matrix = vocabularyMatrix(m, body, (decoder + ".weight").str());
  // The bias is there once or twice. Where the two differ, that of the decoder
  // is what transformers adds.
  std::string own = (decoder + ".bias").str();
  Value shift =
      m.weight(m.weights.has(own) ? StringRef(own) : bias, {body.vocabulary});
  addLogits(m, body, m.linear(decoder, x, matrix, shift, Activation::none),
            /*perToken=*/true);
}

// The heads that are one linear per token. False if `head` is another.
static bool addTokenHead(ModelBuilder &m, const Body &body, Head head) {
  if (head != Head::token && head != Head::question)
    return false;
  int64_t labels = labelCount(m);
  if (head == Head::question && labels != 2)
    m.config.problem("a question answering head needs 2 labels, found " +
                     Twine(labels));
  StringRef path = head == Head::token ? "classifier" : "qa_outputs";
  addLogits(m, body, m.linear(path, body.hidden, labels), /*perToken=*/true);
  return true;
}

void transformer::addBertHead(ModelBuilder &m, const Body &body, Head head) {
  int64_t hidden = widthOf(body.hidden);
  if (addTokenHead(m, body, head))
    return;
  if (head == Head::none)
    return addBareOutputs(m, body, true, Activation::tanh, hidden);
  if (head == Head::sequence) {
    Value pooled = m.linear("pooler.dense", firstRows(m, "pooler", body),
                            hidden, Activation::tanh);
    return addLogits(m, body, m.linear("classifier", pooled, labelCount(m)),
                     /*perToken=*/false);
  }
  bool isFNet = m.config.string("model_type", "") == "fnet";
  addMaskedHead(m, body, "cls.predictions.transform.dense",
                "cls.predictions.transform.LayerNorm",
                m.config.activation("hidden_act", isFNet ? "gelu_new" : "gelu"),
                m.config.epsilon("layer_norm_eps", 1e-12),
                "cls.predictions.decoder", "cls.predictions.bias");
}

void transformer::addRobertaHead(ModelBuilder &m, const Body &body, Head head) {
  int64_t hidden = widthOf(body.hidden);
  if (addTokenHead(m, body, head))
    return;
  if (head == Head::none)
    return addBareOutputs(m, body, true, Activation::tanh, hidden);
  if (head == Head::sequence) {
    Value x = m.linear("classifier.dense", firstRows(m, "classifier", body),
                       hidden, Activation::tanh);
    return addLogits(m, body, m.linear("classifier.out_proj", x, labelCount(m)),
                     /*perToken=*/false);
  }
  addMaskedHead(m, body, "lm_head.dense", "lm_head.layer_norm",
                Activation::gelu, m.config.epsilon("layer_norm_eps", 1e-12),
                "lm_head.decoder", "lm_head.bias");
}

void transformer::addDistilBertHead(ModelBuilder &m, const Body &body,
                                    Head head) {
  if (addTokenHead(m, body, head))
    return;
  if (head == Head::none)
    return addBareOutputs(m, body, false, Activation::none, 0);
  if (head == Head::sequence) {
    Value x = m.linear("pre_classifier", firstRows(m, "pre_classifier", body),
                       widthOf(body.hidden), Activation::relu);
    return addLogits(m, body, m.linear("classifier", x, labelCount(m)),
                     /*perToken=*/false);
  }
  addMaskedHead(m, body, "vocab_transform", "vocab_layer_norm",
                m.config.activation("activation|hidden_act", "gelu"), 1e-12f,
                "vocab_projector", "vocab_projector.bias");
}

void transformer::addGpt2Head(ModelBuilder &m, const Body &body, Head head) {
  if (addTokenHead(m, body, head))
    return;
  if (head == Head::none)
    return addBareOutputs(m, body, false, Activation::none, 0);
  Value matrix = vocabularyMatrix(m, body, "lm_head.weight");
  addLogits(m, body,
            m.linear("lm_head", body.hidden, matrix, Value(), Activation::none),
            /*perToken=*/true);
}

void transformer::addVitHead(ModelBuilder &m, const Body &body, Head head) {
  int64_t hidden = widthOf(body.hidden);
  if (head == Head::none)
    return addBareOutputs(
        m, body, true, m.config.activation("pooler_act", "tanh"),
        m.config.integer("pooler_output_size", 1, limits::hidden, hidden));
  addLogits(
      m, body,
      m.linear("classifier", firstRows(m, "classifier", body), labelCount(m)),
      /*perToken=*/false);
}
