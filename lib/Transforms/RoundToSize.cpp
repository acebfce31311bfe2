//===- RoundToSize.cpp - as many bits as a size allows --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/RoundToSize.h"
#include "GivenOptions.h"
#include "PassRemarks.h"

#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/CompressEmbedding.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include <cmath>

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERROUNDTOSIZE
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static constexpr StringLiteral kFlag = "transformer-round-to-size";
/// What grids allow (see --bits and --table-bits), and what pays.
static constexpr double kLeastBits = 2, kMostBits = 7;
static constexpr double kLeastTableBits = 1, kMostTableBits = 6;
/// Rounding to b bits loses 4^-b; the same of a table counts less, because one
/// norm stands behind it. That of all-MiniLM-L6-v2 where its linears and tables
/// lose the same per byte (the presets small and tiny).
static constexpr double kTableShare = 0.12;

WeightCounts WeightCounts::of(ModuleOp module, const ModuleFilter *filter) {
  WeightCounts counts;
  DenseSet<Attribute> seen;
  // The type of a weight that was not counted yet.
  auto fresh = [&](Value value) -> RankedTensorType {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
      return nullptr;
    Attribute constant = constantOf(value);
    return constant && seen.insert(constant).second ? type : nullptr;
  };
  auto isLeft = [&](Operation *op) {
    return filter && !filter->whyNot(op).empty();
  };
  module.walk([&](LinearOp op) {
    if (isLeft(op) || !whyNotRounded(op).empty())
      return;
    if (RankedTensorType type = fresh(op.getWeight())) {
      counts.linears += type.getNumElements();
      counts.linearSides += type.getDimSize(0) + type.getDimSize(1);
    }
  });
  module.walk([&](EmbeddingOp op) {
    if (isLeft(op) || !whyNotRounded(op).empty())
      return;
    bool pays = whyNotCompressed(op).empty();
    RankedTensorType type = fresh(op.getTable());
    if (!type)
      return;
    int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
    (pays ? counts.tables : counts.plainTables) += rows * width;
    (pays ? counts.tableRows : counts.plainRows) += rows;
    counts.bases += pays ? width * (width + 8) : 0;
  });
  module.walk([&](Operation *op) {
    if (!isa<ml_program::GlobalLoadConstOp>(op))
      for (Value operand : op->getOperands())
        if (RankedTensorType type = fresh(operand))
          counts.others += type.getNumElements();
  });
  return counts;
}

double WeightCounts::bytes(double bits, double tableBits) const {
  double rounded = bits > 0 ? double(linears) * bits / 8 : double(linears);
  // Rows of tables without a basis have a scale of two bytes.
  double own = tableBits > 0 ? double(tables) * tableBits / 8 + double(bases)
                             : double(tables + 2 * tableRows);
  return rounded + own + double(plainTables + 2 * plainRows) +
         4.0 * double(linearSides + others);
}

llvm::Expected<RoundingPlan>
transformer::planRounding(const WeightCounts &counts, double bytes) {
  if (counts.linears == 0)
    return makeError("there is no f32 linear to round");
  RoundingPlan plan{0, 0, counts.bytes(0, 0)};
  if (plan.bytes <= bytes)
    return plan;
  double least = INFINITY;
  auto consider = [&](double tableBits) {
    double room = bytes - counts.bytes(8, tableBits) + double(counts.linears);
    double bits = std::min(kMostBits, 8 * room / double(counts.linears));
    bits = std::floor(bits * 100) / 100; // down, so that it fits as printed
    double lost = std::pow(4, -bits) +
                  (tableBits > 0 ? kTableShare * std::pow(4, -tableBits) : 0);
    if (bits >= kLeastBits && lost < least)
      least = lost, plan = {bits, tableBits, counts.bytes(bits, tableBits)};
  };
  if (counts.tables == 0)
    consider(0);
  else
    for (double bits = kLeastTableBits; bits <= kMostTableBits; bits += 0.02)
      consider(bits);
  if (least < INFINITY)
    return plan;
  double fewest = counts.bytes(kLeastBits, counts.tables ? kLeastTableBits : 0);
  return makeError(
      llvm::formatv("rounding alone gives {0} bytes at least, and {1} are "
                    "asked for: narrow or factorize the model first",
                    int64_t(std::ceil(fewest)), int64_t(bytes))
          .str());
}

namespace {
struct RoundToSize
    : public transformer::impl::TransformerRoundToSizeBase<RoundToSize> {
  using TransformerRoundToSizeBase::TransformerRoundToSizeBase;

  llvm::Expected<double> bytesAskedFor(const WeightCounts &counts) const {
    if (maxBytes.hasValue() == maxSize.hasValue())
      return makeError("give one of max-bytes= and max-size=");
    if (maxBytes.hasValue() && maxBytes < 1)
      return makeError("max-bytes is " + Twine(int64_t(maxBytes)) +
                       ", expected 1 or more");
    if (maxSize.hasValue() && !(maxSize > 0 && maxSize <= 1))
      return makeError("max-size is no part above 0 and up to 1");
    return maxBytes.hasValue() ? double(maxBytes)
                               : maxSize * double(counts.bytesInF32());
  }

  llvm::Error round(GivenOptions &given) {
    ModuleOp module = getOperation();
    WeightCounts counts = WeightCounts::of(module, &given.filter);
    llvm::Expected<double> bytes = bytesAskedFor(counts);
    if (!bytes)
      return bytes.takeError();
    llvm::Expected<RoundingPlan> plan = planRounding(counts, *bytes);
    if (!plan)
      return plan.takeError();
    if (plan->bits > 0 && (!given.known() || given.known()->grams.empty()))
      return makeError(
          llvm::formatv("{0} bits per weight are fitted to the inputs: give "
                        "a profile= with Gram matrices",
                        plan->bits)
              .str());
    remarkFound(module.getLoc(), kFlag, "plan",
                plan->bits == 0
                    ? llvm::formatv("8 bits, for {0} bytes", plan->bytes).str()
                    : llvm::formatv("{0} bits per weight and {1} per number of "
                                    "tables, for {2:f0} bytes, entropy coded",
                                    plan->bits, plan->tableBits, plan->bytes)
                          .str());
    if (plan->tableBits > 0)
      compressEmbeddings(module, given.filter, plan->tableBits);
    QuantizeOptions options;
    options.flag = kFlag;
    options.profile = given.known();
    options.filter = &given.filter;
    options.bits = plan->bits;
    options.compensate = plan->bits > 0;
    QuantizeResult result = quantizeWeights(module, options);
    numLinears += result.linears;
    numLeft += result.left;
    return llvm::Error::success();
  }

  void runOnOperation() override {
    if (failed(runWithGiven(getOperation(), kFlag, skip, only, profile,
                            /*saveProfile=*/"",
                            [&](GivenOptions &given) { return round(given); })))
      signalPassFailure();
  }
};
} // namespace
