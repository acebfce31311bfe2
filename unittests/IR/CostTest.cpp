//===- CostTest.cpp - operations and bytes of ops -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Cost.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct CostTest : testing::Test {
  MLIRContext context;
  OwningOpRef<ModuleOp> module;

  CostTest() {
    context.loadDialect<arith::ArithDialect, func::FuncDialect,
                        TransformerDialect>();
  }
  /// The cost of the last op of a function with this signature and body.
  Cost cost(const std::string &arguments, const std::string &body) {
    module = parseSourceString<ModuleOp>(
        "func.func @f(" + arguments + ") {\n" + body + "\nreturn\n}", &context);
    if (!module)
      return {};
    Block &block =
        cast<func::FuncOp>(module->getBody()->front()).getBody().front();
    return costOf(block.getTerminator()->getPrevNode());
  }
  static double of(const Cost &cost, Arithmetic arithmetic, Workload workload) {
    return cost.operations[int(arithmetic)].of(workload);
  }
};

constexpr Workload kOne{1, 128}, kTwo{2, 10};

TEST_F(CostTest, LinearOfF32) {
  Cost c = cost("%x: tensor<?x384xf32>, %w: tensor<1536x384xf32>, "
                "%b: tensor<1536xf32>",
                "%y = transformer.linear %x, %w bias %b : "
                "(tensor<?x384xf32>, tensor<1536x384xf32>, tensor<1536xf32>) "
                "-> tensor<?x1536xf32>");
  EXPECT_EQ(c.operationsOf(kOne), 128.0 * 1536 * (2 * 384 + 1));
  EXPECT_EQ(c.weights.of(kOne), 4.0 * (1536 * 384 + 1536));
  EXPECT_EQ(c.rows.of(kOne), 4.0 * 128 * (384 + 1536));
  EXPECT_EQ(c.weights.of(kTwo), c.weights.of(kOne));
  EXPECT_EQ(c.bytesOf(kTwo), c.weights.of(kTwo) + 4.0 * 20 * (384 + 1536));
}

TEST_F(CostTest, LinearOfBf16AndI8) {
  Cost b = cost("%x: tensor<?x64xbf16>, %w: tensor<32x64xbf16>",
                "%y = transformer.linear %x, %w : (tensor<?x64xbf16>, "
                "tensor<32x64xbf16>) -> tensor<?x32xf32>");
  EXPECT_EQ(of(b, Arithmetic::BF16, kTwo), 20.0 * 32 * 2 * 64);
  EXPECT_EQ(of(b, Arithmetic::F32, kTwo), 0);
  EXPECT_EQ(b.weights.of(kTwo), 2.0 * 32 * 64);
  EXPECT_EQ(b.rows.of(kTwo), 20.0 * (2 * 64 + 4 * 32));

  Cost i = cost("%x: tensor<?x64xi8>, %w: tensor<32x64xi8>, %s: tensor<?xf32>, "
                "%t: tensor<32xf32>",
                "%y = transformer.linear %x, %w scales(%s, %t) : "
                "(tensor<?x64xi8>, tensor<32x64xi8>, tensor<?xf32>, "
                "tensor<32xf32>) -> tensor<?x32xf32>");
  EXPECT_EQ(of(i, Arithmetic::I8, kTwo), 20.0 * 32 * 2 * 64);
  EXPECT_EQ(of(i, Arithmetic::F32, kTwo), 20.0 * 32 * 3);
  EXPECT_EQ(i.weights.of(kTwo), 32.0 * 64 + 4 * 32);
  EXPECT_EQ(i.rows.of(kTwo), 20.0 * (64 + 4 + 4 * 32));
}

TEST_F(CostTest, Attention) {
  auto attention = [&](const std::string &extra, const std::string &more = "") {
    return cost("%q: tensor<?x96xf32>, %o: tensor<?xi32>",
                "%y = transformer.attention %q, %q, %q offsets(%o) " + extra +
                    " {" + more +
                    "num_heads = 3 : i64, num_kv_heads = 3 : i64} : "
                    "(tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, "
                    "tensor<?xi32>) -> tensor<?x96xf32>");
  };
  Cost f = attention("");
  double products = 2.0 * 10 * 10 * 3 * 2 * (32 + 32);
  double softmax = f.operationsOf(kTwo) - products;
  EXPECT_GT(softmax, 0);
  Cost i = attention("products i8");
  EXPECT_EQ(of(i, Arithmetic::I8, kTwo), products);
  EXPECT_EQ(of(i, Arithmetic::F32, kTwo), softmax);
  EXPECT_EQ(of(attention("products bf16"), Arithmetic::BF16, kTwo), products);
  // 1 + 2 + ... + 10 pairs of 10 * 10.
  EXPECT_EQ(attention("", "causal, ").operationsOf(kTwo),
            f.operationsOf(kTwo) * 55 / 100);
}

