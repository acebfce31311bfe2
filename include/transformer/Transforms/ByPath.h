//===- ByPath.h - "regex:value,..." of options ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_BYPATH_H
#define TRANSFORMER_TRANSFORMS_BYPATH_H

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::transformer {

/// Values for modules, by their path; the first expression that matches counts.
template <typename T> class ByPath {
public:
  /// `option` is the name for errors, `expected` what a value may be; `read`
  /// gives that of an expression and its text, or nothing.
  static llvm::Expected<ByPath>
  parse(llvm::StringRef option, llvm::StringRef text,
        const llvm::Twine &expected,
        llvm::function_ref<std::optional<T>(llvm::StringRef pattern,
                                            llvm::StringRef value)>
            read) {
    ByPath result;
    llvm::SmallVector<llvm::StringRef> parts;
    text.split(parts, ',', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef part : parts) {
      auto [pattern, word] = part.rsplit(':');
      std::optional<T> value = read(pattern, word);
      if (!value)
        return makeError(option + " has " + quoted(part) +
                         ", expected a regular expression, ':' and " +
                         expected);
      llvm::Regex regex(pattern);
      std::string why;
      if (!regex.isValid(why))
        return makeError(option + " has " + quoted(pattern) +
                         ", which is no regular expression: " + why);
      result.list.emplace_back(std::move(regex), *value);
      result.patterns.push_back(pattern.str());
    }
    return std::move(result);
  }

  std::optional<T> find(llvm::StringRef path) const {
    for (const auto &[regex, value] : list)
      if (regex.match(path))
        return value;
    return std::nullopt;
  }

  /// The first expression that matches none of `paths`.
  std::optional<std::string>
  matchingNone(llvm::ArrayRef<std::string> paths) const {
    for (const auto &[entry, pattern] : llvm::zip(list, patterns))
      if (llvm::none_of(paths, [&regex = entry.first](llvm::StringRef path) {
            return regex.match(path);
          }))
        return pattern;
    return std::nullopt;
  }

  llvm::ArrayRef<std::pair<llvm::Regex, T>> entries() const { return list; }

private:
  llvm::SmallVector<std::pair<llvm::Regex, T>> list;
  std::vector<std::string> patterns; // of `list`
};

using NumbersByPath = ByPath<int64_t>;

inline llvm::Expected<NumbersByPath> parseNumbersByPath(llvm::StringRef option,
                                                        llvm::StringRef text) {
  return NumbersByPath::parse(
      option, text, "a number from 1 to " + llvm::Twine(limits::optionSize),
      [](llvm::StringRef, llvm::StringRef word) -> std::optional<int64_t> {
        int64_t value;
        if (word.getAsInteger(10, value) || value < 1 ||
            value > limits::optionSize)
          return std::nullopt;
        return value;
      });
}

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_BYPATH_H
