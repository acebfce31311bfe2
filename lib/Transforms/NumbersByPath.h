//===- NumbersByPath.h - "regex:number,..." of pass options ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_NUMBERSBYPATH_H
#define TRANSFORMER_LIB_TRANSFORMS_NUMBERSBYPATH_H

#include "transformer/Support/Error.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

#include <optional>

namespace mlir::transformer {

/// Numbers for modules, by their path; the first expression that matches
/// counts.
class NumbersByPath {
public:
  /// `name` is that of the option, for errors.
  static llvm::Expected<NumbersByPath> parse(llvm::StringRef name,
                                             llvm::StringRef text) {
    NumbersByPath result;
    llvm::SmallVector<llvm::StringRef> parts;
    text.split(parts, ',', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef part : parts) {
      auto [pattern, number] = part.rsplit(':');
      int64_t value;
      llvm::Regex regex(pattern);
      std::string why;
      if (number.getAsInteger(10, value) || value < 1)
        return makeError(name + " has " + quoted(part) +
                         ", expected a regular expression, ':' and a number "
                         "of at least 1");
      if (!regex.isValid(why))
        return makeError(name + " has " + quoted(pattern) +
                         ", which is no regular expression: " + why);
      result.list.emplace_back(std::move(regex), value);
    }
    return std::move(result);
  }

  std::optional<int64_t> find(llvm::StringRef path) const {
    for (const auto &[regex, value] : list)
      if (regex.match(path))
        return value;
    return std::nullopt;
  }

private:
  llvm::SmallVector<std::pair<llvm::Regex, int64_t>> list;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_NUMBERSBYPATH_H
