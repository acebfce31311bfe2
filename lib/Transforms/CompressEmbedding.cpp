//===- CompressEmbedding.cpp - tables in their principal basis ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With X the rows less their mean, g the weight of the norm behind them and
// V the eigenvectors of the covariance of X diag(g), a row is z Bᵀ + mean for
// B = diag(1/g) V and coordinates z. One step for all coordinates is what rate
// and distortion ask for (reverse water-filling); the quiet ones mostly become
// zero and cost the coder next to nothing. B is rounded first, and z fitted to
// what is left of it.
//===----------------------------------------------------------------------===//
#include "transformer/Transforms/CompressEmbedding.h"
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/Support/Compensate.h"
#include "transformer/Support/Rounding.h"
#include "transformer/Transforms/InputMoments.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Quantize.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERCOMPRESSEMBEDDING
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-compress-embedding";
static constexpr int64_t kLeastRowsPerColumn = 4;
/// Rows at a time, and rows at most to choose the step by.
static constexpr int64_t kChunk = 2048, kSample = 16384;

/// By what the norm behind the table multiplies each channel; ones if there is
/// none.
static std::vector<double> metricOf(EmbeddingOp op) {
  std::vector<double> metric = normMetric(op.getResult());
  if (metric.empty())
    metric.assign(cast<RankedTensorType>(op.getType()).getShape().back(), 1.0);
  return metric;
}

namespace {
/// The table and what is derived from it.
struct Table {
  ArrayRef<float> numbers;
  int64_t rows, width;
  std::vector<double> metric, mean = std::vector<double>(width);

  /// Rows from `begin` on, `stride` apart, less the mean, times the metric.
  Matrix weighted(int64_t begin, int64_t count, int64_t stride = 1) const {
    Matrix result(count, width);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = 0; c < width; ++c)
        result(r, c) =
            (numbers[(begin + r * stride) * width + c] - mean[c]) * metric[c];
    return result;
  }
  int64_t chunks() const { return llvm::divideCeil(rows, kChunk); }
  int64_t chunkRows(int64_t i) const {
    return std::min(kChunk, rows - i * kChunk);
  }
};

struct Encoded {
  std::vector<int8_t> integers;
  float step = 1;
  RoundedRows basis;
  CompressedTable result;
};
} // namespace

static Matrix covarianceOf(MLIRContext *context, const Table &table) {
  std::vector<Matrix> parts(table.chunks());
  parallelFor(context, 0, parts.size(), [&](size_t i) {
    Matrix x = table.weighted(i * kChunk, table.chunkRows(i));
    parts[i] = multiply(x, x, Form::Transposed);
  });
  Matrix sum(table.width, table.width);
  for (const Matrix &part : parts)
    for (size_t i = 0; i < sum.values.size(); ++i)
      sum.values[i] += part.values[i];
  return sum;
}

/// The step for which `coordinates` need `bits` each.
static double stepFor(const Matrix &coordinates, double bits) {
  double spread =
      std::sqrt(coordinates.energy() / double(coordinates.values.size()));
  if (!(spread > 0))
    return 1;
  double most = 0;
  for (double value : coordinates.values)
    most = std::max(most, std::abs(value));
  // Logarithms, against the spread; none is clipped.
  double fine = std::log2(most / (127 * spread)), coarse = 6;
  for (int i = 0; i < 20; ++i) {
    double middle = (fine + coarse) / 2;
    (bitsOfGrid(coordinates, spread * std::exp2(middle), {}) > bits ? fine
                                                                    : coarse) =
        middle;
  }
  return spread * std::exp2(coarse);
}

