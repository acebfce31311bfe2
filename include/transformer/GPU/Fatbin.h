//===- Fatbin.h - machine code by NVIDIA's tools --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_GPU_FATBIN_H
#define TRANSFORMER_GPU_FATBIN_H

#include "transformer/GPU/Chip.h"

#include "llvm/Support/Error.h"

#include <optional>

namespace mlir::transformer::gpu {

/// Programs of a CUDA toolkit, by their paths.
struct Toolkit {
  std::string ptxas, fatbinary;
};

/// In `directory`, which is an error if it has none; or if that is empty, in
/// PATH, CUDA_ROOT, CUDA_HOME or CUDA_PATH, if there.
llvm::Expected<std::optional<Toolkit>> findToolkit(llvm::StringRef directory);

struct Fatbin {
  std::string bytes; // what the driver picks from
  std::string cubin; // the machine code in it
};

/// Machine code for `chip`, and the PTX that it was made from. Fails with the
/// words of the program that failed.
llvm::Expected<Fatbin> makeFatbin(const Toolkit &toolkit, llvm::StringRef ptx,
                                  const Chip &chip);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_FATBIN_H
