//===- Tokenizer.cpp - what a profile needs to know of one ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tokenizer.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/MappedFile.h"
#include "transformer/Support/StrictJson.h"

#include "llvm/Support/FileSystem.h"

#include <map>

using namespace mlir;
using namespace mlir::transformer;
using llvm::StringRef;

static constexpr uint64_t kMostBytes = uint64_t(256) << 20;
static constexpr unsigned kDepth = 64;

namespace {
struct Tokens {
  std::map<std::string, int32_t, std::less<>> ids;
  std::set<int32_t> special;
};
} // namespace

/// "[unused0]" of BERT.
static bool isKeptFree(StringRef token) {
  return token.starts_with("[unused") || token.starts_with("<unused");
}

static void note(Tokens &tokens, StringRef text, uint64_t id, bool isSpecial) {
  if (id > INT32_MAX)
    return;
  tokens.ids[text.str()] = int32_t(id);
  if (isSpecial || isKeptFree(text))
    tokens.special.insert(int32_t(id));
}

static llvm::Error readAdded(JsonScanner &json, Tokens &tokens) {
  return json.array([&]() -> llvm::Error {
    std::string content;
    uint64_t id = 0;
    if (llvm::Error error = json.object([&](StringRef key) -> llvm::Error {
          if (key == "id") {
            auto number = json.unsignedInteger();
            if (!number)
              return number.takeError();
            id = *number;
            return llvm::Error::success();
          }
          if (key != "content")
            return json.skip();
          auto text = json.string();
          if (!text)
            return text.takeError();
          content = std::move(*text);
          return llvm::Error::success();
        }))
      return error;
    note(tokens, content, id, /*isSpecial=*/true);
    return llvm::Error::success();
  });
}

/// The vocabulary of WordPiece and BPE; Unigram's is a list, in which nothing
/// is kept free.
static llvm::Error readModel(JsonScanner &json, Tokens &tokens) {
  std::string type;
  return json.object([&](StringRef key) -> llvm::Error {
    if (key == "type") {
      auto text = json.string();
      if (!text)
        return text.takeError();
      type = std::move(*text);
      return llvm::Error::success();
    }
    if (key != "vocab" || (type != "WordPiece" && type != "BPE"))
      return json.skip();
    return json.object([&](StringRef token) -> llvm::Error {
      auto id = json.unsignedInteger();
      if (!id)
        return id.takeError();
      note(tokens, token, *id, /*isSpecial=*/false);
      return llvm::Error::success();
    });
  });
}

static llvm::Error readTokens(StringRef path, Tokens &tokens) {
  auto text = readSmallFile(path, kMostBytes);
  if (!text)
    return text.takeError();
  JsonScanner json(*text, kDepth);
  llvm::Error error = json.checkEncoding();
  if (!error)
    error = json.object([&](StringRef key) -> llvm::Error {
      if (key == "added_tokens")
        return readAdded(json, tokens);
      if (key == "model")
        return readModel(json, tokens);
      return json.skip();
    });
  if (error)
    return makeError(path + ": " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

static llvm::Error readVocabulary(StringRef path, Tokens &tokens) {
  auto text = readSmallFile(path, kMostBytes);
  if (!text)
    return text.takeError();
  uint64_t id = 0;
  for (StringRef line : llvm::split(*text, '\n'))
    note(tokens, line.rtrim('\r'), id++, /*isSpecial=*/false);
  return llvm::Error::success();
}

/// "[CLS]", given as such or as {"content": "[CLS]"}.
static StringRef nameOf(const llvm::json::Object &config, StringRef key) {
  if (auto text = config.getString(key))
    return *text;
  const llvm::json::Object *object = config.getObject(key);
  auto content = object ? object->getString("content") : std::nullopt;
  return content.value_or("");
}

llvm::Expected<TokenizerFacts> transformer::readTokenizer(StringRef directory) {
  auto file = [&](StringRef name) { return (directory + "/" + name).str(); };
  TokenizerFacts facts;
  Tokens tokens;
  if (llvm::sys::fs::exists(file("tokenizer.json"))) {
    if (llvm::Error error = readTokens(file("tokenizer.json"), tokens))
      return std::move(error);
  } else if (llvm::sys::fs::exists(file("vocab.txt"))) {
    if (llvm::Error error = readVocabulary(file("vocab.txt"), tokens))
      return std::move(error);
  }
  for (StringRef name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    std::string path = file(name);
    if (!llvm::sys::fs::exists(path))
      continue;
    auto text = readSmallFile(path, limits::configBytes);
    if (!text)
      return text.takeError();
    auto value = parseConfig(*text, path);
    if (!value)
      return value.takeError();
    const llvm::json::Object *config = value->getAsObject();
    if (!config)
      continue;
    for (StringRef key : {"cls_token", "sep_token", "pad_token", "mask_token",
                          "unk_token", "bos_token", "eos_token"}) {
      auto id = tokens.ids.find(nameOf(*config, key));
      if (id == tokens.ids.end())
        continue;
      facts.special.insert(id->second);
      if (key == "cls_token")
        facts.begin = id->second;
      if (key == "sep_token")
        facts.end = id->second;
    }
  }
  facts.special.insert(tokens.special.begin(), tokens.special.end());
  return facts;
}
