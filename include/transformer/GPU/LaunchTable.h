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

#include <optional>
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

/// How a kernel that copies boxes sees an array: rows of `columns` numbers;
/// a box is `boxRows` rows by 128 bytes, whose chunks of 16 bytes are exchanged
/// as products of warpgroups want them. Outside of the array there are zeros.
struct ArrayMap {
  DeviceBuffer::Rows rows = DeviceBuffer::Fixed;
  int64_t numRows = 0; // if Fixed
  int64_t columns = 0;
  Type element;
  int64_t boxRows = 0;
};

struct LaunchArgument {
  enum Kind {
    Input,
    Output,
    Buffer,
    Weight,
    Constant, // numbers that a name stands for: see constantNumbers
    NumTokens,
    NumSequences,
    FftFrom // LaunchTable::fftFrom; the largest number where cuFFT is missing
  } kind;
  unsigned index = 0;      // of Input, Output and Buffer
  std::string weight = {}; // a global of the module; the name of a constant
  Type element = {};       // of both: what they are on the device
  /// Of a weight [slices, rows, columns], if not 0: [rows, slices, columns] on
  /// the device.
  int64_t slices = 0;
  std::optional<ArrayMap> map = {}; // passed instead of the array's address
};

/// The "kernel" of a launch that is a call of cuFFT for each long sequence, if
/// the library is there: the transform of its rows, of `columns` numbers, in
/// the argument, where rows have room for columns / 2 + 1 complex numbers.
inline constexpr llvm::StringLiteral kFftCall = "cufft";

struct Launch {
  std::string kernel;
  LaunchShape shape;
  /// For which lengths it is needed: others than fftFrom divides are not there.
  enum Need { Always, Short, Long } need = Always;
  std::vector<LaunchArgument> arguments;
  /// It is for more than `above` rows of what its grid counts, and at most
  /// `most`.
  int64_t above = 0, most = INT64_MAX;
  bool isFor(int64_t tokens, int64_t sequences) const {
    int64_t rows = shape.rows == GridRows::Sequences ? sequences : tokens;
    return rows > above && rows <= most;
  }
};

struct LaunchTable {
  std::vector<DeviceBuffer> inputs, outputs, buffers;
  std::vector<Launch> launches;
  /// From how many tokens on a sequence is cuFFT's; 0: none.
  int64_t fftFrom = 0;

  DictionaryAttr toAttribute(MLIRContext *context) const;
  /// Of a module; fails with a sentence to `emitError` if the attribute is
  /// absent or not what toAttribute makes.
  static FailureOr<LaunchTable>
  of(Operation *module, llvm::function_ref<InFlightDiagnostic()> emitError);
};

/// The first dimension of the grid for a batch, if all blocks are launched.
int64_t gridBlocks(const LaunchShape &shape, int64_t tokens, int64_t sequences);
/// Both dimensions on a GPU with so many multiprocessors.
std::pair<int64_t, int64_t> gridOf(const LaunchShape &shape, int64_t tokens,
                                   int64_t sequences, int64_t multiprocessors);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_LAUNCHTABLE_H
