//===- Version.h - the version of the dialect in bytecode -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_VERSION_H
#define TRANSFORMER_IR_VERSION_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace mlir::transformer {

/// Bytecode says which version of the dialect wrote it. A change of an op that
/// old files can't be read with raises the minor number, gets its upgrade in
/// lib/IR/Bytecode.cpp, and a golden file of the new version in test/IR/golden.
struct TransformerVersion : DialectVersion {
  static constexpr uint64_t kMajor = 0, kMinor = 2;
  uint64_t major = kMajor, minor = kMinor;

  TransformerVersion() = default;
  TransformerVersion(uint64_t major, uint64_t minor)
      : major(major), minor(minor) {}
};

} // namespace mlir::transformer

#endif // TRANSFORMER_IR_VERSION_H
