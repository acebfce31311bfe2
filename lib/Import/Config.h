//===- Config.h - reading config.json -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_IMPORT_CONFIG_H
#define TRANSFORMER_LIB_IMPORT_CONFIG_H

#include "transformer/IR/TransformerDialect.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::transformer {

/// What is wrong with a checkpoint. Everything is collected before anything is
/// said, so that a user sees all of it in one run.
struct Problems {
  void add(const Twine &message) { list.push_back(message.str()); }
  void add(llvm::Error error) {
    llvm::handleAllErrors(
        std::move(error),
        [&](const llvm::ErrorInfoBase &one) { add(one.message()); });
  }
  bool empty() const { return list.empty(); }
  std::vector<std::string> list;
};

/// Typed access to one JSON object. A value that is missing or unfit is a
/// problem, and a harmless value is returned in its place.
class Config {
public:
  /// Reads `file`; a problem if it cannot be read or holds no object.
  static std::optional<Config> read(StringRef file, Problems &problems);

  StringRef file() const { return name; }
  bool has(StringRef key) const;
  const llvm::json::Object &object() const { return *tree.getAsObject(); }

  /// `key` may hold aliases: "n_embd|hidden_size". The first that is present
  /// counts. Without a default the key is required.
  int64_t integer(StringRef key, int64_t min, int64_t max,
                  std::optional<int64_t> byDefault = std::nullopt);
  bool boolean(StringRef key, bool byDefault);
  std::string string(StringRef key, StringRef byDefault);
  /// Finite, positive, and still so as f32.
  float epsilon(StringRef key, double byDefault);
  Activation activation(StringRef key, StringRef byDefault);
  /// How many of `heads` heads each layer has left after `pruned_heads`.
  SmallVector<int64_t> headsLeft(int64_t layers, int64_t heads);

  /// A problem unless `key` is absent, null or `wanted`.
  void requireFlag(StringRef key, bool wanted, StringRef why);
  void requireString(StringRef key, StringRef wanted);
  void problem(const Twine &message);
  /// The same for a value that shapes are made of.
  void shapeProblem(const Twine &message) {
    shapeless = true;
    problem(message);
  }

  /// True once a value was unfit that shapes are made of: then there is no
  /// point in comparing the weights with it.
  bool isShapeless() const { return shapeless; }

private:
  Config(std::string name, llvm::json::Value tree, Problems &problems)
      : name(std::move(name)), tree(std::move(tree)), problems(&problems) {}
  /// The present alias of `key` and its value, or null.
  std::pair<StringRef, const llvm::json::Value *> find(StringRef key) const;

  std::string name;
  llvm::json::Value tree;
  Problems *problems;
  bool shapeless = false;
};

/// A value as it may be quoted in a message.
std::string printed(const llvm::json::Value &value);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_IMPORT_CONFIG_H
