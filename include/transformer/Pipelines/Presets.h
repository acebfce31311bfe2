//===- Presets.h - what one word asks for ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PIPELINES_PRESETS_H
#define TRANSFORMER_PIPELINES_PRESETS_H

#include "transformer/Pipelines/Compile.h"

#include "llvm/ADT/ArrayRef.h"

namespace mlir::transformer {

struct Preset {
  llvm::StringRef name;
  Precision precision;
  /// Of linears and tables, entropy coded; 0: as fine as 8 bits allow, and not
  /// coded.
  double bits = 0, tableBits = 0;
  /// As in CompileOptions.
  int64_t qkRank = 0;
  double ffnError = 0;
  /// Positions that no sentence has go.
  bool isCut = false;
  /// For --help.
  llvm::StringRef summary;
};

/// In the order of what they cost in quality.
llvm::ArrayRef<Preset> presets();

/// Null if there is none of that name.
const Preset *findPreset(llvm::StringRef name);

} // namespace mlir::transformer

#endif // TRANSFORMER_PIPELINES_PRESETS_H
