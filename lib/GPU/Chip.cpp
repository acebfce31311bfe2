//===- Chip.cpp - the GPUs that code is made for --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Chip.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <tuple>

using namespace mlir::transformer::gpu;

static constexpr Chip kChips[] = {
    {"sm_80", "+ptx70", 163 << 10, 8, 0, false},
    {"sm_90", "+ptx78", 227 << 10, 9, 0, false},
    {"sm_90a", "+ptx80", 227 << 10, 9, 0, true},
    {"sm_100", "+ptx86", 227 << 10, 10, 0, false},
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

std::vector<Chip> mlir::transformer::gpu::lookupChips(llvm::StringRef list,
                                                      std::string &message) {
  llvm::SmallVector<llvm::StringRef> names;
  list.split(names, ',');
  std::vector<Chip> chips;
  for (llvm::StringRef name : names) {
    const Chip *chip = lookupChip(name.trim(), message);
    if (!chip)
      return {};
    for (const Chip &other : chips)
      if (other.name == chip->name) {
        message = "GPU chip '" + chip->name.str() + "' is named twice";
        return {};
      }
    chips.push_back(*chip);
  }
  llvm::sort(chips, [](const Chip &a, const Chip &b) {
    return std::tie(a.major, a.minor, a.isExact) >
           std::tie(b.major, b.minor, b.isExact);
  });
  return chips;
}