TEST_F(CostTest, FftMix) {
  Cost c = cost("%x: tensor<?x256xf32>, "
                "%o: tensor<?xi32> {transformer.input = \"offsets\"}",
                "%y = transformer.fft_mix %x offsets(%o) : "
                "(tensor<?x256xf32>, tensor<?xi32>) -> tensor<?x256xf32>");
  EXPECT_EQ(c.operationsOf({3, 128}), 3 * 2.5 * 128 * 256 * (7 + 8));
  EXPECT_EQ(c.bytesOf({3, 128}), 3.0 * 128 * (256 * 8) + 4 * 3);
  Cost dense = cost("%x: tensor<3x128x256xf32>",
                    "%y = transformer.fft_mix %x : (tensor<3x128x256xf32>) "
                    "-> tensor<3x128x256xf32>");
  EXPECT_EQ(dense.operationsOf({7, 7}), c.operationsOf({3, 128}));
}

TEST_F(CostTest, Rows) {
  Cost norm = cost("%x: tensor<?x64xf32>, %g: tensor<64xf32>",
                   "%y = transformer.layer_norm %x, %g {epsilon = 1.0e-5 : "
                   "f32} : (tensor<?x64xf32>, tensor<64xf32>) -> "
                   "tensor<?x64xf32>");
  EXPECT_EQ(norm.operationsOf(kTwo), 20.0 * 64 * 8);
  EXPECT_EQ(norm.weights.of(kTwo), 4.0 * 64);
  EXPECT_EQ(norm.rows.of(kTwo), 20.0 * 64 * 8);
  Cost quantize = cost("%x: tensor<?x64xf32>",
                       "%q, %s = transformer.quantize %x : (tensor<?x64xf32>) "
                       "-> (tensor<?x64xi8>, tensor<?xf32>)");
  EXPECT_EQ(quantize.rows.of(kTwo), 20.0 * (64 * 4 + 64 + 4));
  Cost sum =
      cost("%x: tensor<?x64xf32>", "%y = arith.addf %x, %x : tensor<?x64xf32>");
  EXPECT_EQ(sum.operationsOf(kTwo), 20.0 * 64);
}

/// Behind a pool there is a row per sequence.
TEST_F(CostTest, RowsOfSequences) {
  Cost c = cost("%x: tensor<?x64xf32>, %o: tensor<?xi32>",
                "%p = transformer.pool mean %x offsets(%o) : "
                "(tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>\n"
                "%y = transformer.l2_normalize %p {epsilon = 1.0e-12 : f32} : "
                "(tensor<?x64xf32>) -> tensor<?x64xf32>");
  EXPECT_EQ(c.operationsOf(kTwo), 2.0 * 64 * 3);
}

TEST_F(CostTest, Pool) {
  auto pool = [&](const std::string &kind) {
    return cost("%x: tensor<?x64xf32>, "
                "%o: tensor<?xi32> {transformer.input = \"offsets\"}",
                "%p = transformer.pool " + kind +
                    " %x offsets(%o) : (tensor<?x64xf32>, tensor<?xi32>) -> "
                    "tensor<?x64xf32>");
  };
  EXPECT_EQ(pool("mean").operationsOf(kTwo), 20.0 * 64);
  EXPECT_EQ(pool("mean").bytesOf(kTwo), 4.0 * (20 + 2) * 64 + 4 * 2);
  EXPECT_EQ(pool("cls").operationsOf(kTwo), 0);
  EXPECT_EQ(pool("cls").bytesOf(kTwo), 2 * 4.0 * 2 * 64);
}

TEST_F(CostTest, Select) {
  Cost c = cost("%x: tensor<?x64xf32>, %i: tensor<16xi32>",
                "%y = transformer.select %x, %i : (tensor<?x64xf32>, "
                "tensor<16xi32>) -> tensor<?x16xf32>");
  EXPECT_EQ(c.operationsOf(kTwo), 20.0 * 16);
  EXPECT_EQ(c.weights.of(kTwo), 4.0 * 16);
}

TEST_F(CostTest, AddsUpAndKeepsItsNumbers) {
  Cost a = cost("%x: tensor<?x64xf32>", "%y = arith.addf %x, %x : "
                                        "tensor<?x64xf32>");
  Cost b = Cost::fromNumbers(a.numbers());
  b += a;
  EXPECT_EQ(b.operationsOf(kTwo), 2 * a.operationsOf(kTwo));
  EXPECT_EQ(b.bytesOf(kTwo), 2 * a.bytesOf(kTwo));
  EXPECT_EQ(Cost::fromNumbers({1.0}).operationsOf(kTwo), 0);
}
} // namespace
