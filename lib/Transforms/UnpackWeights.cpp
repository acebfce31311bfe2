//===- UnpackWeights.cpp - 4-bit weights to i8 ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Numbers.h"
#include "PassRemarks.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERUNPACKWEIGHTS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static Value unpacked(OpBuilder &builder, UnpackI4Op op,
                      ArrayRef<int8_t> numbers) {
  auto load = op.getPacked().getDefiningOp<ml_program::GlobalLoadConstOp>();
  StringRef name =
      load ? load.getGlobal().getLeafReference().getValue() : "weight";
  name.consume_back("_i4");
  return createWeight(builder, op.getLoc(), (name + "_i8").str(),
                      cast<RankedTensorType>(op.getType()),
                      rawBytes<int8_t>(numbers), op.getPacked());
}

namespace {
struct UnpackWeights
    : public transformer::impl::TransformerUnpackWeightsBase<UnpackWeights> {
  using TransformerUnpackWeightsBase::TransformerUnpackWeightsBase;

  void runOnOperation() override {
    // Ops that share what they unpack share the result.
    DenseMap<std::pair<Attribute, Attribute>, Value> done;
    SmallVector<UnpackI4Op> ops;
    int64_t count = 0;
    getOperation().walk([&](UnpackI4Op op) { ops.push_back(op); });
    for (UnpackI4Op op : ops) {
      std::optional<std::vector<int8_t>> numbers =
          knownIntegersOf(op.getResult());
      if (!numbers) {
        remarkKept(op.getLoc(), getArgument(),
                   "the weight stays packed: its numbers are not known");
        continue;
      }
      OpBuilder builder(op);
      Value &known =
          done[{constantOf(op.getPacked()), constantOf(op.getMultipliers())}];
      known = known ? builder.clone(*known.getDefiningOp())->getResult(0)
                    : unpacked(builder, op, *numbers);
      op.replaceAllUsesWith(known);
      op.erase();
      ++count;
    }
    numUnpacked += count;
    if (count)
      remarkFound(getOperation().getLoc(), getArgument(), "unpacked",
                  llvm::formatv("{0} weights of 4 bits are i8 now: what "
                                "follows has no kernels that unpack them",
                                count));
    eraseUnreadWeights(getOperation(), [](Location, StringRef) {});
  }
};
} // namespace
