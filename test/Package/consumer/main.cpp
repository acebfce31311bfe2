//===- main.cpp - parse, lower, print -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Conversion/Passes.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

static const char *text = R"(
func.func @f(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
})";

int main() {
  mlir::MLIRContext context;
  context.loadDialect<mlir::transformer::TransformerDialect,
                      mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return 1;
  mlir::PassManager manager(&context);
  manager.addPass(mlir::transformer::createConvertTransformerToLinalg());
  if (mlir::failed(manager.run(*module)))
    return 1;
  module->print(llvm::outs());
}
