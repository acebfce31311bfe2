//===- LinearAlgebra.cpp - dense f64 matrices, by LAPACK ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LAPACK's matrices are column-major, so that it sees the transposes of ours:
// what is lower for us is upper for it.
//===----------------------------------------------------------------------===//
#include "transformer/Support/LinearAlgebra.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cblas.h>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using llvm::ArrayRef;

extern "C" {
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a,
             const int *lda, double *b, const int *ldb, int *info);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dgesv_(const int *n, const int *nrhs, double *a, const int *lda, int *ipiv,
            double *b, const int *ldb, int *info);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a,
             const int *lda, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a,
             const int *lda, double *w, double *work, const int *lwork,
             int *iwork, const int *liwork, int *info);
void dgesdd_(const char *jobz, const int *m, const int *n, double *a,
             const int *lda, double *s, double *u, const int *ldu, double *vt,
             const int *ldvt, double *work, const int *lwork, int *iwork,
             int *info);
void dgeqp3_(const int *m, const int *n, double *a, const int *lda, int *jpvt,
             double *tau, double *work, const int *lwork, int *info);
}

/// Before every use of BLAS: whoever linked us may have set another number.
static void useOneThread() { openblas_set_num_threads(1); }

Matrix Matrix::identity(int64_t size) {
  Matrix result(size, size);
  for (int64_t i = 0; i < size; ++i)
    result(i, i) = 1;
  return result;
}

Matrix Matrix::transposed() const {
  Matrix result(columns, rows);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      result(c, r) = (*this)(r, c);
  return result;
}

Matrix Matrix::selectRows(ArrayRef<int64_t> which) const {
  Matrix result(which.size(), columns);
  for (auto [i, r] : llvm::enumerate(which))
    std::copy(row(r).begin(), row(r).end(), result.row(i).begin());
  return result;
}

Matrix Matrix::selectColumns(ArrayRef<int64_t> which) const {
  Matrix result(rows, which.size());
  for (int64_t r = 0; r < rows; ++r)
    for (auto [i, c] : llvm::enumerate(which))
      result(r, i) = (*this)(r, c);
  return result;
}

double Matrix::trace() const {
  double sum = 0;
  for (int64_t i = 0; i < std::min(rows, columns); ++i)
    sum += (*this)(i, i);
  return sum;
}

double Matrix::energy() const {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return sum;
}

std::vector<float> Matrix::toFloats() const {
  return std::vector<float>(values.begin(), values.end());
}

bool Matrix::fitsFloats() const {
  return llvm::all_of(values, [](double value) {
    return std::abs(value) <= std::numeric_limits<float>::max();
  });
}

Matrix transformer::multiply(const Matrix &a, const Matrix &b, Form formA,
                             Form formB) {
  useOneThread();
  int64_t m = formA == Form::AsIs ? a.rows : a.columns;
  int64_t k = formA == Form::AsIs ? a.columns : a.rows;
  int64_t n = formB == Form::AsIs ? b.columns : b.rows;
  assert(k == (formB == Form::AsIs ? b.rows : b.columns));
  Matrix result(m, n);
  if (m && n && k)
    cblas_dgemm(CblasRowMajor, formA == Form::AsIs ? CblasNoTrans : CblasTrans,
                formB == Form::AsIs ? CblasNoTrans : CblasTrans, m, n, k, 1.0,
                a.values.data(), a.columns, b.values.data(), b.columns, 0.0,
                result.values.data(), n);
  return result;
}

llvm::Expected<Matrix> transformer::cholesky(const Matrix &a) {
  useOneThread();
  assert(a.rows == a.columns);
  Matrix lower = a;
  int n = int(a.rows), info = 0;
  if (n)
    dpotrf_("U", &n, lower.values.data(), &n, &info);
  if (info)
    return makeError("a matrix of " + llvm::Twine(n) +
                     " rows is not positive definite");
  for (int64_t r = 0; r < n; ++r)
    std::fill(lower.row(r).begin() + r + 1, lower.row(r).end(), 0.0);
  return lower;
}

Matrix transformer::invertLower(const Matrix &lower) {
  useOneThread();
  Matrix result = lower;
  int n = int(lower.rows), info = 0;
  if (n)
    dtrtri_("U", "N", &n, result.values.data(), &n, &info);
  assert(info == 0 && "zero on the diagonal");
  return result;
}

llvm::Expected<Matrix> transformer::solvePositive(const Matrix &a,
                                                  const Matrix &b) {
  llvm::Expected<Matrix> lower = cholesky(a);
  if (!lower)
    return lower;
  Matrix columns = b.transposed(); // LAPACK's b
  int n = int(a.rows), count = int(b.columns), info = 0;
  if (n && count)
    dpotrs_("U", &n, &count, lower->values.data(), &n, columns.values.data(),
            &n, &info);
  return columns.transposed();
}

