//===- BufferPlan.h - where buffers live, and for how long ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers of one block share memory when their lifetimes do not overlap.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_CODEGEN_BUFFERPLAN_H
#define TRANSFORMER_CODEGEN_BUFFERPLAN_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Value.h"

#include <array>

namespace mlir::transformer {

/// The alignment of every buffer, in bytes: a cache line.
constexpr int64_t kBufferAlignment = 64;

/// First and last op of `block` (as positions) between which `buffer` is live:
/// from its definition to the last op that has a use of it, or of a view of it,
/// in itself or below.
struct Lifetime {
  int64_t first = 0, last = 0;
};
Lifetime lifetimeOf(Value buffer, Block &block);

/// A size that grows with the batch: fixed + T * perToken + B * perSequence.
using BatchSize = std::array<int64_t, 3>;

/// Assigns slots to buffers: a slot serves one buffer at a time and is as
/// large, in each component, as the largest that it serves.
class SlotPlan {
public:
  /// Buffers are given in the order of their `first`. Returns the slot.
  unsigned place(Lifetime lifetime, BatchSize size);
  ArrayRef<BatchSize> slots() const { return sizes; }

private:
  SmallVector<BatchSize> sizes;
  SmallVector<int64_t> freeAfter;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_BUFFERPLAN_H
