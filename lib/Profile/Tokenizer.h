//===- Tokenizer.h - what a profile needs to know of one ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PROFILE_TOKENIZER_H
#define TRANSFORMER_LIB_PROFILE_TOKENIZER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <set>

namespace mlir::transformer {

struct TokenizerFacts {
  /// What stands around a sentence.
  std::optional<int32_t> begin, end;
  /// Ids that no text has: special tokens, and those that are kept free.
  std::set<int32_t> special;
};

/// From tokenizer.json (or vocab.txt) and the names of the special tokens
/// beside it. A directory without them gives no facts.
llvm::Expected<TokenizerFacts> readTokenizer(llvm::StringRef directory);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PROFILE_TOKENIZER_H
