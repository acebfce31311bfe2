//===- Chip.cpp - the GPUs that code is made for --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Chip.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::transformer::gpu;

static constexpr Chip kChips[] = {
    {"sm_80", "+ptx70", 163 << 10},
    {"sm_90", "+ptx78", 227 << 10},
    {"sm_90a", "+ptx80", 227 << 10},
    {"sm_100", "+ptx86", 227 << 10},
};

std::vector<llvm::StringRef> mlir::transformer::gpu::supportedChips() {
  std::vector<llvm::StringRef> names;
  for (const Chip &chip : kChips)
    names.push_back(chip.name);
  return names;
}

const Chip *mlir::transformer::gpu::lookupChip(llvm::StringRef name,
                                               std::string &message) {
  for (const Chip &chip : kChips)
    if (chip.name == name)
      return &chip;
  message = "there is no GPU chip '" + name.str() +
            "' in the table; there are " + llvm::join(supportedChips(), ", ");
  return nullptr;
}
