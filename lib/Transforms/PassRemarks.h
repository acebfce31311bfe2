//===- PassRemarks.h - what a pass says of an op --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_PASSREMARKS_H
#define TRANSFORMER_LIB_TRANSFORMS_PASSREMARKS_H

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <string>

namespace mlir::transformer {

inline remark::RemarkOpts remarkOptions(StringRef flag, StringRef name) {
  return remark::RemarkOpts::name(name).category(flag);
}

/// The pass `flag` left something as it is, and why.
inline void remarkKept(Location loc, StringRef flag, const std::string &text) {
  remark::missed(loc, remarkOptions(flag, "kept")) << remark::add("{0}", text);
}

/// It changed something.
inline void remarkDone(Location loc, StringRef flag, StringRef name,
                       const std::string &text) {
  remark::passed(loc, remarkOptions(flag, name)) << remark::add("{0}", text);
}

/// It found something out.
inline void remarkFound(Location loc, StringRef flag, StringRef name,
                        const std::string &text) {
  remark::analysis(loc, remarkOptions(flag, name)) << remark::add("{0}", text);
}

/// Numbers with spaces between them, as charts of a report are made of
/// (docs/quality.md).
inline std::string seriesText(std::string label, ArrayRef<double> numbers) {
  for (double number : numbers)
    label += llvm::formatv("{0}{1:e2}", label.empty() ? "" : " ", number);
  return label;
}

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_PASSREMARKS_H
