//===- StrictJson.h - JSON from strangers ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// llvm::json recurses without a bound, keeps the last of duplicate keys and
// builds a tree of 75 times the text's size. This scanner does none of that:
// bounded depth, duplicate keys refused, UTF-8 checked, values handed over as
// they come.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_STRICTJSON_H
#define TRANSFORMER_SUPPORT_STRICTJSON_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace mlir::transformer {

/// Pulls values out of a JSON text in order. Every function expects that the
/// next value has its kind, and fails with a sentence otherwise.
class JsonScanner {
public:
  JsonScanner(llvm::StringRef text, unsigned maxDepth)
      : text(text), maxDepth(maxDepth) {}

  /// Fails if the text is not UTF-8. To be called first.
  llvm::Error checkEncoding() const;

  /// Calls `member` for each key; it must consume the value.
  llvm::Error object(llvm::function_ref<llvm::Error(llvm::StringRef)> member);
  /// Calls `element` at each element; it must consume it.
  llvm::Error array(llvm::function_ref<llvm::Error()> element);
  llvm::Expected<std::string> string();
  /// A number of digits only: no sign, fraction, exponent or leading zero.
  llvm::Expected<uint64_t> unsignedInteger();
  /// Any value, checked and dropped.
  llvm::Error skip();
  /// Fails if something follows.
  llvm::Error end();

private:
  llvm::Error fail(const llvm::Twine &what) const;
  void skipSpace();
  bool consume(char c);
  std::string found() const;
  llvm::Error enter();
  llvm::Error number();
  llvm::Expected<uint32_t> hex4();
  llvm::Error escape(std::string &out);

  llvm::StringRef text;
  size_t at = 0;
  unsigned depth = 0, maxDepth;
};

/// A configuration file as a tree, after the checks above and those of
/// limits::configBytes and limits::configDepth. `file` names it in errors.
llvm::Expected<llvm::json::Value> parseConfig(llvm::StringRef text,
                                              llvm::StringRef file);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_STRICTJSON_H
