//===- Object.cpp - LLVM dialect to machine code --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Object.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Hash.h"
#include "transformer/Support/Optimize.h"
#include "transformer/Support/Version.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace mlir::transformer;

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const Target &target) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::Triple triple(target.triple);
  std::string message;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return makeError("this LLVM has no code generator for " + target.triple +
                     ": " + message);
  llvm::TargetOptions options;
  // Contractions are explicit: fusing would make rows depend on their tile.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.MCOptions.AsmVerbose = true;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

static void setFunctionAttributes(llvm::Function &function,
                                  const Target &target) {
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.tuneCpu.empty())
    function.addFnAttr("tune-cpu", target.tuneCpu);
  if (!target.features.empty())
    function.addFnAttr("target-features", target.features);
  function.addFnAttr("prefer-vector-width",
                     std::to_string(target.preferVectorWidth));
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.setUWTableKind(llvm::UWTableKind::None);
}

llvm::Expected<NativeCode> NativeCode::create(ModuleOp module,
                                              const Target &target,
                                              const WeightsIdentity &weights,
                                              const NextLevel *next,
                                              bool isBest) {
  NativeCode code;
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  code.machine = std::move(*machine);
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  code.context = std::make_unique<llvm::LLVMContext>();
  code.module = translateModuleToLLVMIR(module, *code.context, "model");
  if (!code.module)
    return makeError("internal error: the lowered module has operations that "
                     "are not in the LLVM dialect");
  llvm::Module &llvmModule = *code.module;
  llvmModule.setTargetTriple(code.machine->getTargetTriple());
  llvmModule.setDataLayout(code.machine->createDataLayout());
  llvm::Function *entry = llvmModule.getFunction("tm_forward");
  if (!entry || entry->isDeclaration())
    return makeError("internal error: the lowered module has no function "
                     "tm_forward");
  for (llvm::Function &function : llvmModule) {
    if (function.isDeclaration())
      continue;
    setFunctionAttributes(function, target);
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }

  if (llvm::Error error =
          code.describe(module, target, weights, next, isBest, nullptr))
    return std::move(error);
  return code;
}

llvm::Expected<NativeCode> NativeCode::createDeviceTable(
    ModuleOp module, const Target &target, const WeightsIdentity &weights,
    llvm::function_ref<llvm::Expected<llvm::Constant *>(llvm::Module &)>
        makeTable,
    const NextLevel *next, bool isBest) {
  NativeCode code;
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  code.machine = std::move(*machine);
  code.context = std::make_unique<llvm::LLVMContext>();
  code.module = std::make_unique<llvm::Module>("model", *code.context);
  code.module->setTargetTriple(code.machine->getTargetTriple());
  code.module->setDataLayout(code.machine->createDataLayout());
  llvm::Expected<llvm::Constant *> table = makeTable(*code.module);
  if (!table)
    return table.takeError();
  if (llvm::Error error =
          code.describe(module, target, weights, next, isBest, *table))
    return std::move(error);
  return code;
}

/// Adds the descriptor, under a name made from all that is there before it.
llvm::Error NativeCode::describe(ModuleOp mlirModule, const Target &target,
                                 const WeightsIdentity &weights,
                                 const NextLevel *next, bool isBest,
                                 llvm::Constant *device) {
  std::string made = text() + target.cpu + target.features + target.tuneCpu +
                     TRANSFORMER_VERSION LLVM_VERSION_STRING;
  own.symbol = "tm_model_descriptor" + (isBest ? "" : "." + target.name);
  own.names = target.name;
  if (next) {
    made += next->buildId;
    own.names += "," + next->names;
  }
  own.buildId = llvm::utohexstr(hashBytes(made), /*LowerCase=*/true, 16);
  return addDescriptor(*module, mlirModule, target, weights, own, next, device);
}

void NativeCode::optimize(llvm::OptimizationLevel level) {
  transformer::optimize(*module, *machine, level);
}

std::string NativeCode::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}

// What the object expects from elsewhere and must not.
static llvm::Error checkSymbols(ArrayRef<char> object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(StringRef(object.data(), object.size()), "model"));
  if (!file)
    return file.takeError();
  const llvm::StringSet<> allowed = {"", "memcpy", "memmove", "memset",
                                     "_GLOBAL_OFFSET_TABLE_"};
  std::string found;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<StringRef> name = symbol.getName();
    if (!flags || !name)
      return joinErrors(flags.takeError(), name.takeError());
    if ((*flags & llvm::object::SymbolRef::SF_Undefined) &&
        !allowed.contains(*name) && *name != "tm_gpu_backend" &&
        !name->starts_with("tm_model_descriptor."))
      found += (found.empty() ? "" : ", ") + name->str();
  }
  if (!found.empty())
    return makeError("internal error: the generated code calls " + found +
                     "; kernels may call memcpy, memmove and memset only");
  return llvm::Error::success();
}

llvm::Expected<SmallVector<char, 0>>
NativeCode::generate(llvm::CodeGenFileType type) {
  SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  if (machine->addPassesToEmitFile(manager, stream, nullptr, type))
    return makeError("this LLVM cannot write code for " +
                     machine->getTargetTriple().str());
  manager.run(*module);
  return bytes;
}

llvm::Expected<SmallVector<char, 0>> NativeCode::emitObject(Calls calls) {
  auto object = generate(llvm::CodeGenFileType::ObjectFile);
  if (object && calls == Calls::Memory)
    if (llvm::Error error = checkSymbols(*object))
      return std::move(error);
  return object;
}

llvm::Expected<SmallVector<char, 0>> NativeCode::emitAssembly() {
  return generate(llvm::CodeGenFileType::AssemblyFile);
}
