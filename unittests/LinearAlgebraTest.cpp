//===- LinearAlgebraTest.cpp - matrices against their definitions ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/LinearAlgebra.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir::transformer;

namespace {
Matrix random(int64_t rows, int64_t columns, unsigned seed = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Matrix result(rows, columns);
  for (double &value : result.values)
    value = normal(engine);
  return result;
}

double distance(const Matrix &a, const Matrix &b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.columns, b.columns);
  double most = 0;
  for (size_t i = 0; i < a.values.size(); ++i)
    most = std::max(most, std::abs(a.values[i] - b.values[i]));
  return most;
}

Matrix positive(int64_t size) {
  Matrix x = random(2 * size, size);
  return multiply(x, x, Form::Transposed);
}
} // namespace

TEST(LinearAlgebra, productsFollowTheirForms) {
  Matrix a = random(3, 5), b = random(5, 2, 2);
  Matrix product(3, 2);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 5; ++k)
        product(i, j) += a(i, k) * b(k, j);
  EXPECT_LT(distance(multiply(a, b), product), 1e-12);
  EXPECT_LT(distance(multiply(a.transposed(), b.transposed(), Form::Transposed,
                              Form::Transposed),
                     product),
            1e-12);
  EXPECT_EQ(multiply(Matrix(0, 3), Matrix(3, 2)).rows, 0);
}

TEST(LinearAlgebra, choleskyIsLowerAndMultipliesBack) {
  Matrix a = positive(7);
  Matrix lower = llvm::cantFail(cholesky(a));
  EXPECT_EQ(lower(0, 6), 0.0);
  EXPECT_LT(distance(multiply(lower, lower, Form::AsIs, Form::Transposed), a),
            1e-10);
  EXPECT_LT(distance(multiply(invertLower(lower), lower), Matrix::identity(7)),
            1e-10);
  a(3, 3) = -1;
  llvm::Expected<Matrix> bad = cholesky(a);
  ASSERT_FALSE(bool(bad));
  EXPECT_EQ(llvm::toString(bad.takeError()),
            "a matrix of 7 rows is not positive definite");
}

TEST(LinearAlgebra, solvesAndInverts) {
  Matrix a = positive(6), b = random(6, 3);
  EXPECT_LT(distance(multiply(a, llvm::cantFail(solvePositive(a, b))), b),
            1e-10);
  EXPECT_LT(distance(multiply(llvm::cantFail(invertPositive(a)), a),
                     Matrix::identity(6)),
            1e-9);
}

TEST(LinearAlgebra, eigenvaluesDescend) {
  Matrix a = positive(8);
  Eigen eigen = llvm::cantFail(eigenSymmetric(a));
  EXPECT_TRUE(std::is_sorted(eigen.values.rbegin(), eigen.values.rend()));
  Matrix scaled = eigen.vectors;
  for (int r = 0; r < 8; ++r)
    for (int c = 0; c < 8; ++c)
      scaled(r, c) *= eigen.values[c];
  EXPECT_LT(
      distance(multiply(scaled, eigen.vectors, Form::AsIs, Form::Transposed),
               a),
      1e-9);
}

TEST(LinearAlgebra, singularValuesMultiplyBackInBothShapes) {
  for (auto [rows, columns] : {std::pair(4, 9), std::pair(9, 4)}) {
    Matrix a = random(rows, columns);
    Svd parts = llvm::cantFail(svd(a));
    ASSERT_EQ(parts.values.size(), 4u);
    EXPECT_TRUE(std::is_sorted(parts.values.rbegin(), parts.values.rend()));
    Matrix scaled = parts.u;
    for (int r = 0; r < scaled.rows; ++r)
      for (int c = 0; c < scaled.columns; ++c)
        scaled(r, c) *= parts.values[c];
    EXPECT_LT(distance(multiply(scaled, parts.vt), a), 1e-10);
  }
}

TEST(LinearAlgebra, pivotsComeFirst) {
  Matrix a(3, 4); // columns: tiny, big, its double, other
  a(0, 0) = 1e-3, a(0, 1) = 1, a(0, 2) = 2, a(1, 3) = 1;
  std::vector<int64_t> order = pivotColumns(a);
  EXPECT_EQ(order[0], 2);
  EXPECT_EQ(order[1], 3);
}

TEST(LinearAlgebra, gramTakesRowsWithAStride) {
  float rows[] = {1, 2, 99, 3, -4, 99};
  float gram[4] = {};
  gramOfRows(rows, 2, 2, 3, gram);
  EXPECT_EQ(gram[0], 10.0f);
  EXPECT_EQ(gram[2], -10.0f);
  EXPECT_EQ(gram[3], 20.0f);
}
