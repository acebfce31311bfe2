//===- BindDestinations.cpp - results written where they belong -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region function ends with bufferization.materialize_in_destination ops.
// Where the value was built up from an uninitialized tensor, through loops,
// insertions and destination-style ops, that tensor is replaced by the
// destination itself, and nothing is copied.
//===----------------------------------------------------------------------===//
#include "Missed.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERBINDDESTINATIONS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;

namespace {

/// The operand that `v` is an updated version of, or null.
OpOperand *origin(Value v) {
  auto result = dyn_cast<OpResult>(v);
  if (!result)
    return nullptr;
  Operation *op = result.getOwner();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return &loop.getInitsMutable()[result.getResultNumber()];
  if (auto loop = dyn_cast<scf::ForallOp>(op))
    return loop.getTiedOpOperand(result);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return &insert.getDestMutable();
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return &cast.getSourceMutable();
  if (auto dps = dyn_cast<DestinationStyleOpInterface>(op))
    return dps.getTiedOpOperand(result);
  return nullptr;
}

struct BindDestinationsPass
    : public transformer::impl::TransformerBindDestinationsBase<
          BindDestinationsPass> {
  using TransformerBindDestinationsBase::TransformerBindDestinationsBase;

  void runOnOperation() override {
    SmallVector<bufferization::MaterializeInDestinationOp> ops;
    getOperation()->walk([&](bufferization::MaterializeInDestinationOp op) {
      if (op->getNumResults() == 1)
        ops.push_back(op);
    });
    for (auto op : ops) {
      if (succeeded(bind(op)))
        ++numBound;
      else
        transformer::missed(op, getArgument(), "copied",
                            "the result is copied to its destination");
    }
  }

private:
  static LogicalResult bind(bufferization::MaterializeInDestinationOp op) {
    OpOperand *use = nullptr;
    for (OpOperand *next = origin(op.getSource()); next;
         next = origin(next->get()))
      use = next;
    auto empty =
        use ? use->get().getDefiningOp<tensor::EmptyOp>() : tensor::EmptyOp();
    if (!empty || !empty->hasOneUse())
      return failure();
    Value destination = op.getDest();
    OpBuilder b(empty);
    if (destination.getType() != empty.getType())
      destination =
          tensor::CastOp::create(b, op.getLoc(), empty.getType(), destination);
    use->set(destination);
    op.getResult().replaceAllUsesWith(op.getSource());
    op.erase();
    empty.erase();
    return success();
  }
};

} // namespace
