//===- Missed.h - remarks on ops that took a slow way -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_MISSED_H
#define TRANSFORMER_LIB_CODEGEN_MISSED_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Remarks.h"

namespace mlir::transformer {

/// Says that the code of `op` is slower than it could be, and why. `flag` is
/// that of the pass.
inline void missed(Operation *op, StringRef flag, StringRef name,
                   const Twine &why) {
  remark::missed(op->getLoc(), remark::RemarkOpts::name(name).category(flag))
      << remark::add("{0}", why.str());
}

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_MISSED_H
