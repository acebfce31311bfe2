//===- Object.h - LLVM dialect to machine code ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_OBJECT_H
#define TRANSFORMER_CODEGEN_OBJECT_H

#include "transformer/CodeGen/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <vector>

namespace mlir::transformer {

/// A piece of the weights, in the file and in memory.
struct WeightsPart {
  uint64_t fileBytes = 0, memoryBytes = 0;
  uint64_t xxh3 = 0; // in memory; of parts whose two sizes differ
};

/// The weights file that the code belongs to.
struct WeightsIdentity {
  uint64_t bytes = 0;             // of the data section
  uint64_t xxh3 = 0;              // of the whole file
  uint64_t memory = 0;            // what the code sees
  std::vector<WeightsPart> parts; // none: the data section is what it sees
};

/// What generated code may call. Kernels that call libm would be slow, so only
/// the reference lowering may use all of the C library. Elsewhere: functions of
/// the program that will load it.
enum class Calls { Memory, CLibrary, Elsewhere };

/// What the code of a better level has to know about the code that the runtime
/// tries after it.
struct NextLevel {
  std::string symbol; // of its descriptor
  std::string names;  // its level's and those that follow, with commas
  std::string buildId;
};

/// A module on its way to machine code for one target. The same input gives
/// the same bytes on every machine that has the target's level.
class NativeCode {
public:
  /// Translates `module`, whose functions are in the LLVM dialect with the
  /// entry @tm_forward, and adds the descriptor made from its attributes
  /// transformer.model, .workspace, .inputs and .outputs. The descriptor is the
  /// only symbol that other objects see, @tm_model_descriptor for the best of
  /// the levels that are linked together. `next` is the level after this one.
  static llvm::Expected<NativeCode>
  create(ModuleOp module, const Target &target, const WeightsIdentity &weights,
         const NextLevel *next = nullptr, bool isBest = true);

  /// The same for code of another device, which `makeTable` makes a constant
  /// tm_device_table of; there are no functions. `target` is for the runtime
  /// that reads it, under the name of the device.
  static llvm::Expected<NativeCode> createDeviceTable(
      ModuleOp module, const Target &target, const WeightsIdentity &weights,
      llvm::function_ref<llvm::Expected<llvm::Constant *>(llvm::Module &)>
          makeTable,
      const NextLevel *next = nullptr, bool isBest = true);

  /// Names this code and that of the levels after it: a hash of everything that
  /// they are made from.
  StringRef buildId() const { return own.buildId; }
  /// For the level before this one.
  const NextLevel &asNext() const { return own; }
  /// Runs LLVM's pipeline of that level.
  void optimize(llvm::OptimizationLevel level = llvm::OptimizationLevel::O3);
  /// LLVM IR.
  std::string text() const;
  /// An ELF object. With Calls::Memory, calls of anything but memcpy, memmove
  /// and memset are an error.
  llvm::Expected<SmallVector<char, 0>> emitObject(Calls calls = Calls::Memory);
  /// The same as text, with LLVM's notes on loops and spilled registers.
  llvm::Expected<SmallVector<char, 0>> emitAssembly();

private:
  NativeCode() = default;
  llvm::Error describe(ModuleOp module, const Target &target,
                       const WeightsIdentity &weights, const NextLevel *next,
                       bool isBest, llvm::Constant *device);
  llvm::Expected<SmallVector<char, 0>> generate(llvm::CodeGenFileType type);
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
  NextLevel own;
};

/// Adds the constant `own.symbol` to `llvmModule`; see tm_descriptor in
/// Runtime/abi.h. `device`: the tm_device_table of code that a GPU runs.
llvm::Error addDescriptor(llvm::Module &llvmModule, ModuleOp module,
                          const Target &target, const WeightsIdentity &weights,
                          const NextLevel &own, const NextLevel *next,
                          llvm::Constant *device = nullptr);

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_OBJECT_H
