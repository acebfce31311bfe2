//===- ModuleFilter.h - which modules a pass is to touch ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_MODULEFILTER_H
#define TRANSFORMER_TRANSFORMS_MODULEFILTER_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/Regex.h"

namespace mlir::transformer {

/// "encoder.layer.0.output.dense": the name of the op's location, which text
/// without locations lacks; then that of the first weight it loads, without its
/// last part. Empty if it has neither.
llvm::StringRef modulePath(Operation *op);

/// The options skip= and only= that passes share: regular expressions that are
/// searched for in the module path. An empty one says nothing.
class ModuleFilter {
public:
  static llvm::Expected<ModuleFilter> create(llvm::StringRef skip,
                                             llvm::StringRef only);
  ModuleFilter() = default;
  /// Why the module is left alone; empty if it is not.
  llvm::StringRef whyNot(Operation *op) const;

private:
  llvm::Regex skip, only;
  bool hasSkip = false, hasOnly = false;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_MODULEFILTER_H
