//===- TokenRows.cpp - which values have a row per token ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TokenRows.h"

#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::transformer;

static bool isDense(Value value, int64_t least) {
  auto type = dyn_cast_or_null<RankedTensorType>(value.getType());
  return type && type.getRank() >= least;
}

SmallVector<Value> mlir::transformer::rowsOf(Operation *op) {
  SmallVector<Value> rows;
  auto add = [&](ValueRange values) { llvm::append_range(rows, values); };
  llvm::TypeSwitch<Operation *>(op)
      .Case<LinearOp>([&](LinearOp op) {
        if (isDense(op.getInput(), 3))
          add({op.getInput(), op.getResult()});
        if (!rows.empty() && op.getInputScales())
          rows.push_back(op.getInputScales());
      })
      .Case<EmbeddingOp>([&](EmbeddingOp op) {
        if (isDense(op.getIds(), 2))
          add({op.getIds(), op.getResult()});
      })
      .Case<SelectOp>([&](SelectOp op) {
        if (isDense(op.getInput(), 3))
          add({op.getInput(), op.getResult()});
      })
      .Case<LayerNormOp, RmsNormOp>([&](auto op) {
        if (isDense(op.getInput(), 3))
          add({op.getInput(), op.getResult()});
        if (!rows.empty() && op.getResidual())
          rows.push_back(op.getResidual());
      })
      .Case<UnpoolOp>([&](UnpoolOp op) {
        if (!op.getOffsets())
          rows.push_back(op.getResult());
      })
      .Case<QuantizeOp>([&](QuantizeOp op) {
        if (isDense(op.getInput(), 3))
          add({op.getInput(), op.getResult(), op.getScales()});
      })
      .Case<DequantizeOp, L2NormalizeOp, RopeOp>([&](auto op) {
        if (isDense(op->getOperand(0), 3)) {
          add(op->getOperands());
          add(op->getResults());
        }
      })
      .Default([&](Operation *op) {
        if (!op->hasTrait<OpTrait::Elementwise>() || op->getNumResults() != 1 ||
            !llvm::all_of(op->getOperands(),
                          [](Value v) { return isDense(v, 2); }))
          return;
        add(op->getOperands());
        add(op->getResults());
      });
  return rows;
}

llvm::SetVector<Value>
mlir::transformer::tokenRows(Block &block,
                             llvm::function_ref<bool(Value)> isMask) {
  llvm::SetVector<Value> rows;
  size_t before;
  do {
    before = rows.size();
    for (Operation &op : block) {
      SmallVector<Value> values = rowsOf(&op);
      if (auto attention = dyn_cast<AttentionOp>(&op)) {
        if (!isMask(attention.getMask()))
          continue;
        rows.insert(attention.getKey());
        rows.insert(attention.getValue());
        values = {attention.getQuery(), attention.getResult()};
      } else if (auto pool = dyn_cast<PoolOp>(&op)) {
        if (isMask(pool.getMask()))
          rows.insert(pool.getInput());
      }
      if (llvm::any_of(values, [&](Value v) { return rows.contains(v); }))
        rows.insert(values.begin(), values.end());
    }
  } while (rows.size() != before);
  return rows;
}

void mlir::transformer::readPacked(Operation *op, Value offsets, Value tokens) {
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    attention.getMaskMutable().clear();
    attention.getQueryOffsetsMutable().assign(offsets);
  } else if (auto pool = dyn_cast<PoolOp>(op)) {
    pool.getMaskMutable().clear();
    pool.getOffsetsMutable().assign(offsets);
  } else if (auto unpool = dyn_cast<UnpoolOp>(op)) {
    unpool.getLengthMutable().assign(tokens);
    unpool.getOffsetsMutable().assign(offsets);
  }
}
