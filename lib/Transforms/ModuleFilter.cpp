//===- ModuleFilter.cpp - which modules a pass is to touch ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/ModuleFilter.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

using namespace mlir;
using namespace mlir::transformer;

StringRef transformer::modulePath(Operation *op) {
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    return name.getName().getValue();
  for (Value operand : op->getOperands())
    if (auto load = operand.getDefiningOp<ml_program::GlobalLoadConstOp>())
      return load.getGlobal().getLeafReference().getValue().rsplit('.').first;
  return "";
}

llvm::Expected<ModuleFilter> ModuleFilter::create(StringRef skip,
                                                  StringRef only) {
  ModuleFilter filter;
  filter.hasSkip = !skip.empty(), filter.hasOnly = !only.empty();
  filter.skip = llvm::Regex(skip), filter.only = llvm::Regex(only);
  std::string why;
  if (filter.hasSkip && !filter.skip.isValid(why))
    return makeError("skip=" + skip + " is no regular expression: " + why);
  if (filter.hasOnly && !filter.only.isValid(why))
    return makeError("only=" + only + " is no regular expression: " + why);
  return filter;
}

StringRef ModuleFilter::whyNot(Operation *op) const {
  StringRef path = modulePath(op);
  if (hasSkip && skip.match(path))
    return "skip= names it";
  if (hasOnly && !only.match(path))
    return "only= does not name it";
  return "";
}
