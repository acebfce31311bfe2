//===- Ptx.cpp - device modules to PTX ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Ptx.h"
#include "transformer/GPU/Chip.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Optimize.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

llvm::Expected<std::unique_ptr<llvm::Module>>
mlir::transformer::gpu::deviceToLLVM(::mlir::gpu::GPUModuleOp module,
                                     llvm::LLVMContext &context) {
  MLIRContext &mlir = *module.getContext();
  registerBuiltinDialectTranslation(mlir);
  registerLLVMDialectTranslation(mlir);
  registerGPUDialectTranslation(mlir);
  registerNVVMDialectTranslation(mlir);
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, module.getName());
  if (!code)
    return makeError("internal error: the device module has operations that "
                     "are not in the LLVM dialect");
  return code;
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
machineOf(::mlir::gpu::GPUModuleOp module) {
  NVVM::NVVMTargetAttr target;
  if (ArrayAttr targets = module.getTargetsAttr(); targets && !targets.empty())
    target = dyn_cast<NVVM::NVVMTargetAttr>(targets[0]);
  std::string message;
  // An unknown chip or feature would end the process inside of LLVM.
  const Chip *chip = lookupChip(target ? target.getChip() : "", message);
  if (!chip)
    return makeError(message);
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return makeError("this LLVM has no code generator for NVIDIA GPUs: " +
                     message);
  llvm::TargetOptions options;
  // As on the CPU: a row's value may not depend on what is around it.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, chip->name, chip->features, options, std::nullopt, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

// What the driver could not resolve, or what would be slow without a word.
static llvm::Error check(StringRef ptx) {
  for (StringRef bad :
       {"malloc", "__nv_", "vprintf", ".local ", "__local_depot"})
    if (ptx.contains(bad))
      return makeError("internal error: the device code has '" + bad +
                       "', which no kernel may need");
  return llvm::Error::success();
}

llvm::Expected<std::string>
mlir::transformer::gpu::emitPtx(::mlir::gpu::GPUModuleOp module) {
  auto machine = machineOf(module);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto code = deviceToLLVM(module, context);
  if (!code)
    return code.takeError();
  (*code)->setTargetTriple((*machine)->getTargetTriple());
  (*code)->setDataLayout((*machine)->createDataLayout());
  optimize(**code, **machine, llvm::OptimizationLevel::O3);
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  if ((*machine)->addPassesToEmitFile(manager, stream, nullptr,
                                      llvm::CodeGenFileType::AssemblyFile))
    return makeError("this LLVM cannot write PTX");
  manager.run(**code);
  std::string text(bytes.begin(), bytes.end());
  if (llvm::Error error = check(text))
    return std::move(error);
  return text;
}
