//===- Error.cpp - one-sentence errors ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Error.h"

#include "transformer/Support/Limits.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Errno.h"

using namespace llvm;

Error mlir::transformer::makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

Error mlir::transformer::makeErrnoError(const Twine &message, int code) {
  return makeError(message + ": " + sys::StrError(code));
}

std::string mlir::transformer::escaped(StringRef text) {
  std::string result;
  for (char c : text.take_front(limits::printedName)) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\'' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      result += "\\x";
      result += hexdigit(byte >> 4, /*LowerCase=*/true);
      result += hexdigit(byte & 15, /*LowerCase=*/true);
    } else {
      result += c;
    }
  }
  if (text.size() > limits::printedName)
    result += "...";
  return result;
}

std::string mlir::transformer::quoted(StringRef text) {
  return "'" + escaped(text) + "'";
}

std::string mlir::transformer::shapeString(ArrayRef<int64_t> shape) {
  std::string result = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    result += (i ? ", " : "") + std::to_string(shape[i]);
  return result + "]";
}
