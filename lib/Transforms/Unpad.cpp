//===- Unpad.cpp - dense ops with a mask to the packed form ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First the values that have a row for each place of the mask are found, by
// propagation from where the mask is used; then the ops between them are cloned
// in packed form. What other ops still need of them is unpacked.
//===----------------------------------------------------------------------===//
#include "PackedLayout.h"
#include "TokenRows.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERUNPAD
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
class Unpadder {
public:
  Unpadder(Block &block, Value mask)
      : block(block), mask(mask),
        rows(tokenRows(block, [&](Value value) { return value == mask; })) {}

  /// Ops that this mask lets become packed; none if nothing is gained.
  int64_t run();

private:
  bool usesMask(Operation *op) const;
  bool isConvertible(Operation *op) const;
  void explain(Operation *op) const;
  Value packed(OpBuilder &builder, Value dense, const PackedLayout &layout);
  void convert(Operation *op, const PackedLayout &layout);

  Block &block;
  Value mask;
  llvm::SetVector<Value> rows;
  IRMapping mapping;
};
} // namespace

bool Unpadder::usesMask(Operation *op) const {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return attention.getMask() == mask;
  auto pool = dyn_cast<PoolOp>(op);
  return pool && pool.getMask() == mask;
}

bool Unpadder::isConvertible(Operation *op) const {
  if (auto attention = dyn_cast<AttentionOp>(op))
    return usesMask(op) && rows.contains(attention.getQuery());
  if (auto pool = dyn_cast<PoolOp>(op))
    return rows.contains(pool.getInput()) &&
           (usesMask(op) ||
            (!pool.getMask() && pool.getKind() == PoolKind::cls));
  SmallVector<Value> values = rowsOf(op);
  return !values.empty() && rows.contains(values.front());
}

/// Says why an op that reads tokens stays dense.
void Unpadder::explain(Operation *op) const {
  StringRef reason =
      llvm::TypeSwitch<Operation *, StringRef>(op)
          .Case<AttentionOp>([&](AttentionOp op) {
            return op.getMask() == mask
                       ? "its queries are of another batch than the mask"
                       : "it does not hide the padding by the same mask";
          })
          .Case<PoolOp>([](auto) { return "it pools over the padding too"; })
          .Case<FftMixOp, TokenMixOp>(
              [](auto) { return "it mixes the padding into the tokens"; })
          .Default([](Operation *) {
            return "it is not known to keep the tokens apart";
          });
  remark::missed(
      op->getLoc(),
      remark::RemarkOpts::name("stays-dense").category("transformer-unpad"))
      << remark::add("{0} stays dense: {1}", op->getName().getStringRef(),
                     reason);
}

Value Unpadder::packed(OpBuilder &builder, Value dense,
                       const PackedLayout &layout) {
  if (Value known = mapping.lookupOrNull(dense))
    return known;
  Value value = layout.pack(builder, dense.getLoc(), dense);
  mapping.map(dense, value);
  return value;
}

void Unpadder::convert(Operation *op, const PackedLayout &layout) {
  OpBuilder b(op);
  for (Value operand : op->getOperands())
    if (rows.contains(operand))
      packed(b, operand, layout);
  Operation *clone = b.clone(*op, mapping);
  for (auto [dense, value] : llvm::zip(op->getResults(), clone->getResults()))
    if (rows.contains(dense))
      value.setType(
          PackedLayout::packedType(cast<RankedTensorType>(dense.getType())));
  readPacked(clone, layout.getOffsets(), layout.getTokens());
}

int64_t Unpadder::run() {
  // The layout comes first, so the mask must not need any token.
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = options.omitBlockArguments = true;
  options.filter = [&](Operation *op) { return op->getBlock() == &block; };
  if (Operation *source = mask.getDefiningOp())
    if (failed(getBackwardSlice(mask, &slice, options)) ||
        source->getBlock() != &block || !llvm::all_of(slice, isPure)) {
      remark::missed(mask.getLoc(), remark::RemarkOpts::name("mask").category(
                                        "transformer-unpad"))
          << remark::add("the mask cannot be computed first");
      return 0;
    }
  SmallVector<Operation *> converted;
  for (Operation &op : block)
    if (isConvertible(&op) && !slice.contains(&op))
      converted.push_back(&op);
  if (converted.empty()) {
    for (Operation *user : mask.getUsers())
      if (user->getBlock() == &block && usesMask(user))
        explain(user);
    return 0;
  }
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  for (Operation *op : slice) {
    op->moveBefore(&block, b.getInsertionPoint());
    b.setInsertionPointAfter(op);
  }
  PackedLayout layout(b, mask.getLoc(), mask);
  for (Operation *op : converted)
    convert(op, layout);

  llvm::SmallPtrSet<Operation *, 16> old(converted.begin(), converted.end());
  for (Operation *op : llvm::reverse(converted)) {
    for (Value dense : op->getResults()) {
      Value value = mapping.lookup(dense);
      if (!rows.contains(dense)) {
        dense.replaceAllUsesWith(value);
        continue;
      }
      dense.replaceUsesWithIf(mask, [](OpOperand &use) {
        auto dim = dyn_cast<tensor::DimOp>(use.getOwner());
        auto index = dim ? dim.getConstantIndex() : std::nullopt;
        return index && *index < 2;
      });
      if (dense.use_empty())
        continue;
      for (Operation *user : dense.getUsers())
        if (user->getBlock() == &block &&
            !user->hasTrait<OpTrait::IsTerminator>())
          explain(user);
      OpBuilder b(op->getContext());
      b.setInsertionPointAfterValue(value);
      dense.replaceAllUsesWith(layout.unpack(
          b, dense.getLoc(), value, cast<RankedTensorType>(dense.getType())));
    }
    op->erase();
  }
  return converted.size();
}

namespace {
struct Unpad : public transformer::impl::TransformerUnpadBase<Unpad> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.getBody().hasOneBlock())
      return markAllAnalysesPreserved();
    Block &block = function.getBody().front();
    llvm::SetVector<Value> masks;
    for (Operation &op : block) {
      Value mask;
      if (auto attention = dyn_cast<AttentionOp>(op))
        mask = attention.getMask();
      else if (auto pool = dyn_cast<PoolOp>(op))
        mask = pool.getMask();
      if (!mask || masks.contains(mask))
        continue;
      auto type = cast<RankedTensorType>(mask.getType());
      if (type.getRank() == 2 && type.getElementType().isInteger(1))
        masks.insert(mask);
      else
        remark::missed(op.getLoc(),
                       remark::RemarkOpts::name("mask").category(getArgument()))
            << remark::add("only a mask [batch, keys] of i1 says where the "
                           "padding is");
    }
    for (Value mask : masks)
      if (int64_t count = Unpadder(block, mask).run()) {
        numConverted += count;
        remark::passed(
            function.getLoc(),
            remark::RemarkOpts::name("packed").category(getArgument()))
            << remark::add("{0} ops of {1} are packed", count,
                           function.getName());
      }
  }
};
} // namespace