llvm::Expected<Matrix> transformer::solve(const Matrix &a, const Matrix &b) {
  useOneThread();
  Matrix left = a.transposed(), columns = b.transposed(); // LAPACK's
  int n = int(a.rows), count = int(b.columns), info = 0;
  std::vector<int> pivots(n);
  if (n && count)
    dgesv_(&n, &count, left.values.data(), &n, pivots.data(),
           columns.values.data(), &n, &info);
  if (info)
    return makeError("a matrix of " + llvm::Twine(n) + " rows is singular");
  return columns.transposed();
}

llvm::Expected<Matrix> transformer::invertPositive(const Matrix &a) {
  llvm::Expected<Matrix> result = cholesky(a);
  if (!result)
    return result;
  int n = int(a.rows), info = 0;
  if (n)
    dpotri_("U", &n, result->values.data(), &n, &info);
  for (int64_t r = 0; r < n; ++r)
    for (int64_t c = 0; c < r; ++c)
      (*result)(c, r) = (*result)(r, c);
  return result;
}

void transformer::damp(Matrix &symmetric, double part) {
  double mean =
      symmetric.trace() / double(std::max<int64_t>(symmetric.rows, 1));
  for (int64_t i = 0; i < symmetric.rows; ++i)
    symmetric(i, i) += part * (mean > 0 ? mean : 1.0);
}

llvm::Expected<Eigen> transformer::eigenSymmetric(const Matrix &a) {
  useOneThread();
  assert(a.rows == a.columns);
  int n = int(a.rows), info = 0, size = -1, integers = -1;
  Matrix vectors = a;
  std::vector<double> values(n);
  if (n) {
    double wanted;
    int integersWanted;
    dsyevd_("V", "U", &n, vectors.values.data(), &n, values.data(), &wanted,
            &size, &integersWanted, &integers, &info);
    size = int(wanted), integers = integersWanted;
    std::vector<double> work(size);
    std::vector<int> integerWork(integers);
    dsyevd_("V", "U", &n, vectors.values.data(), &n, values.data(), work.data(),
            &size, integerWork.data(), &integers, &info);
  }
  if (info)
    return makeError("the eigenvalues of a matrix of " + llvm::Twine(n) +
                     " rows did not converge");
  // Ours has them as rows, ascending.
  Eigen result{std::vector<double>(values.rbegin(), values.rend()),
               Matrix(n, n)};
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      result.vectors(j, i) = vectors(n - 1 - i, j);
  return result;
}

llvm::Expected<Svd> transformer::svd(const Matrix &a) {
  useOneThread();
  // LAPACK sees aᵀ = v diag(s) uᵀ.
  int m = int(a.columns), n = int(a.rows), least = std::min(m, n);
  int info = 0, size = -1;
  Svd result{Matrix(n, least), std::vector<double>(least), Matrix(least, m)};
  if (least) {
    Matrix copy = a;
    std::vector<int> integers(8 * least);
    double wanted;
    auto run = [&](double *work) {
      dgesdd_("S", &m, &n, copy.values.data(), &m, result.values.data(),
              result.vt.values.data(), &m, result.u.values.data(), &least, work,
              &size, integers.data(), &info);
    };
    run(&wanted);
    size = int(wanted);
    std::vector<double> work(size);
    run(work.data());
  }
  if (info)
    return makeError("the singular values of a matrix of " + llvm::Twine(n) +
                     " rows and " + llvm::Twine(m) +
                     " columns did not converge");
  return result;
}

std::vector<int64_t> transformer::pivotColumns(const Matrix &a) {
  useOneThread();
  Matrix columns = a.transposed(); // which LAPACK sees as `a`
  int m = int(a.rows), n = int(a.columns), info = 0, size = -1;
  std::vector<int> order(n, 0);
  if (m && n) {
    std::vector<double> tau(std::min(m, n));
    double wanted;
    dgeqp3_(&m, &n, columns.values.data(), &m, order.data(), tau.data(),
            &wanted, &size, &info);
    size = int(wanted);
    std::vector<double> work(size);
    dgeqp3_(&m, &n, columns.values.data(), &m, order.data(), tau.data(),
            work.data(), &size, &info);
  }
  std::vector<int64_t> result;
  for (int column : order)
    result.push_back(column - 1);
  return result;
}

void transformer::gramOfRows(const float *rows, int64_t count, int64_t width,
                             int64_t stride, float *to) {
  useOneThread();
  if (width)
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, width, count, 1.0f, rows,
                stride, 0.0f, to, width);
}
