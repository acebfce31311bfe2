//===- Chip.h - the GPUs that code is made for ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_GPU_CHIP_H
#define TRANSFORMER_GPU_CHIP_H

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace mlir::transformer::gpu {

/// A row of the chip table.
struct Chip {
  llvm::StringRef name;
  /// The oldest PTX version that knows the chip, as a feature of LLVM's NVPTX
  /// back end: without it LLVM ends the process.
  llvm::StringRef features;
  /// Most shared memory that a block may ask for.
  int64_t sharedBytes;
  /// Compute capability. Code for it runs on newer ones too, unless it uses
  /// what is special to this one.
  int major, minor;
  bool isExact;
  /// Whether kernels may be started before those that they depend on are done,
  /// and wait themselves.
  bool overlapsKernels() const { return major >= 9; }
};

/// Null if there is none of that name; `message` then says which there are.
const Chip *lookupChip(llvm::StringRef name, std::string &message);

/// The chips that a list such as "sm_80,sm_90a" names, which differ: the best
/// first. Empty if one is not known; `message` then says so.
std::vector<Chip> lookupChips(llvm::StringRef list, std::string &message);

std::vector<llvm::StringRef> supportedChips();

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_CHIP_H
