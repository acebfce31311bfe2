//===- DeviceModel.h - models on emulated GPUs ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests: MLIR text of a @forward in, its results by the f64 interpreter and
// by the launches of its GPU kernels out.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_GPU_DEVICEMODEL_H
#define TRANSFORMER_UNITTESTS_GPU_DEVICEMODEL_H

#include "Emulator.h"
#include "transformer/GPU/LaunchTable.h"
#include "transformer/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>

namespace mlir::transformer::test {

class DeviceModel {
public:
  /// Globals get random values that `dtype` can hold. Null, and a failed
  /// expectation, if the text is not what the pipeline takes. `edit` may change
  /// what kernels are to compute.
  using Edit = llvm::function_ref<void(NamedAttrList &kernel)>;
  static std::unique_ptr<DeviceModel>
  create(StringRef text, StringRef dtype = "f16", Edit edit = nullptr,
         int64_t fftFrom = 0, StringRef chip = "sm_80");
  ~DeviceModel();

  /// Runs both on random inputs for sequences of these lengths; true if nothing
  /// was computed. The kernels are those with `mutation`.
  bool run(ArrayRef<int> lengths, Mutation mutation = {},
           bool isDescending = false);

  /// The largest difference of any output, and the largest result.
  double error() const;
  std::map<std::string, int> reports;
  Mutable counts;
  double scale = 1; // of random floats among the inputs
  /// May change inputs before a run; the offsets are the last of a dense model.
  std::function<void(MutableArrayRef<TensorValue>)> changeInputs;
  bool hasFft = true; // whether cuFFT is there
  /// Of kernels whose blocks do several tiles.
  int64_t mostBlocks = 2;
  /// Whether the chip starts kernels before those before them are done.
  bool canOverlap = false;
  /// Of kernels for few rows, more and many, the first whatever there are, or
  /// the last.
  std::optional<bool> isFew;
  gpu::LaunchTable table;
  std::vector<TensorValue> expected, results;

private:
  DeviceModel();
  struct State;
  std::unique_ptr<State> state;
};

/// Expects the results of both within `tolerance` of each other, and no report,
/// of one batch after the other. Lanes run in turns upwards and downwards.
void expectRight(StringRef text, StringRef dtype,
                 const std::vector<std::vector<int>> &batches,
                 double tolerance);

/// A linear of k to n columns with a bias and gelu, and a residual.
std::string linearText(int n, int k, StringRef dtype);

/// A linear of i8 of k to n columns, behind the quantize of its f16 input.
std::string linearOfI8(int n, int k);

/// Two linears in a row: k to rank to n columns, with a bias, gelu and a
/// residual of the second one.
struct Linears {
  int n, k, rank;
  /// Of i8: what is rounded between them has a multiplier, or a scale, by the
  /// text of an op.
  bool isI8 = false, hasMultiplier = false;
  const char *scale = nullptr;
  bool returnsHidden = false; // besides
  bool hasBias = false;       // of the first
};
std::string pairText(const Linears &linears, StringRef dtype);

/// Images of 2 x 3 patches, a linear of each, and a row before those of an
/// image.
std::string patchesText();

/// The kernels of a test, as LLVM IR; null, and a failure of the test, if it is
/// none. What the emulator does not know is such a failure too, or, if there is
/// a `problem`, that.
std::unique_ptr<Emulator> emulatorOf(StringRef text, Mutation mutation = {},
                                     Mutable *counts = nullptr,
                                     std::string *problem = nullptr);

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_DEVICEMODEL_H
