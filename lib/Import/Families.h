//===- Families.h - the model families and their heads --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_IMPORT_FAMILIES_H
#define TRANSFORMER_LIB_IMPORT_FAMILIES_H

#include "Builder.h"

namespace mlir::transformer {

/// What is put on the last hidden states.
enum class Head { none, sequence, token, question, masked, causal };

/// What a family hands to the heads and to the module's attributes.
struct Body {
  Value hidden; // [tokens, H]
  Value input;  // the ids, or nothing
  int64_t maxLength = 0;
  int64_t sentenceLength = 0; // to which tokenizers cut text; 0: unknown
  int64_t vocabulary = 0;
  StringRef wordTable; // path of the table that heads may be tied to
};

struct Family {
  StringRef name;        // model_type
  StringRef prefix;      // of the base model's tensors below a head
  StringRef probe;       // a tensor that every checkpoint of it has
  StringRef classPrefix; // "Bert" of "BertForMaskedLM"
  Body (*build)(ModelBuilder &);
  void (*addHead)(ModelBuilder &, const Body &, Head);
  ArrayRef<std::pair<StringRef, Head>> heads; // class name -> head
};

// EncoderFamilies.cpp, Gpt2.cpp, Vit.cpp
Body buildBert(ModelBuilder &);
Body buildRoberta(ModelBuilder &);
Body buildDistilBert(ModelBuilder &);
Body buildFNet(ModelBuilder &);
Body buildGpt2(ModelBuilder &);
Body buildVit(ModelBuilder &);

// Heads.cpp
void addBertHead(ModelBuilder &, const Body &, Head);
void addRobertaHead(ModelBuilder &, const Body &, Head);
void addDistilBertHead(ModelBuilder &, const Body &, Head);
void addGpt2Head(ModelBuilder &, const Body &, Head);
void addVitHead(ModelBuilder &, const Body &, Head);

/// The modules of a sentence-transformers checkpoint behind its encoder, from
/// the `modules.json` in `directory`.
void addSentenceModules(ModelBuilder &, const Body &, StringRef directory,
                        Problems &);

/// Its `max_seq_length`, to which its tokenizer cuts text; 0: it names none.
int64_t readSentenceLength(StringRef directory, Problems &);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_IMPORT_FAMILIES_H
