//===- Companions.cpp - files that go with a model ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Artifact.h"

#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/MappedFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::transformer;

// Nobody's tokenizer is larger.
static constexpr uint64_t kMostBytes = uint64_t(256) << 20;

static constexpr StringLiteral kNames[] = {"config.json",
                                           "tokenizer.json",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.txt",
                                           "vocab.json",
                                           "merges.txt",
                                           "sentencepiece.bpe.model",
                                           "spiece.model",
                                           "modules.json",
                                           "sentence_bert_config.json",
                                           "config_sentence_transformers.json",
                                           "preprocessor_config.json",
                                           "generation_config.json"};

static llvm::Error copyFile(const Twine &from, const Twine &to) {
  auto bytes = readSmallFile(from.str(), kMostBytes);
  if (!bytes)
    return bytes.takeError();
  return writeFileAtomically(to.str(), *bytes);
}

llvm::Error mlir::transformer::copyCompanions(StringRef checkpoint,
                                              StringRef directory) {
  namespace fs = llvm::sys::fs;
  for (StringRef name : kNames) {
    std::string from = (checkpoint + "/" + name).str();
    if (fs::exists(from))
      if (llvm::Error error = copyFile(from, directory + "/" + name))
        return error;
  }
  // The modules of sentence-transformers: 1_Pooling, 2_Normalize...
  std::error_code code;
  SmallVector<std::string> modules;
  for (fs::directory_iterator it(checkpoint, code), end; !code && it != end;
       it.increment(code)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (name.size() > 2 && llvm::isDigit(name[0]) && name.contains('_') &&
        fs::exists(it->path() + "/config.json"))
      modules.push_back(name.str());
  }
  for (StringRef name : modules) {
    std::string to = (directory + "/" + name).str();
    if (std::error_code failed = fs::create_directory(
            to, /*IgnoreExisting=*/false, fs::perms::all_all))
      return makeError("cannot make the directory " + to + ": " +
                       failed.message());
    if (llvm::Error error = copyFile(checkpoint + "/" + name + "/config.json",
                                     to + "/config.json"))
      return error;
  }
  return llvm::Error::success();
}

uint64_t mlir::transformer::checkpointBytes(StringRef input) {
  namespace fs = llvm::sys::fs;
  uint64_t total = 0;
  std::error_code code;
  for (fs::directory_iterator it(input, code), end; !code && it != end;
       it.increment(code)) {
    uint64_t bytes = 0;
    if (StringRef(it->path()).ends_with(".safetensors") &&
        !fs::file_size(it->path(), bytes))
      total += bytes;
  }
  return total;
}
