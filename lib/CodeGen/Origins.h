//===- Origins.h - which ops of the model code comes from -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers share functions, so the location of an op in one names the first
// layer only. Ops of a shared function are therefore numbered, in their
// locations, and the location of a call lists the ops that the numbers stand
// for there.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_ORIGINS_H
#define TRANSFORMER_LIB_CODEGEN_ORIGINS_H

#include "transformer/IR/Cost.h"

namespace mlir::transformer {

/// An op of the model: what it does, its module path, and what that takes.
struct Origin {
  StringRef kind, path;
  Cost cost;
};

/// `loc` with the number of an op in its function.
Location numberedLoc(Location loc, int64_t number);
/// The location of a call that computes `ops`, in the order of their numbers.
Location originsLoc(ArrayRef<Operation *> ops);

/// The numbers in the locations of `op` and of the ops inside of it, each once.
SmallVector<int64_t> numbersIn(Operation *op);
/// The ops that a call computes; empty if its location does not tell.
SmallVector<Origin> originsOf(Location call);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_ORIGINS_H
