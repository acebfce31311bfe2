//===- Emulator.h - device kernels on this machine's CPU ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests: runs the LLVM IR of device kernels with one fiber per lane.
// Instructions that lanes do together are done when all lanes of the warp are
// there. Copies to shared memory arrive as late as they may. What a GPU would
// leave undefined is reported: races, accesses out of bounds, bytes that are
// read before their copy is waited for, divergence, deadlock.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_GPU_EMULATOR_H
#define TRANSFORMER_UNITTESTS_GPU_EMULATOR_H

#include "GlobalMemory.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mlir::transformer::test {

/// A mistake in the operands of products, for tests of the emulator.
enum class Alteration {
  None,
  LeftSwizzle,
  RightSwizzle,
  LeftTransposed,
  RightTransposed,
  LeftStride,
  RightStride,
  LeftStart,
  RightStart
};

/// How many instructions of a module a Mutation can change, by kind.
struct Mutable {
  int synchronizations = 0, matrices = 0;
};

/// An instruction that is left out or changed, by its number in the module; -1:
/// none.
struct Mutation {
  /// A barrier, wait, fence, commit or arrival that is left out.
  int drop = -1;
  /// An ldmatrix that transposes, or no longer does.
  int flip = -1;
  /// Of every product.
  Alteration alteration = Alteration::None;
  /// Of the maps of arrays: how many more, and how chunks are exchanged.
  int mapRows = 0, mapColumns = 0, mapSwizzle = 128;
  /// How many more rows a launch is told that there are.
  int rows = 0;
};

class Emulator {
public:
  /// `counts`, if not null, gets what a Mutation can change.
  static llvm::Expected<std::unique_ptr<Emulator>>
  create(std::unique_ptr<llvm::Module> code,
         std::unique_ptr<llvm::LLVMContext> context, Mutation mutation = {},
         Mutable *counts = nullptr);

  /// Memory that kernels may read, or write too. Only these bytes.
  void addMemory(void *data, size_t bytes, bool isWritable) {
    memory.push_back({static_cast<char *>(data), bytes, isWritable});
  }

  /// Runs a kernel; `arguments` are pointers to the values, as for
  /// cuLaunchKernel. `overlaps`: a GPU may start it before those before it are
  /// done. Kernels run one after the other here all the same, and what would
  /// matter is reported.
  void launch(const std::string &kernel, std::vector<void *> arguments,
              int64_t gridX, int64_t gridY, int64_t threads,
              int64_t sharedBytes, bool overlaps = false);

  /// What was wrong, and how often, in the words of the report.
  std::map<std::string, int> reports;

  struct Memory {
    char *data;
    size_t bytes;
    bool isWritable;
  };
  std::vector<Memory> memory;
  GlobalMemory global;
  /// Descending: lanes run from the last to the first.
  bool isDescending = false;
  Alteration alteration = Alteration::None;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// Replaces what only a GPU has by calls of transformerEmulate and
/// transformerAccess, and gives each kernel a function `run.NAME` that takes
/// its arguments as cuLaunchKernel does. Names of unknown instructions are
/// errors.
llvm::Error retarget(llvm::Module &module, Mutation mutation, Mutable &counts);

/// The instructions that are emulated, by name without "llvm.nvvm.".
enum class DeviceOp {
  ThreadIndex,
  BlockX,
  BlockY,
  GridX,
  LetNextStart,
  Exp2,
  Reciprocal,
  Shuffle,
  Ballot,
  LoadMatrices,
  LoadMatricesTransposed,
  MultiplyF16,
  MultiplyBf16,
  MultiplyI8,
  CopyAsync,
  CopyBox,
  MultiplyRows,
  MultiplyRegisters,
  // Those that a mutation can drop.
  Commit,
  Wait,
  Barrier,
  BarrierOfSome,
  ArriveAtBarrier,
  WaitForLaunches,
  InitBarrier,
  Arrive,
  ArriveExpecting,
  TryWait,
  FenceAsynchronous,
  FenceProducts,
  CommitProducts,
  WaitProducts,
  WaitSums
};

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_EMULATOR_H
