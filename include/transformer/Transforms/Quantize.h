//===- Quantize.h - linears and tables as integers -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_QUANTIZE_H
#define TRANSFORMER_TRANSFORMS_QUANTIZE_H

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Support/Compensate.h"
#include "transformer/Support/Profile.h"
#include "transformer/Support/Rounding.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

#include <map>
#include <optional>

namespace mlir::transformer {

/// Why `op` is no f32 op with a known weight, which the rewrites below need;
/// empty if it is.
StringRef whyNotRounded(LinearOp op);
StringRef whyNotRounded(EmbeddingOp op);

/// How a weight becomes i8, or 4-bit integers behind an `unpack_i4`.
struct WeightRounding {
  /// By which the columns are divided first (none: not); numbers that bf16
  /// holds.
  ArrayRef<float> divisors;
  ScaleType scaleType = ScaleType::F32;
  /// If there is one, errors are taken to columns that are not rounded yet.
  const Compensator *compensator = nullptr;
  /// Of all rows alike, times a power of two where a row needs more than 127 of
  /// them; 0: each row has its largest number over 127. With a compensator
  /// only, and not for 4 bits.
  float step = 0;
  int bits = 8;
  /// Of the columns, for the grids of 4 bits, without a compensator; none: 1.
  ArrayRef<double> importance = {};
};

/// Rounds weights, each once, however many ops read it.
class WeightRounder {
public:
  struct Rounded {
    Value values, scales; // loads or constants, or unpacked ones
    double error = 0;     // as in RoundedRows
  };
  /// The i8 form of the known f32 matrix `weight` as values at the insertion
  /// point.
  Rounded round(OpBuilder &builder, Location loc, Value weight,
                const WeightRounding &how);

private:
  using Key = std::tuple<const void *, std::vector<float>, ScaleType,
                         const Compensator *, float, int>;
  std::map<Key, Rounded> done;
};

/// Linears of one input, in one block.
struct LinearGroup {
  SmallVector<LinearOp> linears;
  Value input() const {
    return const_cast<LinearOp &>(linears.front()).getInput();
  }
  /// Of the input; null: nothing is known of it.
  const ChannelStatistics *statistics = nullptr;
  const GramStatistics *gram = nullptr;
};

/// Groups that share weights: their inputs are rounded alike.
struct LinearCluster {
  SmallVector<LinearGroup> groups;
  /// By which all inputs are multiplied (none: not).
  std::vector<float> multipliers;
  std::optional<Compensator> compensator;
  /// Of each weight, in bits mode; see WeightRounding.
  DenseMap<Attribute, float> steps;
  /// How inputs are rounded, for remarks.
  std::string how;
};

/// Makes the linears of a group of `cluster` i8, with weights of `bits` (8 or
/// 4), behind one quantize of their input. With statistics and `correctBias`
/// the mean of what rounding the weights changes goes into the bias. Gives the
/// error of each weight.
FailureOr<SmallVector<double>> quantizeLinears(RewriterBase &rewriter,
                                               LinearGroup &group,
                                               const LinearCluster &cluster,
                                               bool correctBias, int bits,
                                               WeightRounder &rounder);

/// Gives clusters whose Gram matrices are known a compensator. With `bits` it
/// also chooses their multipliers and the steps of their weights: uniform
/// grids, as fine as `bits` per weight allow on average when the weight file is
/// entropy coded, with the same relative error of the output for all weights.
void chooseGrids(MLIRContext *context, MutableArrayRef<LinearCluster> clusters,
                 double bits, double exponent);

/// Makes the table of `op` integers of `bits` (8 or 4) with a scale per row.
/// Gives its error.
FailureOr<double> quantizeTable(RewriterBase &rewriter, EmbeddingOp op,
                                ScaleType scaleType, int bits,
                                WeightRounder &rounder);

/// Why `profile` is not one of the model in `module`; empty if it is.
std::string whyNotOf(const Profile &profile, ModuleOp module);

/// Why the products of `op` cannot be rounded; empty if they can.
StringRef whyNotRounded(AttentionOp op);

struct QuantizeOptions {
  /// What asks for it, for remarks.
  StringRef flag = "transformer-quantize-i8";
  /// Of weights: 8, or 4 in groups.
  int weightBits = 8;
  const Profile *profile = nullptr;
  const ModuleFilter *filter = nullptr;
  /// Of the rms of an input against the largest weight of its column; 0: no
  /// smoothing.
  double smoothing = 0.5;
  /// Whether weights whose input's Gram matrix is in the profile are rounded
  /// with compensation.
  bool compensate = false;
  /// Bits per weight on average, entropy coded; 0: as fine as `weightBits`
  /// allow.
  double bits = 0;
  bool embeddings = true, biases = true, attention = true;
};

struct QuantizeResult {
  int64_t linears = 0, tables = 0, attentions = 0, left = 0;
};

/// All of the above for a module, with a remark for each op that was a
/// candidate; then drops the weights that nothing reads any more.
QuantizeResult quantizeWeights(ModuleOp module, const QuantizeOptions &options);

/// The same as the options of a pass say it; an error where they are wrong.
FailureOr<QuantizeResult> quantizeAsGiven(ModuleOp module,
                                          QuantizeOptions options,
                                          StringRef skip, StringRef only,
                                          StringRef profile);

/// Makes the linears of `group` multiply bf16 by bf16, with f32 results. The
/// input is rounded once for all.
LogicalResult roundLinearsToBf16(RewriterBase &rewriter, LinearGroup &group);

/// Makes the table of `op` bf16; its rows are widened behind it.
LogicalResult roundTableToBf16(RewriterBase &rewriter, EmbeddingOp op);

/// Multiplies the weight of a rounded linear or table out, so that the op is
/// f32 and its input is not rounded. A linear that only turns the rows of a
/// rounded table into another basis goes into the table.
LogicalResult dequantize(RewriterBase &rewriter, LinearOp op);
LogicalResult dequantize(RewriterBase &rewriter, EmbeddingOp op);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_QUANTIZE_H
