//===- BytecodeTest.cpp - versions of the dialect in bytecode -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"
#include "transformer/IR/Version.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::transformer;

namespace {
constexpr const char *kText = R"(
func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = transformer.gelu %x : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
})";

struct BytecodeTest : testing::Test {
  MLIRContext context;
  std::string message;

  BytecodeTest() {
    context.loadDialect<func::FuncDialect, TransformerDialect>();
  }

  /// Writes a module as the given version does and reads it back.
  OwningOpRef<ModuleOp> roundTrip(uint64_t major, uint64_t minor,
                                  StringRef text = kText) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    BytecodeWriterConfig config;
    config.setDialectVersion<TransformerDialect>(
        std::make_unique<TransformerVersion>(major, minor));
    std::string bytes;
    llvm::raw_string_ostream stream(bytes);
    ScopedDiagnosticHandler handler(
        &context, [&](Diagnostic &diagnostic) { message += diagnostic.str(); });
    if (failed(writeBytecodeToFile(*module, stream, config)))
      return nullptr;
    return parseSourceString<ModuleOp>(bytes, &context);
  }
};

TEST_F(BytecodeTest, ReadsItsOwnVersion) {
  EXPECT_TRUE(
      bool(roundTrip(TransformerVersion::kMajor, TransformerVersion::kMinor)));
  EXPECT_EQ(message, "");
}

TEST_F(BytecodeTest, RefusesANewerVersion) {
  EXPECT_FALSE(bool(roundTrip(TransformerVersion::kMajor, 99)));
  EXPECT_NE(message.find("written with version 0.99"), std::string::npos);
  message.clear();
  EXPECT_FALSE(bool(roundTrip(7, 0)));
  EXPECT_NE(message.find("version 7.0"), std::string::npos) << message;
}

// Version 0.1 has f32 products only: older programs read what is written for
// them, and what they can't say is warned of.
TEST_F(BytecodeTest, ProductsOfAttention) {
  for (const char *products : {"f32", "i8"})
    for (uint64_t minor : {1, 2}) {
      message.clear();
      std::string text = std::string(R"(
func.func @f(%x: tensor<?x4xf32>, %o: tensor<?xi32>) -> tensor<?x4xf32> {
  %y = transformer.attention %x, %x, %x offsets(%o) products )") +
                         products + R"(
      {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal}
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
})";
      auto module = roundTrip(0, minor, text);
      ASSERT_TRUE(bool(module));
      bool lost = minor == 1 && StringRef(products) == "i8";
      EXPECT_EQ(message.find("takes those") != std::string::npos, lost);
      module->walk([&](AttentionOp op) {
        EXPECT_EQ(stringifyProducts(op.getProducts()), lost ? "f32" : products);
        EXPECT_TRUE(op.getCausal());
        EXPECT_EQ(op.getNumHeads(), 2u);
      });
    }
}
} // namespace