static FailureOr<Encoded> encode(MLIRContext *context, Table &table,
                                 double bits) {
  int64_t width = table.width;
  for (int64_t r = 0; r < table.rows; ++r)
    for (int64_t c = 0; c < width; ++c)
      table.mean[c] += table.numbers[r * width + c];
  for (double &x : table.mean)
    x = float(x / double(table.rows)); // as the bias holds it
  llvm::Expected<Eigen> eigen = eigenSymmetric(covarianceOf(context, table));
  if (!eigen) {
    llvm::consumeError(eigen.takeError());
    return failure();
  }
  Encoded encoded;
  std::vector<float> basis(width * width);
  for (int64_t c = 0; c < width; ++c)
    for (int64_t k = 0; k < width; ++k)
      basis[c * width + k] = float(eigen->vectors(c, k) / table.metric[c]);
  encoded.basis = roundRowsToI8(basis, width, width);

  // Of the rounded basis, in the metric: coordinates are x A (Aᵀ A)⁻¹.
  Matrix rounded(width, width);
  for (int64_t c = 0; c < width; ++c)
    for (int64_t k = 0; k < width; ++k)
      rounded(c, k) = double(encoded.basis.values[c * width + k]) *
                      encoded.basis.scales[c] * table.metric[c];
  llvm::Expected<Matrix> inverse =
      invertPositive(multiply(rounded, rounded, Form::Transposed));
  if (!inverse) {
    llvm::consumeError(inverse.takeError());
    return failure();
  }
  Matrix toCoordinates = multiply(rounded, *inverse);

  int64_t stride = llvm::divideCeil(table.rows, kSample);
  Matrix sample =
      multiply(table.weighted(0, llvm::divideCeil(table.rows, stride), stride),
               toCoordinates);
  encoded.step = float(stepFor(sample, bits));
  encoded.result.bits = bitsOfGrid(sample, encoded.step, {});

  encoded.integers.resize(table.rows * width);
  std::vector<std::pair<double, double>> energies(table.chunks());
  parallelFor(context, 0, energies.size(), [&](size_t i) {
    Matrix x = table.weighted(i * kChunk, table.chunkRows(i));
    Matrix z = multiply(x, toCoordinates);
    int8_t *to = encoded.integers.data() + i * kChunk * width;
    for (double &value : z.values) {
      double integer =
          std::clamp(std::nearbyint(value / encoded.step), -127.0, 127.0);
      *to++ = int8_t(integer);
      value = integer * encoded.step;
    }
    Matrix back = multiply(z, rounded, Form::AsIs, Form::Transposed);
    for (size_t j = 0; j < back.values.size(); ++j)
      back.values[j] -= x.values[j];
    energies[i] = {back.energy(), x.energy()};
  });
  double lost = 0, all = 0;
  for (auto [part, whole] : energies)
    lost += part, all += whole;
  encoded.result.error = all > 0 ? lost / all : 0;
  return encoded;
}

std::string transformer::whyNotCompressed(EmbeddingOp op) {
  StringRef why = whyNotRounded(op);
  if (!why.empty())
    return why.str();
  auto type = cast<RankedTensorType>(op.getTable().getType());
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
  if (rows < kLeastRowsPerColumn * width)
    return llvm::formatv("it has {0} rows of {1}, and a basis pays from {2} "
                         "rows on",
                         rows, width, kLeastRowsPerColumn * width);
  Attribute table = constantOf(op.getTable());
  std::string found;
  op->getParentOfType<ModuleOp>().walk([&](Operation *user) {
    for (Value operand : user->getOperands()) {
      if (user == op || isa<ml_program::GlobalLoadConstOp>(user) ||
          !isa<RankedTensorType>(operand.getType()) ||
          constantOf(operand) != table)
        continue;
      found = isa<LinearOp>(user) ? "it is a linear's weight too"
                                  : "several ops read it";
    }
  });
  return found;
}

