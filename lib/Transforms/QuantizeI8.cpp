//===- QuantizeI8.cpp - 8-bit products, dynamic per token -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERQUANTIZEI8
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct QuantizeI8
    : public transformer::impl::TransformerQuantizeI8Base<QuantizeI8> {
  using TransformerQuantizeI8Base::TransformerQuantizeI8Base;

  void runOnOperation() override {
    QuantizeOptions options;
    options.flag = getArgument();
    options.smoothing = smoothing;
    options.compensate = compensate || bits > 0;
    options.bits = bits;
    options.embeddings = embeddings;
    options.biases = biases;
    options.attention = attention;
    FailureOr<QuantizeResult> result =
        quantizeAsGiven(getOperation(), options, skip, only, profile);
    if (failed(result))
      return signalPassFailure();
    numLinears += result->linears;
    numTables += result->tables;
    numAttentions += result->attentions;
    numLeft += result->left;
  }
};
} // namespace
