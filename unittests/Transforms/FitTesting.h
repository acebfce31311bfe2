//===- FitTesting.h - fits against what they do to rows -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small modules with random weights run in the interpreter over explicit rows.
// The profile of these rows is made here, in f64, so that the loss that a pass
// predicts must be the loss that the rows see.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_TRANSFORMS_FITTESTING_H
#define TRANSFORMER_UNITTESTS_TRANSFORMS_FITTESTING_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Interpreter/Interpreter.h"
#include "transformer/Support/Profile.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

#include <random>

namespace mlir::transformer {

inline Matrix normal(int64_t rows, int64_t columns, unsigned seed,
                     double scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> distribution;
  Matrix result(rows, columns);
  for (double &value : result.values)
    value = float(scale * distribution(engine));
  return result;
}

/// "%name = arith.constant dense<...> : tensor<2x3xf32>"; one row gives a
/// vector where `isVector`.
inline std::string constant(const std::string &name, const Matrix &of,
                            bool isVector = false) {
  std::string text, shape;
  llvm::raw_string_ostream os(text), shapeOs(shape);
  os << "%" << name << " = arith.constant dense<" << (isVector ? "" : "[");
  for (int64_t r = 0; r < of.rows; ++r) {
    os << (r ? ", [" : "[");
    for (int64_t c = 0; c < of.columns; ++c)
      os << (c ? ", " : "") << llvm::format("%.9e", of(r, c));
    os << "]";
  }
  if (!isVector)
    shapeOs << of.rows << "x";
  os << (isVector ? "" : "]") << "> : tensor<" << shape << of.columns
     << "xf32>\n";
  return text;
}

struct FitTest : testing::Test {
  MLIRContext context;

  FitTest() {
    context.loadDialect<arith::ArithDialect, func::FuncDialect,
                        ml_program::MLProgramDialect, tensor::TensorDialect,
                        TransformerDialect>();
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    return module;
  }

  /// What the ops give, by the names of their locations, and "": the first
  /// result of the function. The first argument is `x`, further ones are
  /// `offsets`: of one sequence if there are none.
  std::map<std::string, Matrix> run(ModuleOp module, const Matrix &x,
                                    std::vector<double> offsets = {}) {
    if (offsets.empty())
      offsets = {0.0, double(x.rows)};
    EXPECT_TRUE(succeeded(verify(module)));
    auto function = *module.getOps<func::FuncOp>().begin();
    SmallVector<TensorValue> arguments;
    Builder builder(&context);
    for (Type type : function.getArgumentTypes()) {
      if (cast<RankedTensorType>(type).getElementType().isF32())
        arguments.push_back(
            {builder.getF32Type(), {x.rows, x.columns}, x.values});
      else
        arguments.push_back(
            {builder.getI32Type(), {int64_t(offsets.size())}, offsets});
    }
    std::map<std::string, Matrix> values;
    auto keep = [](Matrix &to, const TensorValue &from) {
      to = Matrix(from.rows(), from.width());
      to.values = from.data;
    };
    auto results = interpret(
        function, arguments, [&](OpResult result, const TensorValue &value) {
          if (value.rank() == 2)
            keep(values[modulePath(result.getOwner()).str()], value);
        });
    EXPECT_TRUE(succeeded(results));
    if (succeeded(results))
      keep(values[""], results->front());
    return values;
  }

  /// Adds the rows that the linear at `path` reads.
  static void add(Profile &profile, const std::string &path, const Matrix &rows,
                  ArrayRef<double> weights = {}) {
    ChannelStatistics &site = profile.sites[path];
    std::vector<float> floats = rows.toFloats();
    site.add(floats.data(), rows.rows, rows.columns, rows.columns);
    GramStatistics &gram = profile.grams[path];
    gram.isWeighted = !weights.empty();
    gram.sum.assign(rows.columns, 0.0);
    gram.products = Matrix(rows.columns, rows.columns);
    for (int64_t t = 0; t < rows.rows; ++t) {
      double weight = weights.empty() ? 1.0 : weights[t];
      gram.weight += weight;
      for (int64_t i = 0; i < rows.columns; ++i) {
        gram.sum[i] += weight * rows(t, i);
        for (int64_t j = 0; j < rows.columns; ++j)
          gram.products(i, j) += weight * rows(t, i) * rows(t, j);
      }
    }
    profile.linears[path] = path;
  }

  /// The weighted squares of what `after` differs from `before`, as a part of
  /// those of `before` about its mean.
  static double loss(const Matrix &before, const Matrix &after,
                     ArrayRef<double> weights = {},
                     ArrayRef<double> metric = {}) {
    EXPECT_EQ(before.columns, after.columns);
    auto weightOf = [&](int64_t t) {
      return weights.empty() ? 1.0 : weights[t];
    };
    double error = 0, variance = 0, total = 0;
    std::vector<double> mean(before.columns);
    for (int64_t t = 0; t < before.rows; ++t) {
      total += weightOf(t);
      for (int64_t c = 0; c < before.columns; ++c)
        mean[c] += weightOf(t) * before(t, c);
    }
    for (int64_t t = 0; t < before.rows; ++t)
      for (int64_t c = 0; c < before.columns; ++c) {
        double factor = weightOf(t);
        if (!metric.empty())
          factor *= metric[c] * metric[c];
        error += factor * std::pow(after(t, c) - before(t, c), 2);
        variance += factor * std::pow(before(t, c) - mean[c] / total, 2);
      }
    return error / variance;
  }
};

} // namespace mlir::transformer

#endif // TRANSFORMER_UNITTESTS_TRANSFORMS_FITTESTING_H
