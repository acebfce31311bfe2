//===- LinearAlgebra.h - dense f64 matrices, by LAPACK --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What fits need, as LAPACK computes it (OpenBLAS). One thread: a result does
// not depend on the number of cores. Callers work on several matrices at once
// if they want more; all functions may be called from any thread.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_LINEARALGEBRA_H
#define TRANSFORMER_SUPPORT_LINEARALGEBRA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace mlir::transformer {

/// Row-major.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), values(rows * columns) {}
  Matrix(int64_t rows, int64_t columns, llvm::ArrayRef<float> values)
      : rows(rows), columns(columns), values(values.begin(), values.end()) {}

  static Matrix identity(int64_t size);
  double &operator()(int64_t r, int64_t c) { return values[r * columns + c]; }
  double operator()(int64_t r, int64_t c) const {
    return values[r * columns + c];
  }
  llvm::MutableArrayRef<double> row(int64_t r) {
    return {values.data() + r * columns, size_t(columns)};
  }
  llvm::ArrayRef<double> row(int64_t r) const {
    return {values.data() + r * columns, size_t(columns)};
  }
  Matrix transposed() const;
  /// The rows or columns of the given numbers, in their order.
  Matrix selectRows(llvm::ArrayRef<int64_t> which) const;
  Matrix selectColumns(llvm::ArrayRef<int64_t> which) const;
  /// Of a square matrix.
  double trace() const;
  /// The sum of the squares.
  double energy() const;
  std::vector<float> toFloats() const;
  /// Whether f32 holds all of them: no NaN, and none too large.
  bool fitsFloats() const;
  /// With the nearest numbers that f32 holds.
  Matrix roundedToFloats() const { return Matrix(rows, columns, toFloats()); }
};

enum class Form { AsIs, Transposed };

/// The product of `a` and `b`, each as it is or transposed.
Matrix multiply(const Matrix &a, const Matrix &b, Form formA = Form::AsIs,
                Form formB = Form::AsIs);

/// The lower triangular L with L Lᵀ = `a` (symmetric; only the lower triangle
/// is read). An error if `a` is not positive definite.
llvm::Expected<Matrix> cholesky(const Matrix &a);
/// L⁻¹ of a lower triangular matrix without zeros on its diagonal.
Matrix invertLower(const Matrix &lower);
/// X of `a` X = `b` for a positive definite `a`.
llvm::Expected<Matrix> solvePositive(const Matrix &a, const Matrix &b);
/// X of `a` X = `b` for any square `a`; an error if it is singular.
llvm::Expected<Matrix> solve(const Matrix &a, const Matrix &b);
/// The inverse of a positive definite matrix, both triangles.
llvm::Expected<Matrix> invertPositive(const Matrix &a);
/// Adds `part` times the mean of the diagonal to the diagonal. A matrix of
/// zeros gets `part` there.
void damp(Matrix &symmetric, double part);

/// `a` = V diag(values) Vᵀ for a symmetric one: values descending, vectors as
/// columns.
struct Eigen {
  std::vector<double> values;
  Matrix vectors;
};
llvm::Expected<Eigen> eigenSymmetric(const Matrix &a);

/// `a` = u diag(values) vt with min(rows, columns) values, descending.
struct Svd {
  Matrix u;
  std::vector<double> values;
  Matrix vt;
};
llvm::Expected<Svd> svd(const Matrix &a);

/// The columns of `a` by how much each adds to those before it (QR with column
/// pivoting, Businger and Golub, 1965).
std::vector<int64_t> pivotColumns(const Matrix &a);

/// to[i * width + j] = sum over the rows x of x_i x_j, for j <= i only; in f32,
/// so for about a thousand rows at a time. Rows lie `stride` floats apart.
void gramOfRows(const float *rows, int64_t count, int64_t width, int64_t stride,
                float *to);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_LINEARALGEBRA_H
