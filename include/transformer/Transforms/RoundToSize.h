//===- RoundToSize.h - as many bits as a size allows ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_ROUNDTOSIZE_H
#define TRANSFORMER_TRANSFORMS_ROUNDTOSIZE_H

#include "transformer/Transforms/Quantize.h"

#include "llvm/Support/Error.h"

namespace mlir::transformer {

/// What weights are there, in numbers.
struct WeightCounts {
  int64_t linears = 0, linearSides = 0; // rows and columns of the latter
  int64_t tables = 0, tableRows = 0, bases = 0; // where a basis pays
  int64_t plainTables = 0, plainRows = 0;
  int64_t others = 0; // stay f32

  static WeightCounts of(ModuleOp module, const ModuleFilter *filter);
  /// Bytes of the file with so many bits, entropy coded; 0: 8-bit grids.
  double bytes(double bits, double tableBits) const;
  int64_t bytesInF32() const {
    return 4 * (linears + tables + plainTables + others);
  }
};

struct RoundingPlan {
  double bits = 0, tableBits = 0; // 0: 8-bit grids
  double bytes = 0;
};

/// The bits that lose least in so many bytes; an error if rounding alone does
/// not get there.
llvm::Expected<RoundingPlan> planRounding(const WeightCounts &counts,
                                          double bytes);

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_ROUNDTOSIZE_H
