//===- BuildersTest.cpp - result types that builders work out -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct BuildersTest : testing::Test {
  MLIRContext context;
  OpBuilder b{&context};
  OwningOpRef<ModuleOp> module;
  Location loc = UnknownLoc::get(&context);

  BuildersTest() {
    context.loadDialect<arith::ArithDialect, func::FuncDialect,
                        tensor::TensorDialect, TransformerDialect>();
    module = ModuleOp::create(loc);
    b.setInsertionPointToStart(module->getBody());
  }

  /// An argument of the given type: of a new function, which the builder
  /// enters.
  Value input(ArrayRef<int64_t> shape, Type element) {
    auto type = RankedTensorType::get(shape, element);
    b.setInsertionPointToEnd(module->getBody());
    auto function = func::FuncOp::create(b, loc, "f" + std::to_string(count++),
                                         b.getFunctionType(type, {}));
    b.setInsertionPointToStart(function.addEntryBlock());
    auto end = func::ReturnOp::create(b, loc);
    b.setInsertionPoint(end);
    return function.getArgument(0);
  }
  Value weight(ArrayRef<int64_t> shape, Type element) {
    return tensor::EmptyOp::create(b, loc, shape, element);
  }
  /// The printed type of a result of an op that verifies.
  static std::string typeOf(Value value) {
    EXPECT_TRUE(succeeded(verify(value.getDefiningOp())));
    std::string text;
    llvm::raw_string_ostream(text) << value.getType();
    return text;
  }
  int count = 0;
};
constexpr int64_t kAny = ShapedType::kDynamic;

TEST_F(BuildersTest, Linear) {
  Value x = input({kAny, 5, 4}, b.getF32Type());
  Value w = weight({3, 4}, b.getF32Type()), bias = weight({3}, b.getF32Type());
  EXPECT_EQ(typeOf(LinearOp::create(b, loc, x, w, bias, Activation::gelu)),
            "tensor<?x5x3xf32>");
  auto plain = LinearOp::create(b, loc, x, w, Value());
  EXPECT_EQ(typeOf(plain), "tensor<?x5x3xf32>");
  EXPECT_EQ(plain.getActivation(), Activation::none);
}

TEST_F(BuildersTest, Attention) {
  Value q = input({kAny, 32}, b.getF16Type());
  Value k = weight({7, 8}, b.getF16Type()), v = weight({7, 10}, b.getF16Type());
  Value offsets = weight({3}, b.getI32Type());
  auto op = AttentionOp::create(b, loc, q, k, v, offsets, 8, 2);
  EXPECT_EQ(typeOf(op), "tensor<?x40xf16>");
  EXPECT_EQ(op.getQkDim(), 4);
  EXPECT_EQ(op.getValueDim(), 5);
  EXPECT_EQ(op.getEffectiveScale(), 0.5f);
  EXPECT_EQ(op.getEffectiveKeyOffsets(), offsets);
}

TEST_F(BuildersTest, Quantize) {
  Value x = input({kAny, 3, 4}, b.getBF16Type());
  auto q = QuantizeOp::create(b, loc, x);
  EXPECT_EQ(typeOf(q.getResult()), "tensor<?x3x4xi8>");
  EXPECT_EQ(typeOf(q.getScales()), "tensor<?x3xf32>");
  EXPECT_EQ(typeOf(DequantizeOp::create(b, loc, q.getResult(), q.getScales(),
                                        Type(b.getF16Type()))),
            "tensor<?x3x4xf16>");
}

TEST_F(BuildersTest, Embedding) {
  Value ids = input({2, kAny}, b.getI64Type());
  Value table = weight({9, 4}, b.getF32Type());
  EXPECT_EQ(typeOf(EmbeddingOp::create(b, loc, ids, table)),
            "tensor<2x?x4xf32>");
}

TEST_F(BuildersTest, Pool) {
  Value x = input({kAny, 4}, b.getF32Type());
  Value offsets = weight({3}, b.getI32Type());
  EXPECT_EQ(typeOf(PoolOp::create(b, loc, PoolKind::mean, x, offsets)),
            "tensor<2x4xf32>");
  Value dense = input({5, kAny, 4}, b.getF32Type());
  EXPECT_EQ(typeOf(PoolOp::create(b, loc, PoolKind::max, dense, Value())),
            "tensor<5x4xf32>");
}
} // namespace