FailureOr<CompressedTable>
transformer::compressEmbedding(RewriterBase &rewriter, EmbeddingOp op,
                               double bits) {
  std::string why = whyNotCompressed(op);
  if (!why.empty())
    return rewriter.notifyMatchFailure(op, why);
  auto type = cast<RankedTensorType>(op.getTable().getType());
  std::vector<float> numbers = numbersOf(op.getTable());
  Table table{numbers, type.getDimSize(0), type.getDimSize(1), metricOf(op)};
  FailureOr<Encoded> encoded = encode(rewriter.getContext(), table, bits);
  if (failed(encoded))
    return rewriter.notifyMatchFailure(op, "its covariance has no basis");

  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value like = op.getTable();
  StringRef path = modulePath(op);
  std::string name = path.empty() ? "embedding" : path.str();
  auto f32 = rewriter.getF32Type();
  auto weight = [&](StringRef ending, ArrayRef<int64_t> shape, Type element,
                    std::vector<char> bytes) {
    return createWeight(rewriter, loc, name + ending.str(),
                        RankedTensorType::get(shape, element), std::move(bytes),
                        like);
  };
  auto i8 = rewriter.getI8Type();
  int64_t width = table.width;
  Value integers = weight(".weight_pca", type.getShape(), i8,
                          rawBytes<int8_t>(encoded->integers));
  Value step = weight(".step", {1}, f32, rawBytes<float>(encoded->step));
  Value basis = weight(".basis", {width, width}, i8,
                       rawBytes<int8_t>(encoded->basis.values));
  Value scales = weight(".basis_scales", {width}, f32,
                        rawBytes<float>(encoded->basis.scales));
  std::vector<float> mean(table.mean.begin(), table.mean.end());
  Value bias = weight(".mean", {width}, f32, rawBytes<float>(mean));
  Value scale = arith::ConstantOp::create(
      rewriter, loc,
      DenseElementsAttr::get(RankedTensorType::get({}, f32), encoded->step));
  auto rows = EmbeddingOp::create(rewriter, loc, op.getType(), op.getIds(),
                                  integers, step);
  auto resultType = cast<RankedTensorType>(op.getType());
  auto quantize = QuantizeOp::create(
      rewriter, loc, resultType.clone(i8),
      RankedTensorType::get(resultType.getShape().drop_back(), f32),
      rows.getResult(), Value(), scale);
  rewriter.replaceOpWithNewOp<LinearOp>(op, resultType, quantize.getResult(),
                                        basis, bias, quantize.getScales(),
                                        scales, Activation::none);
  return encoded->result;
}

CompressEmbeddingResult
transformer::compressEmbeddings(ModuleOp module, const ModuleFilter &filter,
                                double bits) {
  SmallVector<EmbeddingOp> tables;
  module.walk([&](EmbeddingOp op) { tables.push_back(op); });
  CompressEmbeddingResult result;
  for (EmbeddingOp op : tables) {
    Location loc = op.getLoc();
    std::string why = filter.whyNot(op).str();
    ReasonListener listener(why);
    IRRewriter rewriter(module.getContext(), &listener);
    FailureOr<CompressedTable> done = failure();
    if (why.empty())
      done = compressEmbedding(rewriter, op, bits);
    if (failed(done)) {
      ++result.left;
      remarkKept(loc, kFlag, "the table stays as it is: " + why);
      continue;
    }
    ++result.tables;
    remarkDone(loc, kFlag, "pca",
               llvm::formatv("the table is integers in its principal basis, "
                             "{0:f2} bits each when entropy coded, with "
                             "{1:e1} of its variance lost",
                             done->bits, done->error));
  }
  eraseUnreadWeights(module, [](Location, StringRef) {});
  return result;
}

namespace {
struct CompressEmbedding
    : public transformer::impl::TransformerCompressEmbeddingBase<
          CompressEmbedding> {
  using TransformerCompressEmbeddingBase::TransformerCompressEmbeddingBase;

  void runOnOperation() override {
    auto refuse = [&](const Twine &why) {
      getOperation().emitError() << kFlag << ": " << why;
      signalPassFailure();
    };
    if (!(bits >= 0.5 && bits <= 7))
      return refuse("bits is " + llvm::formatv("{0}", double(bits)) +
                    ", expected a number from 0.5 to 7");
    llvm::Expected<ModuleFilter> filter = ModuleFilter::create(skip, only);
    if (!filter)
      return refuse(llvm::toString(filter.takeError()));
    CompressEmbeddingResult result =
        compressEmbeddings(getOperation(), *filter, bits);
    numTables += result.tables;
    numLeft += result.left;
  }
};
} // namespace
