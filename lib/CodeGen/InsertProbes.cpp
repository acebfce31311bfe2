//===- InsertProbes.cpp - marks between the ops of the model --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Probes stand between statements of parallel bodies and of functions, never
// inside of a kernel's loops, and after the kernels have been emitted: they
// cannot change how code is tiled or fused.
//===----------------------------------------------------------------------===//
#include "Origins.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERINSERTPROBES
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The numbers (Origins.h) of the ops that some code computes.
using Numbers = SmallVector<int64_t>;

/// Loops, loads and stores; what remains computes addresses and sizes.
bool takesTime(Operation *op) {
  if (op->getNumRegions())
    return true;
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  return effects && (effects.hasEffect<MemoryEffects::Write>() ||
                     effects.hasEffect<MemoryEffects::Read>());
}

/// Marks one function. Its spans are what its code computes, in order.
class Marker {
public:
  void mark(Block &block) {
    Operation *last = nullptr;
    Numbers current;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (auto loop = dyn_cast<scf::ForallOp>(op)) {
        finish(last, current);
        last = nullptr;
        mark(*loop.getBody());
        continue;
      }
      if (op.hasTrait<OpTrait::IsTerminator>() || !takesTime(&op))
        continue;
      Numbers numbers = numbersIn(&op);
      // The first is the op's own; those inside of a loop may be of others that
      // are fused into it.
      if (last && !numbers.empty() && !current.empty() &&
          numbers.front() != current.front())
        finish(last, current);
      for (int64_t number : numbers)
        if (!llvm::is_contained(current, number))
          current.push_back(number);
      last = &op;
    }
    finish(last, current);
  }
  SmallVector<Numbers> spans;

private:
  void finish(Operation *last, Numbers &numbers) {
    if (!last)
      return;
    auto known = llvm::find(spans, numbers);
    int64_t span = known - spans.begin();
    if (known == spans.end())
      spans.push_back(numbers);
    OpBuilder b(last->getContext());
    b.setInsertionPointAfter(last);
    kernel::ProbeOp::create(b, last->getLoc(), span);
    numbers.clear();
  }
};

struct InsertProbesPass
    : public transformer::impl::TransformerInsertProbesBase<InsertProbesPass> {
  using TransformerInsertProbesBase::TransformerInsertProbesBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    if (!forward || forward.isExternal())
      return;
    DenseMap<Operation *, SmallVector<Numbers>> marked;
    SmallVector<Attribute> spans, kernels;
    forward.walk([&](func::CallOp call) {
      auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        return;
      if (!marked.contains(callee)) {
        Marker marker;
        marker.mark(callee.getBody().front());
        marked[callee] = marker.spans;
      }
      OpBuilder b(call);
      kernel::EnterOp::create(b, call.getLoc(), spans.size());
      SmallVector<Origin> origins = originsOf(call.getLoc());
      for (const auto &[i, numbers] : llvm::enumerate(marked[callee])) {
        kernels.push_back(kernelOf(b, callee, i, origins, marked[callee]));
        spans.push_back(describe(b, callee, origins, numbers));
      }
    });
    module->setAttr("transformer.spans", ArrayAttr::get(&getContext(), spans));
    module->setAttr("transformer.kernels",
                    ArrayAttr::get(&getContext(), kernels));
    numSpans += spans.size();
    module.walk([&](kernel::ProbeOp) { ++numProbes; });
  }

private:
  /// Where the code of a span is, on what tiles it works, and what it takes.
  Attribute kernelOf(OpBuilder &b, func::FuncOp callee, int64_t span,
                     ArrayRef<Origin> origins, ArrayRef<Numbers> all) {
    const Numbers &numbers = all[span];
    // An op whose code is in several spans belongs to the one that begins with
    // it, or to the first.
    auto owner = [&](int64_t number) {
      const Numbers *first = llvm::find_if(all, [&](const Numbers &numbers) {
        return !numbers.empty() && numbers.front() == number;
      });
      if (first == all.end())
        first = llvm::find_if(all, [&](const Numbers &numbers) {
          return numbers.empty() || llvm::is_contained(numbers, number);
        });
      return first - all.begin();
    };
    Cost cost;
    for (auto [number, origin] : llvm::enumerate(origins))
      if (owner(number) == span)
        cost += origin.cost;
    SmallVector<StringRef> tiles;
    if (auto noted = callee->getAttrOfType<ArrayAttr>("transformer.tiles"))
      for (auto tile : noted.getAsRange<ArrayAttr>()) {
        ArrayRef<int64_t> ops = cast<DenseI64ArrayAttr>(tile[0]);
        StringRef text = cast<StringAttr>(tile[1]).getValue();
        bool isHere = ops.empty() ? numbers.empty()
                                  : llvm::is_contained(numbers, ops.front());
        if (isHere && !llvm::is_contained(tiles, text))
          tiles.push_back(text);
      }
    return b.getDictionaryAttr(
        {b.getNamedAttr("function", callee.getSymNameAttr()),
         b.getNamedAttr("number", b.getI64IntegerAttr(span)),
         b.getNamedAttr("tile", b.getStringAttr(llvm::join(tiles, ", "))),
         b.getNamedAttr("cost", b.getDenseF64ArrayAttr(cost.numbers()))});
  }

  /// What an op does and its path; of several ops, all that they do and the
  /// path of the first.
  Attribute describe(OpBuilder &b, func::FuncOp callee,
                     ArrayRef<Origin> origins, ArrayRef<int64_t> numbers) {
    SmallVector<StringRef> kinds;
    StringRef path;
    // A function that computes one op has no numbers.
    SmallVector<int64_t> sorted(numbers);
    if (sorted.empty())
      sorted = llvm::to_vector(llvm::seq<int64_t>(0, origins.size()));
    llvm::sort(sorted);
    for (int64_t number : sorted) {
      if (number >= int64_t(origins.size()))
        continue;
      if (!llvm::is_contained(kinds, origins[number].kind))
        kinds.push_back(origins[number].kind);
      if (path.empty())
        path = origins[number].path;
    }
    if (kinds.empty())
      kinds.push_back(callee.getSymName());
    return b.getStrArrayAttr({llvm::join(kinds, "+"), path});
  }
};

} // namespace
