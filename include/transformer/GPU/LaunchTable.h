//===- LaunchTable.h - what the host does, in order -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole of a model's host side, made at compile time: which buffers there
// are, and which kernels are launched on them. It is the attribute
// `transformer.launches` of the module.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_GPU_LAUNCHTABLE_H
#define TRANSFORMER_GPU_LAUNCHTABLE_H

#include "transformer/GPU/KernelSpec.h"

#include <string>

namespace mlir::transformer::gpu {

inline constexpr llvm::StringLiteral kLaunchesAttribute =
    "transformer.launches";

/// An array in device memory: `width` numbers for each token or sequence (for
/// Offsets, one number more than there are sequences), or so many in all.
struct DeviceBuffer {
  enum Rows { Tokens, Sequences, Offsets, Fixed } rows = Tokens;
  int64_t width = 1;
  Type element;
  std::string name; // of inputs and outputs
};

struct LaunchArgument {
  enum Kind {
    Input,
    Output,
    Buffer,
    Weight,
    Constant, // numbers that a name stands for: see constantNumbers
    NumTokens,
    NumSequences
  } kind;
  unsigned index = 0; // of Input, Output and Buffer
  std::string weight; // a global of the module; the name of a constant
  Type element;       // of both: what they are on the device
};

struct Launch {
  std::string kernel;
  LaunchShape shape;
  std::vector<LaunchArgument> arguments;
};

struct LaunchTable {
  std::vector<DeviceBuffer> inputs, outputs, buffers;
  std::vector<Launch> launches;

  DictionaryAttr toAttribute(MLIRContext *context) const;
  /// Of a module; fails with a sentence to `emitError` if the attribute is
  /// absent or not what toAttribute makes.
  static FailureOr<LaunchTable>
  of(Operation *module, llvm::function_ref<InFlightDiagnostic()> emitError);
};

/// The first dimension of the grid for a batch.
int64_t gridBlocks(const LaunchShape &shape, int64_t tokens, int64_t sequences);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_LAUNCHTABLE_H
