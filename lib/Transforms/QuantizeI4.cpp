//===- QuantizeI4.cpp - 4-bit weights in groups, 8-bit products -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERQUANTIZEI4
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct QuantizeI4
    : public transformer::impl::TransformerQuantizeI4Base<QuantizeI4> {
  using TransformerQuantizeI4Base::TransformerQuantizeI4Base;

  void runOnOperation() override {
    QuantizeOptions options;
    options.flag = getArgument();
    options.smoothing = smoothing;
    options.weightBits = 4;
    options.compensate = compensate;
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
