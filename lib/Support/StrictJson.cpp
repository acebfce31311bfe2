//===- StrictJson.cpp - JSON from strangers -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/StrictJson.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/ConvertUTF.h"

using namespace llvm;
using namespace mlir::transformer;

Error JsonScanner::fail(const Twine &what) const {
  return makeError("invalid JSON at byte " + Twine(at) + ": " + what);
}

Error JsonScanner::checkEncoding() const {
  size_t offset = 0;
  if (json::isUTF8(text, &offset))
    return Error::success();
  return makeError("invalid JSON at byte " + Twine(offset) + ": not UTF-8");
}

void JsonScanner::skipSpace() {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' ||
                              text[at] == '\t' || text[at] == '\r'))
    ++at;
}

bool JsonScanner::consume(char c) {
  skipSpace();
  if (at >= text.size() || text[at] != c)
    return false;
  ++at;
  return true;
}

std::string JsonScanner::found() const {
  if (at >= text.size())
    return "the end of the text";
  size_t end = std::min(text.find_first_of(",:]} \n\t\r", at), text.size());
  return quoted(text.slice(at, std::max(end, at + 1)).take_front(40));
}

Error JsonScanner::enter() {
  if (++depth > maxDepth)
    return fail("nested deeper than " + Twine(maxDepth) + " levels");
  return Error::success();
}

Error JsonScanner::object(function_ref<Error(StringRef)> member) {
  if (!consume('{'))
    return fail("expected an object, found " + found());
  if (Error error = enter())
    return error;
  StringSet<> keys;
  if (!consume('}')) {
    do {
      Expected<std::string> key = string();
      if (!key)
        return key.takeError();
      if (!keys.insert(*key).second)
        return fail("duplicate key " + quoted(*key));
      if (!consume(':'))
        return fail("expected ':', found " + found());
      if (Error error = member(*key))
        return error;
    } while (consume(','));
    if (!consume('}'))
      return fail("expected ',' or '}', found " + found());
  }
  --depth;
  return Error::success();
}

Error JsonScanner::array(function_ref<Error()> element) {
  if (!consume('['))
    return fail("expected an array, found " + found());
  if (Error error = enter())
    return error;
  if (!consume(']')) {
    do {
      if (Error error = element())
        return error;
    } while (consume(','));
    if (!consume(']'))
      return fail("expected ',' or ']', found " + found());
  }
  --depth;
  return Error::success();
}

Expected<uint32_t> JsonScanner::hex4() {
  uint32_t value = 0;
  StringRef digits = text.substr(at, 4);
  if (digits.size() < 4 || digits.getAsInteger(16, value) ||
      !all_of(digits, isHexDigit))
    return fail("expected four hexadecimal digits after \\u");
  at += 4;
  return value;
}

Error JsonScanner::escape(std::string &out) {
  char c = at < text.size() ? text[at++] : 0;
  switch (c) {
  case '"':
  case '\\':
  case '/':
    out += c;
    return Error::success();
  case 'b':
    out += '\b';
    return Error::success();
  case 'f':
    out += '\f';
    return Error::success();
  case 'n':
    out += '\n';
    return Error::success();
  case 'r':
    out += '\r';
    return Error::success();
  case 't':
    out += '\t';
    return Error::success();
  case 'u':
    break;
  default:
    return fail("unknown escape sequence in a string");
  }
  Expected<uint32_t> unit = hex4();
  if (!unit)
    return unit.takeError();
  uint32_t code = *unit;
  if (code >= 0xd800 && code < 0xe000) {
    if (code >= 0xdc00 || !text.substr(at).starts_with("\\u"))
      return fail("half of a surrogate pair in a string");
    at += 2;
    Expected<uint32_t> low = hex4();
    if (!low)
      return low.takeError();
    if (*low < 0xdc00 || *low >= 0xe000)
      return fail("half of a surrogate pair in a string");
    code = 0x10000 + ((code - 0xd800) << 10) + (*low - 0xdc00);
  }
  char buffer[4], *end = buffer;
  ConvertCodePointToUTF8(code, end);
  out.append(buffer, end);
  return Error::success();
}

Expected<std::string> JsonScanner::string() {
  if (!consume('"'))
    return fail("expected a string, found " + found());
  std::string result;
  while (true) {
    size_t start = at;
    while (at < text.size() && text[at] != '"' && text[at] != '\\' &&
           static_cast<unsigned char>(text[at]) >= 0x20)
      ++at;
    result.append(text.data() + start, at - start);
    if (at >= text.size())
      return fail("a string does not end");
    if (text[at] == '"') {
      ++at;
      return result;
    }
    if (text[at] != '\\')
      return fail("control character in a string");
    ++at;
    if (Error error = escape(result))
      return std::move(error);
  }
}

Expected<uint64_t> JsonScanner::unsignedInteger() {
  skipSpace();
  size_t end = at;
  while (end < text.size() && isDigit(text[end]))
    ++end;
  StringRef digits = text.slice(at, end);
  bool isPlain = !digits.empty() && (digits.size() == 1 || digits[0] != '0') &&
                 (end == text.size() || !StringRef(".eE").contains(text[end]));
  uint64_t value = 0;
  if (!isPlain)
    return fail("expected a whole number that is not negative, found " +
                found());
  if (digits.getAsInteger(10, value) || value > uint64_t(INT64_MAX))
    return fail("number " + found() + " is larger than 2^63 - 1");
  at = end;
  return value;
}

Error JsonScanner::number() {
  auto digits = [&] {
    size_t start = at;
    while (at < text.size() && isDigit(text[at]))
      ++at;
    return at != start;
  };
  size_t start = at;
  if (text[at] == '-')
    ++at;
  size_t first = at;
  bool isValid = digits() && (text[first] != '0' || at == first + 1);
  if (isValid && at < text.size() && text[at] == '.') {
    ++at;
    isValid = digits();
  }
  if (isValid && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-'))
      ++at;
    isValid = digits();
  }
  if (isValid)
    return Error::success();
  at = start;
  return fail("expected a value, found " + found());
}

Error JsonScanner::skip() {
  skipSpace();
  if (at >= text.size())
    return fail("expected a value, found the end of the text");
  switch (text[at]) {
  case '{':
    return object([&](StringRef) { return skip(); });
  case '[':
    return array([&] { return skip(); });
  case '"':
    return string().takeError();
  default:
    break;
  }
  for (StringRef word : {"true", "false", "null"})
    if (text.substr(at).starts_with(word)) {
      at += word.size();
      return Error::success();
    }
  if (text[at] == '-' || isDigit(text[at]))
    return number();
  return fail("expected a value, found " + found());
}

Error JsonScanner::end() {
  skipSpace();
  if (at < text.size())
    return fail("expected the end of the text, found " + found());
  return Error::success();
}

Expected<json::Value> mlir::transformer::parseConfig(StringRef text,
                                                     StringRef file) {
  if (text.size() > limits::configBytes)
    return makeError(file + ": the file has " + Twine(text.size()) +
                     " bytes; at most " + Twine(limits::configBytes) +
                     " are accepted");
  text.consume_front("\xEF\xBB\xBF");
  JsonScanner scanner(text, limits::configDepth);
  Error error = scanner.checkEncoding();
  if (!error)
    error = scanner.skip();
  if (!error)
    error = scanner.end();
  if (error)
    return makeError(file + ": " + toString(std::move(error)));
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError(file + ": " + toString(value.takeError()));
  return value;
}
