//===- StrictJsonTest.cpp - JSON from strangers ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/StrictJson.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include <gtest/gtest.h>

using namespace llvm;
using namespace mlir::transformer;

static std::string parse(StringRef text) {
  auto value = parseConfig(text, "config.json");
  return value ? "ok" : toString(value.takeError());
}

TEST(StrictJson, AcceptsJson) {
  for (StringRef text :
       {"{}", "[]", "0", "-0.5e+3", "\"\\u00e9\\ud83d\\ude00\\n\"", "null",
        " { \"a\" : [ 1 , true , false , { } ] } ", "\xEF\xBB\xBF{}"})
    EXPECT_EQ(parse(text), "ok") << text.str();
}

TEST(StrictJson, RefusesWhatIsNotJson) {
  for (StringRef text : {"",
                         "{",
                         "{\"a\"}",
                         "{\"a\":1,}",
                         "[1,]",
                         "01",
                         "1.",
                         ".5",
                         "1e",
                         "-",
                         "NaN",
                         "Infinity",
                         "tru",
                         "'a'",
                         "\"a",
                         "\"\\x\"",
                         "\"\\ud800\"",
                         "\"\\udc00\\ud800\"",
                         "\"\\u12g4\"",
                         "\"\n\"",
                         "{} {}",
                         "{1:2}",
                         "\"\xff\"",
                         "\xc0\x80"})
    EXPECT_EQ(parse(text).find("config.json: invalid JSON at byte "), 0u)
        << text.str();
}

TEST(StrictJson, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_NE(parse(R"({"a":1,"a":2})").find("duplicate key 'a'"),
            std::string::npos);
  EXPECT_NE(parse(R"([{"b":{"a":1,"\u0061":2}}])").find("duplicate key 'a'"),
            std::string::npos);
}

TEST(StrictJson, BoundsDepthAndSize) {
  std::string deep(100000, '[');
  EXPECT_NE(parse(deep).find("deeper than 32 levels"), std::string::npos);
  std::string large(limits::configBytes + 1, ' ');
  EXPECT_NE(parse(large).find("at most 1048576"), std::string::npos);
}

TEST(StrictJson, NumbersAreExact) {
  auto number = [](StringRef text) {
    JsonScanner json(text, 1);
    auto value = json.unsignedInteger();
    return value ? std::to_string(*value) : toString(value.takeError());
  };
  EXPECT_EQ(number("9223372036854775807"), "9223372036854775807");
  EXPECT_NE(number("9223372036854775808").find("2^63"), std::string::npos);
  EXPECT_NE(number("-0").find("whole number"), std::string::npos);
  EXPECT_NE(number("1.0").find("whole number"), std::string::npos);
}

TEST(Escaped, MakesNamesHarmless) {
  EXPECT_EQ(quoted("h.0.w"), "'h.0.w'");
  EXPECT_EQ(quoted(StringRef("a\0b\n\x1b[31m'\xc2\x9b", 12)),
            "'a\\x00b\\n\\x1b[31m\\'\\xc2\\x9b'");
  EXPECT_EQ(escaped(std::string(1000000, 'x')).size(), 83u);
}
