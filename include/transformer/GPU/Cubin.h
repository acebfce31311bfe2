//===- Cubin.h - what NVIDIA's assembler made of kernels -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cubin is an ELF file; no program of the toolkit is needed to read it. Codes
// of instructions are the low 12 bits of their 16 bytes, the same from sm_80 to
// sm_100; they were matched with kernels whose instructions are known.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_GPU_CUBIN_H
#define TRANSFORMER_GPU_CUBIN_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <vector>

namespace mlir::transformer::gpu {

/// One kernel of a cubin.
struct KernelCode {
  std::string name;
  int64_t registers = 0;  // per thread
  int64_t stackBytes = 0; // local memory per thread: arrays and spills
  int64_t instructions = 0;
  /// How often each mnemonic occurs: those of tensor cores, of copies, of
  /// memory and of barriers; "other" counts the rest.
  std::map<std::string, int64_t> counts;

  int64_t count(llvm::StringRef mnemonic) const;
};

/// The kernels in the order of the file. An error if it is no cubin.
llvm::Expected<std::vector<KernelCode>> readCubin(llvm::StringRef bytes);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_CUBIN_H
