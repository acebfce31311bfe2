//===- BufferPlan.cpp - where buffers live, and for how long --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "BufferPlan.h"

#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::transformer;

Lifetime transformer::lifetimeOf(Value buffer, Block &block) {
  auto positionOf = [&](Operation *op) -> int64_t {
    Operation *inBlock = block.findAncestorOpInBlock(*op);
    int64_t position = 0;
    for (Operation &other : block) {
      if (&other == inBlock)
        return position;
      ++position;
    }
    return position;
  };
  Lifetime lifetime;
  lifetime.first = lifetime.last = positionOf(buffer.getDefiningOp());
  SmallVector<Value> aliases{buffer};
  while (!aliases.empty()) {
    Value alias = aliases.pop_back_val();
    for (Operation *user : alias.getUsers()) {
      lifetime.last = std::max(lifetime.last, positionOf(user));
      if (isa<ViewLikeOpInterface>(user) ||
          (user->getNumResults() == 1 &&
           isa<MemRefType>(user->getResult(0).getType())))
        aliases.push_back(user->getResult(0));
    }
  }
  return lifetime;
}

unsigned SlotPlan::place(Lifetime lifetime, BatchSize size) {
  // Of the free slots, the one that must grow least.
  int64_t best = -1, bestGrowth = 0;
  for (unsigned i = 0; i < sizes.size(); ++i) {
    if (freeAfter[i] >= lifetime.first)
      continue;
    int64_t growth = 0;
    for (unsigned c = 0; c < 3; ++c)
      growth += std::max<int64_t>(0, size[c] - sizes[i][c]);
    if (best < 0 || growth < bestGrowth)
      best = i, bestGrowth = growth;
  }
  if (best < 0) {
    sizes.push_back(size);
    freeAfter.push_back(lifetime.last);
    return sizes.size() - 1;
  }
  for (unsigned c = 0; c < 3; ++c)
    sizes[best][c] = std::max(sizes[best][c], size[c]);
  freeAfter[best] = lifetime.last;
  return best;
}
