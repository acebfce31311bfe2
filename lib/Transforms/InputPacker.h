//===- InputPacker.h - token-major inputs instead of dense ones -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_INPUTPACKER_H
#define TRANSFORMER_LIB_TRANSFORMS_INPUTPACKER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {

inline constexpr StringLiteral kInput = "transformer.input";

/// What transformer-pack-inputs does to a function with this mask.
class InputPacker {
public:
  InputPacker(func::FuncOp forward, BlockArgument mask)
      : forward(forward), block(forward.getBody().front()), mask(mask),
        b(forward.getContext()) {}
  LogicalResult run();
  int64_t numPacked = 0;

private:
  /// Which values have a row per token, and whether all can be packed.
  LogicalResult find();
  LogicalResult findMasks();
  LogicalResult check(Operation *op);
  LogicalResult checkArgument(BlockArgument argument);
  LogicalResult replaceConstants();
  void convert(Operation *op);
  LogicalResult spread(Value perSequence);
  LogicalResult replaceSizes();
  void describe();

  bool hasMask(Value value) const { return value && masks.contains(value); }
  bool isRow(Value value) const { return rows.contains(value); }

  func::FuncOp forward;
  Block &block;
  BlockArgument mask;
  OpBuilder b;
  llvm::SetVector<Value> masks, rows, sequences;
  llvm::SetVector<Operation *> ops; // that make or read rows
  BlockArgument first;              // with a row per token
  Value offsets, tokens;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_INPUTPACKER_H
