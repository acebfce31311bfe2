//===- TransformerOps.cpp - the generated op classes ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The TableGen output, the slowest file of the house to compile, and the syntax
// of enums: plain words, as in `activation gelu`.
//===----------------------------------------------------------------------===//
#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::transformer;

static std::optional<Activation> symbolize(StringRef word, ActivationAttr) {
  return symbolizeActivation(word);
}
static std::optional<PoolKind> symbolize(StringRef word, PoolKindAttr) {
  return symbolizePoolKind(word);
}
static std::optional<Products> symbolize(StringRef word, ProductsAttr) {
  return symbolizeProducts(word);
}
static StringRef knownWords(ActivationAttr) {
  return "none, gelu, gelu_tanh, relu, silu, tanh";
}
static StringRef knownWords(PoolKindAttr) { return "mean, cls, max"; }
static StringRef knownWords(ProductsAttr) { return "f32, bf16, i8"; }

template <typename EnumAttr>
static ParseResult parseKeyword(OpAsmParser &parser, EnumAttr &attribute) {
  StringRef word;
  SMLoc where = parser.getCurrentLocation();
  if (parser.parseKeyword(&word))
    return failure();
  auto value = symbolize(word, attribute);
  if (!value)
    return parser.emitError(where) << "unknown word '" << word
                                   << "', known are " << knownWords(attribute);
  attribute = EnumAttr::get(parser.getContext(), *value);
  return success();
}

template <typename EnumAttr>
static void printKeyword(OpAsmPrinter &printer, Operation *,
                         EnumAttr attribute) {
  printer << stringifyEnum(attribute.getValue());
}

#define GET_OP_CLASSES
#include "transformer/IR/TransformerOps.cpp.inc"
